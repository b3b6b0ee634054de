"""From a match to its transaction: contract, hold, Pod, Event, all or nothing.

The transaction insists that Pod, node and offer are as they were when the batch was cleared; a
user who edits a Pod meanwhile undoes that match alone, and the next batch takes it up again.
Matches of a namespace with a budget go together, for the budget is checked for all of them at
once. Next: `refusals.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from busbar.controllers.market.inputs import Inputs, Ordered
from busbar.controllers.nodes import node_key
from busbar.controllers.parts.binding import bound, promised
from busbar.controllers.parts.events import event
from busbar.controllers.parts.funds import account_key, budget_of, claim_budget
from busbar.controllers.parts.pods import epoch_of
from busbar.controllers.parts.writes import create, new_object, revision_of, unchanged
from busbar.ledger.settlement import hold
from busbar.market.outcome import Clearing, Match
from busbar.model.ids import derived_suffix, derived_uid
from busbar.model.kinds.contract import ContractSlot, ContractSpec, ContractStatus
from busbar.model.money import format_euro
from busbar.model.objects import Key, Object, controller_of, name_of, namespace_of, uid_of
from busbar.model.resources import key_of
from busbar.model.time import Instant, format_instant
from busbar.model.wellknown import GROUP
from busbar.store.contract import Op, Put, Snapshot, Transaction

_NAME_MAX = 200
EXPLAINED_MAX = 64
"""Matches of a batch up to which each is told why cheaper offers were not eligible."""


def transactions(
    snapshot: Snapshot, inputs: Inputs, clearing: Clearing, name: str, now: Instant
) -> tuple[Transaction, ...]:
    """Give a transaction for each match; one for all of a namespace that has a budget."""
    alone: list[Transaction] = []
    together: dict[str, list[Match]] = defaultdict(list)
    for match in clearing.matches:
        account = snapshot.get(account_key(match.namespace))
        if budget_of(account) is None:
            alone.append(_commit(snapshot, inputs, clearing, match, name, now))
        else:
            together[match.namespace].append(match)
    for namespace, group in together.items():
        claim = claim_budget(snapshot, namespace, sum(m.hold_nano for m in group), now)
        joined = Transaction(claim)
        for match in group:
            joined += _commit(snapshot, inputs, clearing, match, name, now)
        alone.append(joined)
    return tuple(alone)


def _commit(
    snapshot: Snapshot, inputs: Inputs, clearing: Clearing, match: Match, record: str, now: Instant
) -> Transaction:
    ordered = inputs.orders[match.order]
    pod, epoch = ordered.pod, epoch_of(ordered.pod) + 1
    contract = _contract(ordered, match, record, epoch, now)
    # Worked out order by order: in a burst it would be what everybody waits for.
    explains = len(clearing.matches) <= EXPLAINED_MAX
    cheaper = clearing.cheaper(match.order) if explains else ()
    at_once = match.start <= now
    name = name_of(contract)
    if at_once:
        placed = bound(pod, match.node, name, epoch, now, cheaper)
    else:
        placed = promised(pod, name, epoch)
    ops: tuple[Op, ...] = (
        create(contract),
        Put(key_of(pod), placed, revision_of(pod)),
        *_still(snapshot, match),
        event(
            snapshot, pod, now, "Scheduled" if at_once else "Reserved", _sentence(match, cheaper)
        ),
    )
    uid, money = uid_of(contract), match.hold_nano
    entries = (hold(uid, match.namespace, money, now),) if money else ()
    return Transaction(ops, entries)


def _still(snapshot: Snapshot, match: Match) -> Iterable[Op]:
    keys = (node_key(match.node), Key(GROUP, "offers", "", match.offer))
    return [unchanged(obj) for key in keys if (obj := snapshot.get(key)) is not None]


def _contract(ordered: Ordered, match: Match, clearing: str, epoch: int, now: Instant) -> Object:
    order, pod = ordered
    suffix = derived_suffix(uid_of(pod), epoch)
    name = f"{name_of(pod)[:_NAME_MAX]}-{suffix}"
    key = Key(GROUP, "contracts", namespace_of(pod), name)
    spec = ContractSpec(
        order=_reference(pod),
        vendor=match.vendor,
        offer=match.offer,
        offer_version=match.offer_version,
        node=match.node,
        zone=match.zone,
        draw_micro=match.draw_micro,
        cpu_milli=order.requests.cpu_milli,
        memory_bytes=order.requests.memory_bytes,
        gpus=order.requests.gpus,
        cap_nano=order.cap_nano,
        epoch=epoch,
        slots=[ContractSlot(s.start, s.end, s.price_nano) for s in match.segments],
        not_after_ms=order.deadline,
        clearing=clearing,
    )
    status = ContractStatus(
        phase="Bound" if match.start <= now else "Reserved",
        held_nano=match.hold_nano,
        price_per_dtu=format_euro(match.price_nano),
        cost="0",
    )
    told = {"phase": status.phase, **msgspec.to_builtins(status)}
    contract = new_object(key, derived_uid("contract", uid_of(pod), epoch), now)
    return {**contract, "spec": msgspec.to_builtins(spec), "status": told}


def _reference(pod: Object) -> dict[str, str]:
    named = {"name": name_of(pod), "uid": uid_of(pod)}
    owner = controller_of(pod)
    if owner is None:
        return named
    return {
        **named,
        "ownerApiVersion": str(owner.get("apiVersion", "")),
        "ownerKind": str(owner.get("kind", "")),
        "ownerName": str(owner.get("name", "")),
        "ownerUid": str(owner.get("uid", "")),
    }


def _sentence(match: Match, cheaper: tuple[str, ...]) -> str:
    price = f"{format_euro(match.price_nano)} €/DTU"
    where = f"vendor {match.vendor}, node {match.node} in {match.zone}, at {price}"
    until = f"until {format_instant(match.end)}"
    others = f" Cheaper, but not eligible: {'; '.join(cheaper)}." if cheaper else ""
    return f"Matched: {where}, from {format_instant(match.start)} {until}.{others}"
