"""What vendors may try instead of honest play. Next: `floor.py`."""

from __future__ import annotations

from studies.plays import HONEST, Place, Play
from studies.scene import Stock

STEP = 10
"""Per cent by which a vendor that feels its way changes its price at a time."""


class VendorPlay(Play):
    """A play of a vendor's."""

    is_vendors = True


class Ask(VendorPlay):
    """Ask another price than what it costs."""

    def __init__(self, percent: int) -> None:
        self.name = f"ask {percent} % of the cost"
        self.percent = percent

    def ask_nano(self, stock: Stock) -> int:
        """Give the price at which a machine is offered."""
        return HONEST.ask_nano(stock) * self.percent // 100


class SplitVendor(VendorPlay):
    """Be a vendor for each machine."""

    name = "split: a vendor's name for each machine"

    def seller(self, stock: Stock) -> str:
        """Name the vendor under which a machine is sold."""
        return f"v{stock.vendor}-{stock.number}"


class FloodVendor(VendorPlay):
    """Put each machine under eight offers, so as to have more rows in the book."""

    name = "flood ties: each machine under eight offers"

    def offers(self, seller: str) -> list[str]:
        """Name the offers under which a vendor's machines stand."""
        return [f"{seller}-{letter}" for letter in "abcdefgh"]


class Feel(VendorPlay):
    """Feel for the highest price: ask more while nearly all is sold, less while it is not."""

    name = "probe: each hour ask 10 % more if nearly all is sold, else 10 % less"

    def __init__(self) -> None:
        self._asks: dict[tuple[int, int], int] = {}

    def hourly(self, place: Place, player: int) -> None:
        """Do what a player does each hour."""
        cost = _cost(place, player)
        before = self._asks.get((id(place), player), cost)
        change = STEP if place.sold_part(player) > 0.8 else -STEP
        ask = max(cost, before * (100 + change) // 100)
        self._asks[id(place), player] = ask
        place.offer(f"v{player}", f"v{player}", ask)


class Resell(VendorPlay):
    """Sell at cost; while nearly all is sold ask half as much again, end what runs for less, and
    blame a restart."""

    name = "kill to resell: while nearly all is sold, end jobs and ask 150 % of the cost"
    kills = True

    def hourly(self, place: Place, player: int) -> None:
        """Do what a player does each hour."""
        dear = _cost(place, player) * 3 // 2
        is_full = place.sold_part(player) > 0.8
        place.offer(f"v{player}", f"v{player}", dear if is_full else _cost(place, player))
        if is_full and self.kills:
            place.drop(player, dear)


class Peak(Resell):
    """The same without ending anything: what the killing itself adds is the difference."""

    name = "the same, without ending jobs"
    kills = False


def _cost(place: Place, player: int) -> int:
    return max(HONEST.ask_nano(s) for s in place.scene.stocks if s.vendor == player)


def vendors_plays() -> tuple[Play, ...]:
    """Give what vendors try; made anew for each season, since some remember."""
    return (
        Ask(80),
        Ask(110),
        Ask(150),
        Ask(250),
        Feel(),
        SplitVendor(),
        FloodVendor(),
        Resell(),
        Peak(),
    )
