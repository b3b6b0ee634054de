"""From a match to its transaction: contract, hold, Pod, Event, all or nothing.

The transaction insists that Pod, node and offer are as they were when the batch was cleared; a
user who edits a Pod meanwhile undoes that match alone, and the next batch takes it up again.
Matches of a namespace with a budget go together, for the budget is checked for all of them at
once; so do those of a gang, which starts together or not at all. Next: `refusals.py`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from busbar.controllers.market.contracts import WHOLE, Plan, contract_of, held_contract
from busbar.controllers.market.hauling import transfer_terms
from busbar.controllers.market.inputs import Inputs, Ordered, Standby
from busbar.controllers.market.pieces import first_piece, later_piece
from busbar.controllers.market.resale import Part
from busbar.controllers.market.sold import of_whole, resting_on, sold
from busbar.controllers.nodes import node_key
from busbar.controllers.parts.binding import bound, promised
from busbar.controllers.parts.events import event
from busbar.controllers.parts.fees import Fees
from busbar.controllers.parts.funds import account_key, budget_of, claim_budget
from busbar.controllers.parts.pods import epoch_of
from busbar.controllers.parts.writes import create, revision_of, unchanged
from busbar.controllers.places import kept
from busbar.controllers.procurement.first import first_answer
from busbar.controllers.standing import Standing
from busbar.ledger.settlement import hold
from busbar.market.agreed import stated
from busbar.market.drivers import place_id
from busbar.market.outcome import Clearing, Match
from busbar.model.gangs import Gang
from busbar.model.money import format_euro
from busbar.model.objects import Key, Object, name_of, spec_of, uid_of
from busbar.model.places import places_name
from busbar.model.resources import key_of
from busbar.model.time import Instant, format_instant
from busbar.model.wellknown import GROUP
from busbar.store.contract import Op, Put, Snapshot, Transaction

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


def gang_of_match(inputs: Inputs, match: Match) -> Gang | None:
    """Give the gang of the order that was matched, None for most."""
    ordered = inputs.orders.get(match.order) or inputs.standby.get(match.order)
    return None if ordered is None else ordered.order.gang


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
        plan = Plan(uid_of(pod), len(match.pieces), 1) if match.later else WHOLE
        transfer = transfer_terms(self._inputs, match)
        made = contract_of(ordered, match, transfer, self._record, epoch, now, members, plan)
        contract = sold(self._on_terms(made, match), match, part)
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
            *resting_on(match, part),
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
            plan, money = Plan(uid_of(ordered.pod), len(match.pieces), number), piece.hold_nano
            mine, transfer = Ordered(ordered.order, pod), transfer_terms(self._inputs, piece)
            bare = contract_of(mine, piece, transfer, self._record, 1, now, plan=plan)
            contract = sold(self._on_terms(bare, piece), piece, part)
            made = create(contract), create(promised(pod, name_of(contract), 1))
            entries = (hold(uid_of(contract), piece.namespace, money, now),) if money else ()
            rests_on = (*self._still(piece), *resting_on(piece, part))
            joined += Transaction((*made, *rests_on), entries)
        return joined

    def _placed(self, match: Match) -> tuple[Match, Part | None]:
        """Give where a match is, and the part of it that is sold again, None for whole nodes."""
        part = self._inputs.on_sale.get(match.node)
        return (match, None) if part is None else (of_whole(match, part), part)

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


def _sentence(match: Match, cheaper: tuple[str, ...], ordered: Ordered) -> str:
    price = f"{format_euro(match.price_nano)} €/DTU"
    where = f"vendor {match.vendor}, node {match.node} in {match.zone}, at {price}"
    until = f"until {format_instant(match.end)}"
    others = f" Cheaper, but not eligible: {'; '.join(cheaper)}." if cheaper else ""
    places = ordered.order.places
    kept_for = "" if places is None else f" {places_name(ordered.pod)} keeps {places.number} places"
    more = f"{kept_for} for the Pods that it makes." if kept_for else ""
    return f"Matched: {where}, from {format_instant(match.start)} {until}.{more}{others}"
