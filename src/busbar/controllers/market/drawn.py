"""From an order that draws on what its namespace holds to its transaction: nothing is paid for it.

It insists that what it rests on is as it was read. Next: `matches.py`, those who buy.
"""

from __future__ import annotations

from busbar.controllers.market.contracts import AGREED, contract_of, in_pool
from busbar.controllers.market.draws import Draw
from busbar.controllers.market.inputs import Inputs, Ordered
from busbar.controllers.nodes import node_key
from busbar.controllers.parts.binding import bound
from busbar.controllers.parts.events import event
from busbar.controllers.parts.fees import Fees
from busbar.controllers.parts.pods import epoch_of
from busbar.controllers.parts.writes import create, revision_of, unchanged
from busbar.controllers.places import driver_of
from busbar.market.agreed import stated
from busbar.model.objects import Key, name_of, spec_of
from busbar.model.resources import key_of
from busbar.model.time import Instant, format_instant
from busbar.model.wellknown import GROUP
from busbar.store.contract import Op, Put, Snapshot, Transaction


def transactions(
    snapshot: Snapshot, inputs: Inputs, now: Instant, fees: Fees
) -> tuple[Transaction, ...]:
    """Give a transaction for each order that draws on what its namespace holds."""
    return tuple(_draw(snapshot, ordered, draw, now, fees) for ordered, draw in inputs.draws)


def _draw(
    snapshot: Snapshot, ordered: Ordered, draw: Draw, now: Instant, fees: Fees
) -> Transaction:
    pod, epoch = ordered.pod, epoch_of(ordered.pod) + 1
    contract = contract_of(ordered, draw.match, None, "", epoch, now, members=0)
    held = spec_of(draw.rests_on[0])
    terms = {name: held[name] for name in AGREED if name in held}
    offer = snapshot.get(Key(GROUP, "offers", "", draw.match.offer))
    if held.get("agreed") and offer is not None and spec_of(offer).get("vendor") == held["vendor"]:
        # What goes on is this contract: older terms were agreed for what is held.
        terms["agreed"] = stated(spec_of(offer), now)
    named = {"pool": draw.key.id, "reservation": draw.key.procurement}
    fee = fees.terms(draw.match.namespace, draw.match.vendor)
    contract = in_pool(contract, **named, **terms, **fee)
    keys = node_key(draw.match.node), Key(GROUP, "offers", "", draw.match.offer)
    found = [obj for obj in map(snapshot.get, keys) if obj is not None]
    driver = driver_of(snapshot, draw.rests_on[0])
    if driver is not None:  # When it ends, its places are given back at once.
        found.append(driver)
    where = f"node {draw.match.node} of {draw.match.vendor} in {draw.match.zone}"
    until = format_instant(draw.match.end)
    said = f"Draws on {draw.key.procurement}: {where}, nothing more to pay until {until}."
    placed = bound(pod, draw.match.node, name_of(contract), epoch, now)
    ops: tuple[Op, ...] = (
        create(contract),
        Put(key_of(pod), placed, revision_of(pod)),
        *map(unchanged, (*found, *draw.rests_on)),
        event(snapshot, pod, now, "Scheduled", said),
    )
    return Transaction(ops)
