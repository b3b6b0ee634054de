"""Pools: what a Procurement holds on one node, and the Pods that draw on it.

A node's room is taken once: by what is held, or by who draws on it where that is more (some of
what was held may have ended while they go on). So a pool takes, at each instant, the larger of the
two, and a Pod may begin to draw only while all that draw fit in what is held. A driver's place is
held as long as the driver runs, so it takes its room until further notice, as running work does.
Next: `market/draws.py`, who draws, and `contracts/room.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from busbar.market.commitments import Commitment
from busbar.model.dtu import Resources
from busbar.model.ids import derived_suffix
from busbar.model.kinds.contract import reserved_by
from busbar.model.objects import (
    Key,
    Object,
    annotations_of,
    is_deleting,
    namespace_of,
    spec_of,
    status_of,
)
from busbar.model.time import Instant, slot_of
from busbar.model.wellknown import ANN_RECLAIM, GROUP
from busbar.store.contract import Snapshot

NOTHING = Resources()


class PoolKey(NamedTuple):
    """Whose pool it is, and where. Sold parts of it know its `id` only."""

    namespace: str
    procurement: str
    node: str

    @property
    def id(self) -> str:
        """Give its opaque name, which whoever is sold a part of it may see."""
        return derived_suffix("pool", *self, length=12)


def pool_of(contract: Object) -> str:
    """Give the opaque name of the pool that a contract belongs to; "" for ordinary ones."""
    spec = spec_of(contract)
    if spec.get("pool"):
        return str(spec["pool"])
    key = key_of_pool(contract)
    return "" if key is None else key.id


def key_of_pool(contract: Object) -> PoolKey | None:
    """Give the pool of a contract of its own namespace; None for ordinary and for sold ones."""
    spec = spec_of(contract)
    named = spec.get("procurement") or spec.get("reservation")
    return PoolKey(namespace_of(contract), named, spec["node"]) if named else None


def seller_of(namespace: str) -> str:
    """Give the opaque name under which a namespace sells what it holds."""
    return derived_suffix("seller", namespace, length=12)


class Share(NamedTuple):
    """What a namespace has of an offer in [start, end); `end` None: until it stops."""

    offer: str
    namespace: str
    resources: Resources
    start: Instant
    end: Instant | None


class Pool(NamedTuple):
    """The open contracts of a pool, in an order of their own."""

    held: tuple[Object, ...] = ()
    drawn: tuple[Object, ...] = ()

    def held_at(self, at: Instant, until: Instant | None = None) -> Resources:
        """Give what is held at an instant, or all through [at, until)."""
        return total(c for c in self.held_through(at, at + 1 if until is None else until))

    def held_through(self, start: Instant, end: Instant) -> tuple[Object, ...]:
        """Give the contracts that have begun to hold and do so all through [start, end)."""
        return tuple(c for c in self.held if has_begun(c) and _holds(c, start, end))

    def room(self, at: Instant) -> Resources:
        """Give what may be begun to be drawn, as far as the hour goes that `at` is in."""
        return self.held_at(at).minus(total(self.drawing(at, at + 1)))

    def drawing(self, start: Instant, end: Instant) -> list[Object]:
        """Give who draws in some of [start, end), were those that run to go on."""
        return [c for c in self.drawn if _draws(c, start, end)]

    def promised_through(self, start: Instant, end: Instant) -> tuple[Object, ...]:
        """Give the contracts that hold, or are to hold, all through [start, end)."""
        return tuple(c for c in self.held if _holds(c, start, end))

    def left(self, start: Instant, end: Instant) -> Resources:
        """Give what is promised for [start, end) beyond what draws then, were that to go on.

        For any stretch, such as the rest of an hour; of whole hours `left.py` says it of all at
        once.
        """
        return total(self.promised_through(start, end)).minus(total(self.drawing(start, end)))

    def claimed(self, start: Instant, end: Instant) -> Resources:
        """Give what of the held room is given out for [start, end)."""
        return total(
            contract
            for contract in self.drawn
            if any(
                slot.get("reserved") and slot["startMs"] < end and start < slot["endMs"]
                for slot in spec_of(contract)["slots"]
            )
        )

    def commitments(self, node: str) -> Iterator[Commitment]:
        """Give what the pool takes of its node: at each instant the larger of held and drawn."""
        for start, end in self._stretches():
            held, drawn = self._there(start)
            taken = larger(total(held), total(drawn))
            if taken != NOTHING:
                yield Commitment(node, taken, start, end)

    def shares(self) -> Iterator[Share]:
        """Give what consumers have of offers here: who holds what is held, or draws beyond that.

        Who was sold room of others has what it draws; those others have what they hold.
        """
        for start, end in self._stretches():
            held, drawn = self._there(start)
            own = [c for c in drawn if key_of_pool(c) is not None]
            bought = [c for c in drawn if key_of_pool(c) is None]
            beyond = larger(total(own).minus(total(held)), NOTHING)
            for dealt in sorted({_dealt(c) for c in (*held, *drawn)}):
                taken = _under(dealt, (*held, *bought)).plus(smaller(_under(dealt, own), beyond))
                if taken != NOTHING:
                    yield Share(*dealt, taken, start, end)

    def _there(self, at: Instant) -> tuple[list[Object], list[Object]]:
        """Give what is held, or is to be, and what draws at a time, were that to go on."""
        held = [c for c in self.held if term_of(c)[0] <= at < until_of(c)]
        return held, self.drawing(at, at + 1)

    def _stretches(self) -> Iterable[tuple[Instant, Instant | None]]:
        """Give the times between which nothing begins or ends; none that is over for certain.

        A table of what is promised takes what is over for what has not ended.
        """
        begun = max((term_of(c)[0] for c in self.held if has_begun(c)), default=0)
        later = {at for c in (*self.held, *self.drawn) for at in _edges(c) if at > begun}
        edges = [begun, *sorted(later)]
        return zip(edges, [*edges[1:], None], strict=True)


def is_leaving(snapshot: Snapshot, held: Iterable[Object]) -> bool:
    """Say whether what is held goes back to its vendor: nothing is begun there any more."""
    held = tuple(held)
    if any(status_of(contract).get("reclaimBy") for contract in held):
        return True
    specs = [spec_of(contract) for contract in held]
    nodes = (snapshot.get(Key("", "nodes", "", name)) for name in {s["node"] for s in specs})
    offers = (snapshot.get(Key(GROUP, "offers", "", name)) for name in {s["offer"] for s in specs})
    if any(offer is None or is_deleting(offer) for offer in offers):
        return True
    return any(n is None or is_deleting(n) or annotations_of(n).get(ANN_RECLAIM) for n in nodes)


def next_cover(contract: Object) -> tuple[Instant, Instant]:
    """Give the next stretch that a Pod which draws needs: what follows its last slot.

    It is empty, or ends before it starts, where its vendor takes the capacity back by then: an hour
    given out is promised like one that is sold.
    """
    start = term_of(contract)[1]
    return start, min(slot_of(start).end, _deadline(contract), _reclaimed_at(contract))


def may_be_covered(pool: Pool, contract: Object) -> bool:
    """Say whether what is held, or begins then, has room for a Pod's next stretch."""
    start, end = next_cover(contract)
    there = [c for c in pool.held if _holds(c, start, end) or rolls(c)]
    need = resources_of(contract).plus(pool.claimed(start, end))
    return start < end and need.fits_in(total(there))


