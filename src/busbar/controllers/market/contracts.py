"""The Contract that a match becomes: its spec, its first status, and whom it names.

Next: `matches.py`, which makes transactions of them.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from busbar.controllers.market.inputs import Ordered, Standby
from busbar.controllers.market.weighing import weighed
from busbar.controllers.parts.writes import new_object
from busbar.controllers.places import reference
from busbar.controllers.pools import PoolKey
from busbar.market.orders import Order, fixed_term_of
from busbar.market.outcome import Match
from busbar.model.ids import derived_suffix, derived_uid
from busbar.model.kinds.contract import (
    ContractSlot,
    ContractSpec,
    ContractStatus,
    ContractTransfer,
    TransferStatus,
)
from busbar.model.money import format_euro
from busbar.model.objects import Key, Object, controller_of, name_of, namespace_of, spec_of, uid_of
from busbar.model.time import Instant, format_instant
from busbar.model.wellknown import GROUP

_NAME_MAX = 200

AGREED = ("reclaimNoticeMs", "minimumTermMs", "agreed")
"""What of a contract's spec stays as the vendor agreed to it."""


class Plan(NamedTuple):
    """The plan of work in pieces: its name, how many they are, which one a contract is for."""

    name: str = ""
    pieces: int = 0
    piece: int = 0


WHOLE = Plan()


def contract_of(
    ordered: Ordered,
    match: Match,
    transfer: ContractTransfer | None,
    clearing: str,
    epoch: int,
    now: Instant,
    members: int = 0,
    plan: Plan = WHOLE,
) -> Object:
    """Make the contract; `members` of its gang are matched with it."""
    order, pod = ordered
    suffix = derived_suffix(uid_of(pod), epoch)
    name = f"{name_of(pod)[:_NAME_MAX]}-{suffix}"
    key = Key(GROUP, "contracts", namespace_of(pod), name)
    spec = _spec(order, match, _reference(pod), clearing, now)
    spec.epoch, spec.not_after_ms = epoch, order.deadline
    spec.gang_members, spec.fixed_term_ms = members, fixed_term_of(pod)
    spec.transfer, spec.weighed = transfer, weighed(match, pod)
    spec.plan, spec.pieces, spec.piece = plan
    phase = "Bound" if match.start <= now else "Reserved"
    status = _status(match, phase)
    if transfer is not None:
        status.transfer = TransferStatus(held_nano=match.moving_nano)
    return _made(key, derived_uid("contract", uid_of(pod), epoch), spec, status, now)


def held_contract(
    standby: Standby, match: Match, clearing: str, now: Instant, members: int = 0
) -> Object:
    """Make the contract that holds capacity for a Procurement; a driver's place rolls with it."""
    order, procurement, driver, _ = standby
    uid = derived_uid("held", order.id, now)
    name = f"{name_of(procurement)[:_NAME_MAX]}-{derived_suffix(order.id, now, length=8)}"
    key = Key(GROUP, "contracts", namespace_of(procurement), name)
    named = {"kind": "Procurement", "name": name_of(procurement), "uid": uid_of(procurement)}
    if driver is not None:
        named = reference(procurement, driver.pod)
    spec = _spec(order, match, named, clearing, now)
    if driver is not None:
        spec.not_after_ms = driver.order.deadline
        spec.fixed_term_ms = fixed_term_of(driver.pod)
        spec.gang_members = members
    pool = PoolKey(key.namespace, name_of(procurement), match.node).id
    spec.procurement, spec.pool = name_of(procurement), pool
    phase = "Held" if match.start <= now else "Reserved"
    return _made(key, uid, spec, _status(match, phase), now)


def in_pool(contract: Object, **named: object) -> Object:
    """Say of a contract that its slots lie in held room, and whose."""
    spec = spec_of(contract)
    slots = [{**slot, "reserved": True} for slot in spec["slots"]]
    return {**contract, "spec": {**spec, **named, "slots": slots}}


def _spec(
    order: Order, match: Match, reference: dict[str, str], clearing: str, now: Instant
) -> ContractSpec:
    return ContractSpec(
        reserved_at_ms=now if match.start > now else None,
        order=reference,
        vendor=match.vendor,
        offer=match.offer,
        offer_version=match.offer_version,
        node=match.node,
        zone=match.zone,
        draw_micro=match.draw_micro,
        cpu_milli=order.requests.cpu_milli,
        memory_bytes=order.requests.memory_bytes,
        gpus=order.requests.gpus,
        ephemeral_bytes=order.requests.ephemeral_bytes,
        cap_nano=order.cap_nano,
        slots=[ContractSlot(s.start, s.end, s.price_nano) for s in match.segments],
        clearing=clearing,
        gang=order.gang.name if order.gang is not None else "",
    )


def _status(match: Match, phase: str) -> ContractStatus:
    price, held_nano = format_euro(match.price_nano), match.hold_nano
    return ContractStatus(phase=phase, held_nano=held_nano, price_per_dtu=price, cost="0")


def _made(key: Key, uid: str, spec: ContractSpec, status: ContractStatus, now: Instant) -> Object:
    status.starts = format_instant(spec.slots[0].start_ms)
    status.ends = format_instant(spec.slots[-1].end_ms)
    told = {"phase": status.phase, **msgspec.to_builtins(status)}
    contract = new_object(key, uid, now)
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
