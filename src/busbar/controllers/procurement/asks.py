"""What Procurements ask the market for, seldom enough that others' orders are not held up.

A Procurement asks when it is new or changed, at each slot's begin, and else every so often while
something is missing (`Settings.procure_ms`). When it asked last stands in its status: the decision
rests on what is stored, also after a restart. Next: `told.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec

from busbar.controllers.jobs.podspec import priced, restricted
from busbar.controllers.parts.pods import contract_key
from busbar.controllers.places import has_ended, owner_of, running_owner
from busbar.controllers.pools import rolls, term_of
from busbar.market.drivers import bare
from busbar.market.orders import Order, OrderRefused, parse_order
from busbar.market.procurement import Plan, Stretch, plan
from busbar.model.errors import InvalidField
from busbar.model.kinds.procurement import ProcurementSpec
from busbar.model.objects import (
    Key,
    Object,
    is_deleting,
    metadata,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from busbar.model.requests import EPHEMERAL_STORAGE, GPU_RESOURCES
from busbar.model.standing_orders import StandingOrder, read_standing_order
from busbar.model.time import HOUR, Instant, parse_instant, slot_of
from busbar.model.wellknown import ANN_CAP, GROUP
from busbar.store.contract import Snapshot

PROCUREMENTS = (GROUP, "procurements")

HeldBy = Callable[[str, str], Sequence[Object]]
"""Gives the open contracts that hold capacity for a Procurement, by namespace and name."""


class Ask(NamedTuple):
    """A Procurement that asks now: its orders, by id, or why it cannot be one.

    `driver`: of a driver's places, its order and Pod; `idle`: why those of a driver that does not
    run are not asked for.
    """

    procurement: Object
    wanted: StandingOrder | None
    plan: Plan | None
    orders: tuple[Order, ...] = ()
    refused: OrderRefused | None = None
    driver: tuple[Order, Object] | None = None
    idle: str = ""


class Asked(NamedTuple):
    """Who asks now, and when the next one does."""

    asks: tuple[Ask, ...]
    due: Instant | None


def asked(snapshot: Snapshot, held_by: HeldBy, every_ms: int, now: Instant) -> Asked:
    """Give the Procurements that ask now."""
    asks, dues = [], list[Instant]()
    for procurement in snapshot.list(*PROCUREMENTS):
        if is_deleting(procurement) or _namespace_goes(snapshot, procurement):
            continue
        held = held_by(namespace_of(procurement), name_of(procurement))
        due = due_at(procurement, len(held), every_ms, now)
        if owner_of(procurement) is not None and not _may_ask(snapshot, procurement, held):
            continue
        if due is None or due > now:
            dues += [due] if due is not None else []
            continue
        asks.append(_ask(snapshot, procurement, held, now))
        dues.append(min(now + every_ms, slot_of(now).end))
    return Asked(tuple(asks), min(dues, default=None))


def _may_ask(snapshot: Snapshot, procurement: Object, held: Sequence[Object]) -> bool:
    """Say whether places are to be looked at: the driver runs, or none is held and to be told."""
    return not held or running_owner(snapshot, procurement) is not None


def due_at(procurement: Object, held: int, every_ms: int, now: Instant) -> Instant | None:
    """Give when a Procurement that holds so many contracts asks next; None where it is over."""
    status = status_of(procurement)
    tried = int(status.get("triedMs") or 0)
    if status.get("observedGeneration") != _generation(procurement) or not tried:
        return now
    if status.get("phase") == "Ended":
        return None
    if slot_of(tried).start != slot_of(now).start:
        return now
    lacks = status.get("missing") or status.get("reason") or held < int(status.get("contracts", 0))
    return tried + every_ms if lacks else slot_of(now).end


def _ask(snapshot: Snapshot, procurement: Object, held: Sequence[Object], now: Instant) -> Ask:
    namespace = snapshot.get(Key("", "namespaces", "", namespace_of(procurement)))
    try:
        wanted = read_standing_order(spec_of(procurement))
        made = parse_instant(metadata(procurement).get("creationTimestamp"), "metadata")
        order = parse_order(_as_pod(procurement), namespace)
    except InvalidField as wrong:
        return Ask(procurement, None, None, refused=OrderRefused(wrong.path, wrong.message))
    if isinstance(order, OrderRefused):
        return Ask(procurement, None, None, refused=order)
    if owner_of(procurement) is not None:
        return _ask_for_places(snapshot, procurement, wanted, held, order, now)
    needs = plan(wanted, made, stretches(held), now)
    orders = _orders(replace(order, requests=wanted.unit), needs.missing, now)
    return Ask(procurement, wanted, needs, tuple(orders))


def _ask_for_places(
    snapshot: Snapshot,
    procurement: Object,
    wanted: StandingOrder,
    held: Sequence[Object],
    order: Order,
    now: Instant,
) -> Ask:
    """Ask for the places that a driver has lost: for the present hour, in its zone.

    Where, for whom and at which price is as the driver says; what is bought rolls with it.
    """
    driver = running_owner(snapshot, procurement)
    if driver is None:
        if has_ended(snapshot, procurement):
            return Ask(procurement, wanted, Plan((), now, now), idle="Its driver has ended.")
        return Ask(procurement, wanted, Plan((), now, None), idle="Its driver waits for a place.")
    terms = parse_order(driver, snapshot.get(Key("", "namespaces", "", namespace_of(driver))))
    if isinstance(terms, OrderRefused):
        return Ask(procurement, None, None, refused=terms)
    key = contract_key(driver)
    contract = snapshot.get(key) if key is not None else None
    zone = str(spec_of(contract or {}).get("zone") or "")
    there = terms.eligibility._replace(regions=(zone,)) if zone else terms.eligibility
    unit = replace(bare(terms, wanted.unit), id=order.id, eligibility=there, gang=None)
    lost = max(0, wanted.units - sum(rolls(c) or now < term_of(c)[1] for c in held))
    missing = (Stretch(now, slot_of(now).end),) * lost
    orders = tuple(_orders(replace(unit, may_wait=False), missing, now))
    return Ask(procurement, wanted, Plan(missing, now, None), orders, driver=(terms, driver))


def _orders(order: Order, missing: Sequence[Stretch], now: Instant) -> Iterator[Order]:
    for number, (start, end) in enumerate(missing):
        yield replace(
            order,
            id=f"{order.id}.{start // HOUR}.{number}",
            earliest=start if start > now else 0,
            deadline=end,
            duration=end - max(start, now),
        )


def stretches(contracts: Sequence[Object]) -> list[Stretch]:
    """Give the time for which contracts hold capacity."""
    slots = [spec_of(contract)["slots"] for contract in contracts]
    return [Stretch(s[0]["startMs"], s[-1]["endMs"]) for s in slots]


def _as_pod(procurement: Object) -> Object:
    """Write a unit as the Pod that would fill it: its terms are read as any order's are."""
    try:
        spec = msgspec.convert(spec_of(procurement), ProcurementSpec)
    except msgspec.ValidationError as error:
        raise InvalidField("spec", str(error)) from None
    notes = restricted(spec.restrictions)
    cap = priced(spec.max_euro_per_dtu, "spec.maxEuroPerDTU")
    unit = spec.resources
    requests: dict[str, Any] = {"cpu": str(unit.cpu), "memory": str(unit.memory)}
    if unit.gpus:
        requests[GPU_RESOURCES[0]] = str(unit.gpus)
    if unit.ephemeral_storage:
        requests[EPHEMERAL_STORAGE] = str(unit.ephemeral_storage)
    stated = {name: value for name, value in notes.items() if value}
    return {
        "metadata": {
            "name": name_of(procurement),
            "namespace": namespace_of(procurement),
            "uid": uid_of(procurement),
            "annotations": {**stated, **({ANN_CAP: cap} if cap else {})},
            "creationTimestamp": metadata(procurement).get("creationTimestamp"),
        },
        "spec": {"containers": [{"name": "unit", "resources": {"requests": requests}}]},
    }


def _generation(procurement: Object) -> int:
    return int(metadata(procurement).get("generation") or 1)


def _namespace_goes(snapshot: Snapshot, procurement: Object) -> bool:
    namespace = snapshot.get(Key("", "namespaces", "", namespace_of(procurement)))
    return namespace is None or is_deleting(namespace)