def rolls(contract: Object) -> bool:
    """Say whether what is held goes on with the driver that it is held for, as far as is known.

    It does until the driver ends, or until its contract says why it cannot (`status.reason`).
    """
    order, status = spec_of(contract).get("order") or {}, status_of(contract)
    return "driverUid" in order and status.get("phase") == "Held" and not status.get("reason")


def until_of(contract: Object) -> Instant:
    """Give until when what is held takes its room: the term's end, or the driver's deadline."""
    return _deadline(contract) if rolls(contract) else term_of(contract)[1]


def load(contracts: Iterable[Object], at: Instant) -> Resources:
    """Give what contracts take of their node at an instant."""
    taken, pools = NOTHING, dict[str, tuple[Resources, Resources]]()
    for contract in contracts:
        key, needs = pool_of(contract), resources_of(contract)
        if not key:
            taken = taken.plus(needs)
            continue
        held, drawn = pools.get(key, (NOTHING, NOTHING))
        if not spec_of(contract).get("procurement"):
            drawn = drawn.plus(needs)
        elif at < until_of(contract):
            held = held.plus(needs)
        pools[key] = held, drawn
    for held, drawn in pools.values():
        taken = taken.plus(larger(held, drawn))
    return taken


def larger(one: Resources, other: Resources) -> Resources:
    """Give the larger of two, dimension by dimension."""
    return Resources(*map(max, one, other))


