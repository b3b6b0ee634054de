"""Supply: offers read from objects, and the rows (node under an offer) they put on the market.

Next: `orders.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from busbar.market.attested import NO_CLAIMS, Attested, Claims, joined
from busbar.market.burden import FREE, Rates, Relations
from busbar.market.calendar import Calendar, parse_calendar
from busbar.market.podspec import Taint, taints_of
from busbar.model import wellknown as wk
from busbar.model.choosiness import (
    NO_LIMIT,
    REFUSES_NOTHING,
    Limit,
    Refuses,
    read_limit,
    read_refuses,
)
from busbar.model.dtu import REFERENCE_RATING, Resources
from busbar.model.errors import InvalidField
from busbar.model.expressions import read_attributes
from busbar.model.gpus import GPU_CLASSES, GpuClass, GpuClasses
from busbar.model.money import parse_euro
from busbar.model.objects import (
    Object,
    annotations_of,
    is_deleting,
    labels_of,
    metadata,
    name_of,
    spec_of,
    status_of,
)
from busbar.model.requests import MOST, resources_of
from busbar.model.time import parse_duration

NOT_OFFERED = Calendar(None)
"""The calendar of a node that nobody sells: never available."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What an Offer object says, compiled. `version` is its generation."""

    name: str
    vendor: str
    version: int
    calendar: Calendar
    selector: tuple[tuple[str, str], ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    reclaim_notice_ms: int = 0
    minimum_term_ms: int = 0
    paused: bool = False
    rates: Rates = FREE

    limit: Limit = NO_LIMIT
    refuses: Refuses = REFUSES_NOTHING

    def sells(self, vendor: str, labels: Mapping[str, str]) -> bool:
        """Say whether a node of a vendor, with these labels, is among what is offered."""
        return vendor == self.vendor and all(labels.get(k) == v for k, v in self.selector)


@dataclass(frozen=True, slots=True)
class Supply:
    """One node under one offer. `offer` "" where nobody sells the node.

    `capacity` is what the node has for workloads; what is free of it, the book works out from the
    commitments. `gpu_class` is what its GPUs are by the exchange's table.
    """

    node: str
    vendor: str
    zone: str
    offer: str
    offer_version: int
    calendar: Calendar
    capacity: Resources
    rating_micro: int = REFERENCE_RATING
    labels: tuple[tuple[str, str], ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    taints: tuple[Taint, ...] = ()
    ready: bool = True
    cordoned: bool = False
    paused: bool = False
    reclaim_notice_ms: int = 0
    minimum_term_ms: int = 0
    attested: tuple[Attested, ...] = ()
    limit: Limit = NO_LIMIT
    rates: Rates = FREE
    gpu_class: str = ""
    gpu_weight_micro: int = 0
    """What each of its GPUs draws, in micro-DTU per hour; 0 where it has none."""


def validate_offer(obj: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give every (path, message) for which an Offer object cannot be accepted."""
    if not isinstance(spec_of(obj), Mapping):
        return [("spec", "must be an object")]
    found = []
    for read in _READERS:
        try:
            read(spec_of(obj))
        except InvalidField as wrong:
            found.append((wrong.path, wrong.message))
    return found


def parse_offer(obj: Mapping[str, Any]) -> Offer:
    """Read an Offer object; InvalidField with the first thing wrong in it."""
    spec = spec_of(obj)
    return Offer(
        name=name_of(obj),
        vendor=_vendor(spec),
        version=int(metadata(obj).get("generation") or 1),
        calendar=_calendar(spec),
        selector=_strings(spec, "nodeSelector"),
        attributes=_attributes(spec),
        limit=_limit(spec),
        refuses=_refuses(spec),
        reclaim_notice_ms=_reclaim_notice(spec),
        minimum_term_ms=_minimum_term(spec),
        paused=_paused(spec) or is_deleting(obj),
        rates=_rates(spec),
    )


def _vendor(spec: Mapping[str, Any]) -> str:
    vendor = spec.get("vendor")
    if not isinstance(vendor, str) or not vendor:
        raise InvalidField("spec.vendor", "must name the Vendor that sells")
    return vendor


def _price(spec: Mapping[str, Any]) -> int:
    if spec.get("pricePerDTU") is None:
        raise InvalidField("spec.pricePerDTU", 'is missing; write euros such as "0.035"')
    return parse_euro(spec["pricePerDTU"], "spec.pricePerDTU")


def _calendar(spec: Mapping[str, Any]) -> Calendar:
    return parse_calendar(_price(spec), spec.get("calendar"), "spec.calendar")


def _calendar_alone(spec: Mapping[str, Any]) -> None:
    """Check the calendar whatever the price is, so that both are reported."""
    parse_calendar(0, spec.get("calendar"), "spec.calendar")


def _reclaim_notice(spec: Mapping[str, Any]) -> int:
    return parse_duration(spec.get("reclaimNotice", "0s"), "spec.reclaimNotice")


def _minimum_term(spec: Mapping[str, Any]) -> int:
    return parse_duration(spec.get("minimumTerm", "0s"), "spec.minimumTerm")


def _paused(spec: Mapping[str, Any]) -> bool:
    paused = spec.get("paused", False)
    if not isinstance(paused, bool):
        raise InvalidField("spec.paused", "must be true or false")
    return paused


def _rates(spec: Mapping[str, Any]) -> Rates:
    """Read what data costs to move; what is not stated costs nothing."""
    transfer = spec.get("transfer")
    if transfer is None:
        return FREE
    found = _known(transfer, "spec.transfer", ("ingress", "egress"))
    ingress, egress = (_relations(found.get(way), way) for way in ("ingress", "egress"))
    return Rates(ingress, egress)


def _relations(value: object, way: str) -> Relations:
    path = f"spec.transfer.{way}"
    if value is None:
        return Relations()
    names = ("sameRegion", "otherRegion", "otherVendor")
    found = _known(value, path, names)
    return Relations(*(parse_euro(found.get(name, 0), f"{path}.{name}") for name in names))


def _known(value: object, path: str, names: tuple[str, ...]) -> Mapping[str, Any]:
    """Give an object that has none but the named fields; a misspelt rate would be free."""
    known = ", ".join(names)
    if not isinstance(value, Mapping):
        raise InvalidField(path, f"must be an object with {known}")
    for name in value:
        if name not in names:
            raise InvalidField(f"{path}.{name}", f"is unknown; known: {known}")
    return value


def _strings(spec: Mapping[str, Any], field: str) -> tuple[tuple[str, str], ...]:
    found = spec.get(field) or {}
    if not isinstance(found, Mapping):
        raise InvalidField(f"spec.{field}", "must be an object of strings")
    for key, value in found.items():
        if not isinstance(value, str):
            raise InvalidField(f"spec.{field}.{key}", "must be a string")
    return tuple(sorted(found.items()))


def _attributes(spec: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Read what the vendor states of what it offers, under full names.

    What joining found out of a node (where it is, whose it is) no offer can state.
    """
    return read_attributes(spec.get("attributes"), "spec.attributes")


def _limit(spec: Mapping[str, Any]) -> Limit:
    return read_limit(spec.get("limits"), "spec.limits")


def _refuses(spec: Mapping[str, Any]) -> Refuses:
    return read_refuses(spec.get("refuses"), "spec.refuses")


_READERS: tuple[Callable[[Mapping[str, Any]], object], ...] = (
    _vendor,
    _price,
    _calendar_alone,
    lambda spec: _strings(spec, "nodeSelector"),
    _attributes,
    _limit,
    _refuses,
    _reclaim_notice,
    _minimum_term,
    _paused,
    _rates,
)


def supply_rows(
    offers: Iterable[Offer],
    nodes: Iterable[Object],
    ready: Callable[[str], bool],
    claims: Claims = NO_CLAIMS,
    gpus: GpuClasses = GPU_CLASSES,
) -> list[Supply]:
    """Give the rows of nodes: one for each offer that sells the node, one if none does.

    `ready` says whether the node of a name has a live lease now, `claims` what is said beside
    offers and labels, `gpus` what GPUs draw. A node being deleted sells nothing new.
    """
    by_vendor: dict[str, list[Offer]] = {}
    for offer in sorted(offers, key=lambda offer: offer.name):
        by_vendor.setdefault(offer.vendor, []).append(offer)
    return [row for node in nodes for row in _rows_of(node, by_vendor, ready, claims, gpus)]


def _rows_of(
    node: Object,
    by_vendor: Mapping[str, list[Offer]],
    ready: Callable[[str], bool],
    claims: Claims,
    gpus: GpuClasses,
) -> Iterator[Supply]:
    labels = labels_of(node)
    vendor = labels.get(wk.LABEL_VENDOR, "")
    capacity = capacity_of(node)
    kind = gpus.of(labels) if capacity.gpus else _NO_GPUS
    # The class that is paid for is the one that orders choose by, whatever else a label says.
    shown = {**labels, wk.LABEL_GPU_CLASS: kind.name} if kind.name else labels
    bare = Supply(
        node=name_of(node),
        vendor=vendor,
        zone=labels.get(wk.LABEL_REGION, ""),
        offer="",
        offer_version=0,
        calendar=NOT_OFFERED,
        capacity=capacity,
        rating_micro=rating_of(node),
        labels=tuple(sorted(label for label in shown.items() if label[0] != wk.LABEL_BOND)),
        attributes=claims.stated.get(vendor, ()),
        attested=claims.of(("node", name_of(node)), ("vendor", vendor)),
        taints=taints_of(spec_of(node)),
        ready=ready(name_of(node)),
        cordoned=_is_cordoned(node),
        gpu_class=kind.name,
        gpu_weight_micro=kind.weight_micro,
    )
    sellers = [offer for offer in by_vendor.get(vendor, ()) if offer.sells(vendor, labels)]
    yield from (_under(bare, offer, claims) for offer in sellers) if sellers else (bare,)


_NO_GPUS = GpuClass("", 0)


def _is_cordoned(node: Object) -> bool:
    """Say whether a node takes no new work: cordoned, on its way out, or back to its vendor."""
    leaving = is_deleting(node) or wk.ANN_RECLAIM in annotations_of(node)
    return leaving or bool(spec_of(node).get("unschedulable"))


def _under(bare: Supply, offer: Offer, claims: Claims) -> Supply:
    signed = claims.of(("offer", offer.name))
    return Supply(
        node=bare.node,
        vendor=bare.vendor,
        zone=bare.zone,
        offer=offer.name,
        offer_version=offer.version,
        calendar=offer.calendar,
        capacity=bare.capacity,
        rating_micro=bare.rating_micro,
        labels=bare.labels,
        attributes=joined(bare.attributes, offer.attributes),
        taints=bare.taints,
        ready=bare.ready,
        cordoned=bare.cordoned,
        paused=offer.paused,
        reclaim_notice_ms=offer.reclaim_notice_ms,
        minimum_term_ms=offer.minimum_term_ms,
        limit=offer.limit,
        attested=tuple(sorted({*bare.attested, *signed})) if signed else bare.attested,
        rates=offer.rates,
        gpu_class=bare.gpu_class,
        gpu_weight_micro=bare.gpu_weight_micro,
    )


def capacity_of(node: Mapping[str, Any]) -> Resources:
    """Give what a Node has for workloads; nothing where it states what cannot be."""
    status = status_of(node)
    amounts = status.get("allocatable") or status.get("capacity") or {}
    try:
        found = resources_of(amounts, "status.allocatable")
    except InvalidField:
        return Resources()
    return found if found.fits_in(MOST) else Resources()


def rating_of(node: Mapping[str, Any]) -> int:
    """Give a Node's speed rating in millionths; the reference's where none was measured."""
    value = annotations_of(node).get(wk.ANN_RATING, "")
    is_rating = value.isascii() and value.isdigit() and len(value) <= 9 and int(value) > 0
    return int(value) if is_rating else REFERENCE_RATING
