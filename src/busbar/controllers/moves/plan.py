"""What the book offers a running service: the best move of a ReplicaSet's Pods, if any.

The place is the one that a new order on the same terms would get now, alone: one look at the book
for all Pods of a set. Next: `controller.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import msgspec

from busbar.controllers.contracts.rolling import agreed_terms
from busbar.controllers.moves.words import moves_of, stays_until
from busbar.controllers.parts.pods import contract_key, is_final, node_of
from busbar.controllers.replicas.choice import deletion_cost
from busbar.controllers.replicas.members import ready_since
from busbar.controllers.standing import Standing
from busbar.market.calendar import Calendar, Segment
from busbar.market.clearing import clear
from busbar.market.company import in_company
from busbar.market.moves import RULE, START_MS, Move, Stay, Tenancy, Why, consider, weight_of
from busbar.market.orders import Order, parse_order
from busbar.market.outcome import Match
from busbar.model.kinds.contract import ContractSpec
from busbar.model.money import format_euro
from busbar.model.objects import Key, Object, namespace_of, spec_of, status_of
from busbar.model.time import Instant
from busbar.model.wellknown import GROUP
from busbar.store.contract import Snapshot

_ASKED = "moves"
"""The lot of the order asked about; it takes part in no batch."""


class Planned(NamedTuple):
    """A Pod, where it is, where it would go, and what that comes to."""

    pod: Object
    contract: Object
    move: Move
    place: str
    target: str


def open_contract(snapshot: Snapshot, pod: Object) -> Object | None:
    """Give the open contract that a Pod runs under."""
    key = contract_key(pod)
    contract = snapshot.get(key) if key is not None else None
    is_open = contract is not None and status_of(contract).get("phase") in ("Bound", "Running")
    return contract if is_open else None


def tenancy(standing: Standing, snapshot: Snapshot, pod: Object, contract: Object) -> Tenancy:
    """Read the place that a Pod has."""
    spec = msgspec.convert(spec_of(contract), ContractSpec)
    begun, ready, until = spec.slots[0].start_ms, ready_since(pod), reclaimed_at(contract)
    priority, paid = spec_of(pod).get("priority"), slots_of(spec)
    calendar = _goes_on(standing, snapshot, spec) if until is None else None
    return Tenancy(
        draw_micro=spec.draw_micro,
        cap_nano=spec.cap_nano,
        paid=paid if until is None else _up_to(paid, until),
        calendar=calendar,
        since=begun,
        moved=moves_of(pod),
        start_ms=START_MS if ready is None else max(0, ready - begun),
        weight=weight_of(deletion_cost(pod), priority if isinstance(priority, int) else 0),
    )


def _goes_on(standing: Standing, snapshot: Snapshot, spec: ContractSpec) -> Calendar | None:
    """Give the calendar that a contract goes on by: the one agreed, where only that lets it."""
    now, end = calendar_of(standing, spec.offer), spec.slots[-1].end_ms
    agreed = agreed_terms(spec, snapshot.get(Key(GROUP, "offers", "", spec.offer)), end)
    ask = now.ask_at(end) if now is not None else None
    if agreed is None or (ask is not None and ask <= spec.cap_nano):
        return now
    return agreed.calendar


def reclaimed_at(contract: Object) -> Instant | None:
    """Give when the vendor takes the place back, None where it does not."""
    at = status_of(contract).get("reclaimAtMs")
    return at if isinstance(at, int) else None


def _up_to(segments: tuple[Segment, ...], end: Instant) -> tuple[Segment, ...]:
    return tuple(s._replace(end=min(s.end, end)) for s in segments if s.start < end)


def slots_of(spec: ContractSpec) -> tuple[Segment, ...]:
    """Give the slots of a contract as segments."""
    return tuple(Segment(slot.start_ms, slot.end_ms, slot.price_nano) for slot in spec.slots)


def calendar_of(standing: Standing, offer: str) -> Calendar | None:
    """Give the calendar of an offer; None where it was withdrawn."""
    return next((one.calendar for one in standing.offers if one.name == offer), None)


def best(
    standing: Standing,
    snapshot: Snapshot,
    pods: Iterable[Object],
    sample: Object,
    now: Instant,
    *,
    for_saving: bool = True,
) -> Planned | None:
    """Give the move with the largest saving for its cost; None where nothing moves.

    `sample` is a new Pod of the same template: what it would get is what they could have. Without
    `for_saving` only those move whose place ends.
    """
    free = [pod for pod in pods if _is_free(snapshot, pod, now)]
    match = _match(standing, snapshot, sample, now) if free else None
    if match is None:
        return None
    places = {"": match}
    for pod in free:
        if node_of(pod) == match.node and _is_taken_back(snapshot, pod):
            # The best place is the one that it must leave: the best of the others, then.
            other = _match(standing, snapshot, sample, now, away_from=match.node)
            places = {"": match, match.node: other or match}
            break
    found = _moves(standing, snapshot, free, places, now)
    may = [one for one in found if for_saving or one.move.why is Why.PLACE_ENDS]
    return max(may, key=_worth, default=None)


def _is_alike(standing: Standing, contract: Object, match: Match) -> bool:
    """Say whether GPUs draw the same there: a heavier class costs more by the hour, cheap or not.

    A job is through sooner on it; a service would only be billed more.
    """
    here, there = (_gpu_weight(standing, node) for node in (spec_of(contract)["node"], match.node))
    return not spec_of(contract).get("gpus") or here == there


def _gpu_weight(standing: Standing, node: str) -> int:
    columns = standing.book.columns
    return max((columns.rows[i].gpu_weight_micro for i in columns.rows_named(node)), default=0)


def _is_taken_back(snapshot: Snapshot, pod: Object) -> bool:
    contract = open_contract(snapshot, pod)
    return contract is not None and reclaimed_at(contract) is not None


def _is_free(snapshot: Snapshot, pod: Object, now: Instant) -> bool:
    """Say whether a Pod has been where it is for long enough, or may have to leave."""
    contract = open_contract(snapshot, pod) if node_of(pod) and stays_until(pod) <= now else None
    if contract is None or is_final(pod):
        return False
    slots = spec_of(contract)["slots"]
    ends, until = int(slots[-1]["endMs"]), reclaimed_at(contract)
    stayed, left = now - int(slots[0]["startMs"]), min(ends, until or ends) - now
    return stayed >= RULE.stay_ms or left <= RULE.leave_ms


def _moves(
    standing: Standing,
    snapshot: Snapshot,
    pods: list[Object],
    places: dict[str, Match],
    now: Instant,
) -> Iterator[Planned]:
    """Give the moves that the rule allows; `places` is the best one, by node for some."""
    for pod in pods:
        contract, match = open_contract(snapshot, pod), places.get(node_of(pod), places[""])
        there = calendar_of(standing, match.offer)
        if contract is None or there is None or node_of(pod) == match.node:
            continue
        if not _is_alike(standing, contract, match):
            continue
        here = tenancy(standing, snapshot, pod, contract)
        decided = consider(here, there, now, data_nano=match.moving_nano)
        if isinstance(decided, Stay):
            continue
        target = f"vendor {match.vendor} at {format_euro(match.price_nano)} €/DTU"
        yield Planned(pod, contract, decided, place_of(contract), target)


def place_of(contract: Object) -> str:
    """Name a place with the price paid there now."""
    price = status_of(contract).get("pricePerDTU")
    return f"vendor {spec_of(contract)['vendor']} at {price} €/DTU"


def _worth(planned: Planned) -> tuple[int, int, str]:
    move = planned.move
    ends = move.disruption_nano == 0
    return ends, move.saving_nano - move.disruption_nano, str(planned.pod["metadata"]["name"])


def _match(
    standing: Standing, snapshot: Snapshot, sample: Object, now: Instant, away_from: str = ""
) -> Match | None:
    namespace = snapshot.get(Key("", "namespaces", "", namespace_of(sample)))
    order = parse_order(sample, namespace)
    if not isinstance(order, Order):
        return None
    avoid = order.avoid | {away_from} if away_from else order.avoid
    laden = standing.freight.laden(order)
    order = replace(laden, id=_ASKED, name="", may_wait=False, avoid=avoid)
    order = standing.dealings.served(order, spec_of(sample))
    (sociable,), companions = in_company([order], standing.company.residents([order]))
    found = clear(standing.book.among(companions), [sociable], now)
    return found.matches[0] if found.matches else None
