"""From a match to its transaction: contract, hold, Pod, Event, all or nothing.

The transaction insists that Pod, node and offer are as they were when the batch was cleared; a
user who edits a Pod meanwhile undoes that match alone, and the next batch takes it up again.
Matches of a namespace with a budget go together, for the budget is checked for all of them at
once; so do those of a gang, which starts together or not at all. Next: `refusals.py`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any, NamedTuple

import msgspec

from busbar.controllers.market.draws import Draw
from busbar.controllers.market.hauling import transfer_terms
from busbar.controllers.market.inputs import Inputs, Ordered, Standby
from busbar.controllers.market.pieces import first_piece, later_piece
from busbar.controllers.market.resale import Part
from busbar.controllers.market.weighing import weighed
from busbar.controllers.nodes import node_key
from busbar.controllers.parts.binding import bound, promised
from busbar.controllers.parts.events import event
from busbar.controllers.parts.fees import Fees
from busbar.controllers.parts.funds import account_key, budget_of, claim_budget
from busbar.controllers.parts.pods import epoch_of
from busbar.controllers.parts.writes import create, new_object, revision_of, unchanged
from busbar.controllers.places import driver_of, kept, reference
from busbar.controllers.pools import PoolKey
from busbar.controllers.procurement.first import first_answer
from busbar.controllers.standing import Standing
from busbar.ledger.settlement import hold
from busbar.market.agreed import stated
from busbar.market.drivers import place_id
from busbar.market.orders import Order, fixed_term_of
from busbar.market.outcome import Clearing, Match
from busbar.model.gangs import Gang
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
from busbar.model.places import places_name
from busbar.model.resources import key_of
from busbar.model.time import Instant, format_instant
from busbar.model.wellknown import GROUP
from busbar.store.contract import Op, Put, Snapshot, Transaction

_NAME_MAX = 200


class _Plan(NamedTuple):
    """The plan of work in pieces: its name, how many they are, which one a contract is for."""

    name: str = ""
    pieces: int = 0
    piece: int = 0


_WHOLE = _Plan()
EXPLAINED_MAX = 64
"""Matches of a batch up to which each is told why cheaper offers were not eligible."""


def transactions(
    standing: Standing,
    snapshot: Snapshot,
    inputs: Inputs,
    clearing: Clearing,
    name: str,
    now: Instant,
    fees: Fees,
) -> tuple[Transaction, ...]:
    """Give a transaction for each match; one for a gang, or for a namespace that has a budget."""
    batch = _Batch(snapshot, inputs, clearing, name, now, fees)
    alone: list[Transaction] = []
    together: dict[str, list[Match]] = defaultdict(list)
    gangs: dict[str, list[Match]] = defaultdict(list)
    has_budget: dict[str, bool] = {}
    for match in clearing.matches:
        namespace = match.namespace
        if namespace not in has_budget:
            has_budget[namespace] = budget_of(snapshot.get(account_key(namespace))) is not None
        if has_budget[namespace]:
            together[namespace].append(match)
        elif (gang := gang_of_match(inputs, match)) is not None:
            gangs[gang.name].append(match)
        else:
            alone.append(batch.commit(match))
    for namespace, group in together.items():
        money = sum(piece.hold_nano for m in group for piece in m.pieces)
        spent = standing.contracts.spent(namespace, now)
        claim = claim_budget(snapshot, namespace, money, spent)
        alone.append(sum(map(batch.commit, group), Transaction(claim)))
    alone += (sum(map(batch.commit, group), Transaction()) for group in gangs.values())
    return tuple(alone)


def drawn(snapshot: Snapshot, inputs: Inputs, now: Instant, fees: Fees) -> tuple[Transaction, ...]:
    """Give a transaction for each order that draws on what its namespace holds."""
    return tuple(_draw(snapshot, ordered, draw, now, fees) for ordered, draw in inputs.draws)


_AGREED = ("reclaimNoticeMs", "minimumTermMs", "agreed")


def _draw(
    snapshot: Snapshot, ordered: Ordered, draw: Draw, now: Instant, fees: Fees
) -> Transaction:
    pod, epoch = ordered.pod, epoch_of(ordered.pod) + 1
    contract = _contract(ordered, draw.match, None, "", epoch, now, members=0)
    held = spec_of(draw.rests_on[0])
    terms = {name: held[name] for name in _AGREED if name in held}
    offer = snapshot.get(Key(GROUP, "offers", "", draw.match.offer))
    if held.get("agreed") and offer is not None and spec_of(offer).get("vendor") == held["vendor"]:
        # What goes on is this contract: older terms were agreed for what is held.
        terms["agreed"] = stated(spec_of(offer), now)
    named = {"pool": draw.key.id, "reservation": draw.key.procurement}
    fee = fees.terms(draw.match.namespace, draw.match.vendor)
    contract = _in_pool(contract, **named, **terms, **fee)
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


_NO_NOTICE = 2**62


def gang_of_match(inputs: Inputs, match: Match) -> Gang | None:
    """Give the gang of the order that was matched, None for most."""
    ordered = inputs.orders.get(match.order) or inputs.standby.get(match.order)
    return None if ordered is None else ordered.order.gang


def _in_pool(contract: Object, **named: object) -> Object:
    """Say of a contract that its slots lie in held room, and whose."""
    spec = spec_of(contract)
    slots = [{**slot, "reserved": True} for slot in spec["slots"]]
    return {**contract, "spec": {**spec, **named, "slots": slots}}


def _of_whole(match: Match, part: Part) -> Match:
    """Say of a match with a part of a node what it is a match with."""
    held = spec_of(part.under(match.start, match.end)[0])
    return match._replace(
        node=part.node,
        vendor=held["vendor"],
        offer=held["offer"],
        offer_version=held["offerVersion"],
    )


def _sold(contract: Object, match: Match, part: Part | None) -> Object:
    """Say of a contract with a part whose held room it is in, and on whose terms it is.

    A vendor owes who was sold a part no more than who holds it: the shortest notice, and what is
    sold without one, to the end, only where all of it is.
    """
    if part is None:
        return contract
    held = map(spec_of, part.under(match.start, match.end))
    least = min(held, key=lambda spec: int(spec.get("reclaimNoticeMs") or 0) or _NO_NOTICE)
    spec = {name: value for name, value in spec_of(contract).items() if name not in _AGREED}
    spec |= {name: least[name] for name in _AGREED if name in least}
    return _in_pool({**contract, "spec": spec}, pool=part.pool, seller=part.seller)


def _resting_on(match: Match, part: Part | None) -> tuple[Op, ...]:
    """Insist that what a part is held by in these hours is as it was read, and its ask."""
    if part is None:
        return ()
    return tuple(map(unchanged, (*part.under(match.start, match.end), part.procurement)))


class _Batch:
    """What the matches of a clearing share."""

    def __init__(
        self,
        snapshot: Snapshot,
        inputs: Inputs,
        clearing: Clearing,
        record: str,
        now: Instant,
        fees: Fees,
    ) -> None:
        self._snapshot, self._inputs, self._clearing = snapshot, inputs, clearing
        self._record, self._now = record, now
        # Worked out order by order: in a burst it would be what everybody waits for.
        self._explains = len(clearing.matches) <= EXPLAINED_MAX
        self._fees = fees
        self._offers = {offer.name: offer for offer in inputs.offers}
        self._matched: Counter[str] | None = None
        self._by_order: dict[str, Match] | None = None
        self._rests_on: dict[tuple[str, str], tuple[Op, ...]] = {}

    def commit(self, match: Match) -> Transaction:
        """Give the transaction that makes a match a contract."""
        standby = self._inputs.standby.get(match.order)
        if standby is not None:
            return self._keep(standby, match)
        match, part = self._placed(match)
        now, ordered = self._now, self._inputs.orders[match.order]
        pod, epoch = ordered.pod, epoch_of(ordered.pod) + 1
        money = match.hold_nano
        members = self._members(ordered.order.gang)
        plan = _Plan(uid_of(pod), len(match.pieces), 1) if match.later else _WHOLE
        transfer = transfer_terms(self._inputs, match)
        made = _contract(ordered, match, transfer, self._record, epoch, now, members, plan)
        contract = _sold(self._on_terms(made, match), match, part)
        cheaper = self._clearing.cheaper(match.order) if self._explains else ()
        at_once = match.start <= now
        name = name_of(contract)
        if at_once:
            placed = bound(pod, match.node, name, epoch, now, cheaper)
        else:
            placed = promised(pod, name, epoch)
        if match.later:
            placed = first_piece(placed)
        said = "Scheduled" if at_once else "Reserved"
        ops: tuple[Op, ...] = (
            create(contract),
            Put(key_of(pod), placed, revision_of(pod)),
            *self._still(match),
            *self._places(ordered, match.start),
            *_resting_on(match, part),
            event(self._snapshot, pod, now, said, _sentence(match, cheaper, ordered)),
        )
        entries = (hold(uid_of(contract), match.namespace, money, now),) if money else ()
        return Transaction(ops, entries) + self._later_pieces(ordered, match)

    def _places(self, driver: Ordered, start: Instant) -> tuple[Op, ...]:
        """Give what makes the Procurement of a driver's places, which are matched with it."""
        if driver.order.places is None:
            return ()
        if self._by_order is None:
            self._by_order = {match.order: match for match in self._clearing.matches}
        mine = [place_id(driver.order.id, n) for n in range(driver.order.places.number)]
        told = first_answer([self._by_order[one] for one in mine], self._now)
        keeper = self._inputs.standby[mine[0]].procurement
        return (kept(self._snapshot, keeper, start, told, self._now),)

    def _later_pieces(self, ordered: Ordered, match: Match) -> Transaction:
        """Give what makes the later pieces of interrupted work certain as well."""
        joined, now = Transaction(), self._now
        for number, found in enumerate(match.later, 2):
            piece, part = self._placed(found)
            pod = later_piece(ordered.pod, number, now)
            plan, money = _Plan(uid_of(ordered.pod), len(match.pieces), number), piece.hold_nano
            mine, transfer = Ordered(ordered.order, pod), transfer_terms(self._inputs, piece)
            bare = _contract(mine, piece, transfer, self._record, 1, now, plan=plan)
            contract = _sold(self._on_terms(bare, piece), piece, part)
            made = create(contract), create(promised(pod, name_of(contract), 1))
            entries = (hold(uid_of(contract), piece.namespace, money, now),) if money else ()
            rests_on = (*self._still(piece), *_resting_on(piece, part))
            joined += Transaction((*made, *rests_on), entries)
        return joined

    def _placed(self, match: Match) -> tuple[Match, Part | None]:
        """Give where a match is, and the part of it that is sold again, None for whole nodes."""
        part = self._inputs.on_sale.get(match.node)
        return (match, None) if part is None else (_of_whole(match, part), part)

    def _members(self, gang: Gang | None) -> int:
        if gang is None:
            return 0
        if self._matched is None:
            found = (gang_of_match(self._inputs, match) for match in self._clearing.matches)
            self._matched = Counter(one.name for one in found if one is not None)
        return self._matched[gang.name]

    def _keep(self, standby: Standby, match: Match) -> Transaction:
        """Give the transaction that holds capacity for a Procurement, as long as it is as read."""
        members = self._members(standby.order.gang)
        made = held_contract(standby, match, self._record, self._now, members)
        contract = self._on_terms(made, match)
        rests = () if standby.is_new else (unchanged(standby.procurement),)
        ops = (create(contract), *rests, *self._still(match))
        money = match.hold_nano
        entries = (hold(uid_of(contract), match.namespace, money, self._now),) if money else ()
        return Transaction(ops, entries)

    def _on_terms(self, contract: Object, match: Match) -> Object:
        """Copy with what stays as it is now: the fee, and the offer's notice and minimum term."""
        offer, terms = (
            self._offers.get(match.offer),
            self._fees.terms(match.namespace, match.vendor),
        )
        if offer is not None and (offer.reclaim_notice_ms or offer.minimum_term_ms):
            terms["reclaimNoticeMs"] = offer.reclaim_notice_ms
            terms["minimumTermMs"] = offer.minimum_term_ms
        if offer is not None and offer.reclaim_notice_ms:
            terms["agreed"] = self._agreed(match.offer)
        return {**contract, "spec": {**spec_of(contract), **terms}}

    def _agreed(self, offer: str) -> dict[str, Any]:
        """Give what binds the vendor for its notice, whatever it makes of its offer."""
        found = self._snapshot.get(Key(GROUP, "offers", "", offer))
        assert found is not None
        return stated(spec_of(found), self._now)

    def _still(self, match: Match) -> tuple[Op, ...]:
        """Insist that node and offer are as they were read."""
        named = match.node, match.offer
        if named not in self._rests_on:
            keys = (node_key(match.node), Key(GROUP, "offers", "", match.offer))
            found = (self._snapshot.get(key) for key in keys)
            self._rests_on[named] = tuple(unchanged(obj) for obj in found if obj is not None)
        return self._rests_on[named]


def _contract(
    ordered: Ordered,
    match: Match,
    transfer: ContractTransfer | None,
    clearing: str,
    epoch: int,
    now: Instant,
    members: int = 0,
    plan: _Plan = _WHOLE,
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


def _sentence(match: Match, cheaper: tuple[str, ...], ordered: Ordered) -> str:
    price = f"{format_euro(match.price_nano)} €/DTU"
    where = f"vendor {match.vendor}, node {match.node} in {match.zone}, at {price}"
    until = f"until {format_instant(match.end)}"
    others = f" Cheaper, but not eligible: {'; '.join(cheaper)}." if cheaper else ""
    places = ordered.order.places
    kept_for = "" if places is None else f" {places_name(ordered.pod)} keeps {places.number} places"
    more = f"{kept_for} for the Pods that it makes." if kept_for else ""
    return f"Matched: {where}, from {format_instant(match.start)} {until}.{more}{others}"
