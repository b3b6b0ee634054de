"""Honest play: ask what it costs, bid what it is worth, order what is wanted, deliver what is sold.

A `Play` is how one player plays; all others play `HONEST`. `Place` is where it is played: a trading
floor or a whole exchange. Next: `consumers.py`, `vendors.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from busbar.ledger.settlement import DEFAULT_FEE_PPM, PPM
from busbar.model.time import MINUTE
from studies.scene import Scene, Stock, Want


class Place(Protocol):
    """What players may do, and see: their own orders and machines, and what is published."""

    scene: Scene

    def order(
        self, want: Want, home: str, cap_nano: int | None = None, may_wait: bool = False
    ) -> str:
        """Order a piece of work; gives the order's name. No cap: as the player's play has it.

        Who may wait states the deadline; others take the order back when it is too late.
        """

    def cancel(self, order: str) -> None:
        """Take an order back, whatever came of it."""

    def has_place(self, order: str) -> bool:
        """Say whether it was matched and has not ended otherwise than well."""

    def has_started(self, order: str) -> bool:
        """Say whether it has run, or runs."""

    def offer(self, name: str, seller: str, ask_nano: int) -> None:
        """Offer a vendor's machines, or offer them at another price."""

    def sold_part(self, vendor: int) -> float:
        """Give the part of a vendor's vCPUs that runs work now."""

    def drop(self, vendor: int, below_nano: int) -> None:
        """End what a vendor runs for less than a price, and say that a machine restarted."""

    def after(self, ms: int, action: Callable[[], None]) -> None:
        """Do something later."""


class Play:
    """How a player plays: what it does where there is something to decide."""

    name = "honest"
    is_vendors = False

    def homes(self, consumer: int) -> list[str]:
        """Name the namespaces that a consumer keeps."""
        return [f"c{consumer}"]

    def home(self, want: Want) -> str:
        """Name the one that a piece of work is ordered in."""
        homes = self.homes(want.consumer)
        return homes[want.number % len(homes)]

    def cap_nano(self, want: Want) -> int:
        """Give the cap of an order."""
        return want.value_nano

    def duration_ms(self, want: Want) -> int:
        """Give how long it is said to take: a little more than it does."""
        return want.runs_ms + 2 * MINUTE

    def vendors(self, scene: Scene, want: Want) -> list[str]:
        """Name the vendors it is restricted to; none: anybody."""
        return []

    def wish(self, place: Place, want: Want) -> None:
        """Order a piece of work."""
        place.order(want, self.home(want))

    def seller(self, stock: Stock) -> str:
        """Name the vendor under which a machine is sold."""
        return f"v{stock.vendor}"

    def ask_nano(self, stock: Stock) -> int:
        """Give the price at which a machine is offered: what is left of it after the fee."""
        return -(-stock.cost_nano * PPM // (PPM - DEFAULT_FEE_PPM))

    def offers(self, seller: str) -> list[str]:
        """Name the offers under which a vendor's machines stand."""
        return [seller]

    def hourly(self, place: Place, player: int) -> None:
        """Do what a player does each hour."""


HONEST = Play()


class Table:
    """Who plays what: one player a play, everybody else honestly."""

    def __init__(self, scene: Scene, play: Play, player: int) -> None:
        self.scene, self.play, self.player = scene, play, player

    def consumer(self, number: int) -> Play:
        """Give how a consumer plays."""
        return HONEST if self.play.is_vendors or number != self.player else self.play

    def vendor(self, number: int) -> Play:
        """Give how a vendor plays."""
        return self.play if self.play.is_vendors and number == self.player else HONEST

    def homes(self) -> list[str]:
        """Name all namespaces."""
        consumers = sorted({want.consumer for want in self.scene.wants})
        return [home for number in consumers for home in self.consumer(number).homes(number)]

    def sellers(self, vendor: int) -> list[str]:
        """Name the vendors that a vendor goes by."""
        stocks = [stock for stock in self.scene.stocks if stock.vendor == vendor]
        return sorted({self.vendor(vendor).seller(stock) for stock in stocks})

    def openings(self) -> list[tuple[str, str, int]]:
        """Give the offers at the start: name, seller, ask."""
        found = {}
        for stock in self.scene.stocks:
            play = self.vendor(stock.vendor)
            seller = play.seller(stock)
            for offer in play.offers(seller):
                found[offer] = offer, seller, play.ask_nano(stock)
        return list(found.values())
