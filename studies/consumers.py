"""What consumers may try instead of honest play. Next: `vendors.py`."""

from __future__ import annotations

from busbar.model.time import MINUTE, SECOND
from studies.plays import Place, Play
from studies.scene import Scene, Want

LOOK_MS = 5 * MINUTE
"""How often those look who wait for something: after each batch, as soon as they may know."""
FIRST_LOOK_MS = 10 * SECOND


class Bid(Play):
    """Bid another price than what the work is worth."""

    def __init__(self, percent: int) -> None:
        self.name = f"bid {percent} % of the value"
        self.percent = percent

    def cap_nano(self, want: Want) -> int:
        """Give the cap of an order."""
        return want.value_nano * self.percent // 100


class SplitConsumer(Play):
    """Be several consumers."""

    name = "split into four namespaces"

    def homes(self, consumer: int) -> list[str]:
        """Name the namespaces that a consumer keeps."""
        return [f"c{consumer}-{letter}" for letter in "abcd"]


class Narrow(Play):
    """Say that only the two cheaper vendors will do: a narrower class has its turn earlier."""

    name = "claim to be bound to the two cheaper vendors"

    def vendors(self, scene: Scene, want: Want) -> list[str]:
        """Name the vendors it is restricted to."""
        return ["v0", "v1"]


class Overstate(Play):
    """Say that everything takes twice as long: among equals the longer term has its turn first."""

    name = "claim that all work takes twice as long"

    def duration_ms(self, want: Want) -> int:
        """Give how long it is said to take."""
        return 2 * want.runs_ms


class Probe(Play):
    """Ask for little at first, and for more after each batch in vain, up to the value."""

    name = "probe: bid 30 % of the value, then 15 points more after each batch in vain"

    def wish(self, place: Place, want: Want) -> None:
        """Order a piece of work."""
        self._bid(place, want, 30)

    def _bid(self, place: Place, want: Want, percent: int) -> None:
        order = place.order(want, self.home(want), want.value_nano * percent // 100)

        def look() -> None:
            if not place.has_place(order):
                place.cancel(order)
                self._bid(place, want, min(100, percent + 15))

        if percent < 100:
            place.after(FIRST_LOOK_MS, look)


class Flood(Play):
    """Order everything four times, so as to have four lots, and keep what comes first."""

    name = "flood ties: order all work four times, keep one"
    copies = 4

    def wish(self, place: Place, want: Want) -> None:
        """Order a piece of work."""
        orders = [place.order(want, self.home(want)) for _ in range(self.copies)]

        def look() -> None:
            placed = [order for order in orders if place.has_place(order)]
            for order in orders:
                if placed and order != placed[0]:
                    place.cancel(order)
            if not placed:
                place.after(LOOK_MS, look)

        place.after(FIRST_LOOK_MS, look)


class Withdraw(Play):
    """Reserve a later slot for all work at its value, look for a place now at half of it, and
    withdraw from the reserved one at the last moment where that was found."""

    name = "reserve all work for later, take a cheap place meanwhile, withdraw"

    def wish(self, place: Place, want: Want) -> None:
        """Order a piece of work."""
        later = place.order(want, self.home(want), may_wait=True)
        now = place.order(want, self.home(want), want.value_nano // 2)

        def look() -> None:
            if place.has_place(now):
                place.cancel(later)
            elif place.has_started(later):
                place.cancel(now)
            else:
                place.after(LOOK_MS, look)

        place.after(FIRST_LOOK_MS, look)


CONSUMERS: tuple[Play, ...] = (
    Bid(90),
    Bid(70),
    Bid(150),
    Probe(),
    SplitConsumer(),
    Narrow(),
    Overstate(),
    Flood(),
    Withdraw(),
)