def smaller(one: Resources, other: Resources) -> Resources:
    """Give the smaller of two, dimension by dimension."""
    return Resources(*map(min, one, other))


def total(contracts: Iterable[Object]) -> Resources:
    """Add up what contracts take."""
    found = NOTHING
    for contract in contracts:
        found = found.plus(resources_of(contract))
    return found


def resources_of(contract: Object) -> Resources:
    """Give what a contract takes."""
    return reserved_by(spec_of(contract))


def term_of(contract: Object) -> tuple[Instant, Instant]:
    """Give the reserved term."""
    slots = spec_of(contract)["slots"]
    return slots[0]["startMs"], slots[-1]["endMs"]


def _dealt(contract: Object) -> tuple[str, str]:
    """Give the offer that a contract is under, and whose it is."""
    return spec_of(contract)["offer"], namespace_of(contract)


def _under(dealt: tuple[str, str], contracts: Iterable[Object]) -> Resources:
    """Add up what those contracts take that are under an offer, and of whom."""
    return total(contract for contract in contracts if _dealt(contract) == dealt)


def is_reserved(contract: Object) -> bool:
    """Say whether a contract is for later, and has not begun."""
    return status_of(contract).get("phase") == "Reserved"


def drawn_until(contract: Object) -> Instant:
    """Give until when a contract may draw that has begun: a piece that others follow ends."""
    spec = spec_of(contract)
    goes_on = spec.get("piece", 0) >= spec.get("pieces", 0)
    return _deadline(contract) if goes_on else term_of(contract)[1]


def _draws(contract: Object, start: Instant, end: Instant) -> bool:
    """Say whether a contract draws in some of [start, end): sold for later, in its hours only."""
    if not is_reserved(contract):
        return start < drawn_until(contract)
    begin, until = term_of(contract)
    return begin < end and start < until


def _edges(contract: Object) -> tuple[Instant, ...]:
    if spec_of(contract).get("procurement") and rolls(contract):
        return term_of(contract)[0], until_of(contract)
    if spec_of(contract).get("procurement") or is_reserved(contract):
        return term_of(contract)
    until = drawn_until(contract)
    return () if until == _NEVER else (until,)


def _deadline(contract: Object) -> Instant:
    deadline = spec_of(contract).get("notAfterMs")
    return _NEVER if deadline is None else int(deadline)


def has_begun(held: Object) -> bool:
    """Say whether a contract that holds capacity has begun to."""
    return status_of(held).get("phase") == "Held"


def _holds(contract: Object, start: Instant, end: Instant) -> bool:
    """Say whether what is held stays so all through [start, end), as far as its vendor has said."""
    begin, until = held_for(contract)
    return begin <= start and end <= until


def held_for(contract: Object) -> tuple[Instant, Instant]:
    """Give the time for which a contract holds, as far as its vendor has said."""
    begin, until = term_of(contract)
    return begin, min(until, _reclaimed_at(contract))


def _reclaimed_at(contract: Object) -> Instant:
    at = status_of(contract).get("reclaimAtMs")
    return _NEVER if at is None else int(at)


_NEVER = 2**62
