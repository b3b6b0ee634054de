"""Demand: the order that an unbound Pod is. Next: `reasons.py`, then `eligibility.py`.

The market terms are annotations on the Pod (see `busbar.model.wellknown`); what they leave open
comes from the namespace, then from the defaults here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from busbar.market.burden import NO_BURDEN, NO_LUGGAGE, Burden, Luggage
from busbar.market.company import ALONE, NO_RULES, Company, Rules
from busbar.market.dealings import NO_DEALINGS, Dealings
from busbar.market.luggage import luggage_of
from busbar.market.podrules import rules_of
from busbar.market.podspec import Toleration, selector_of, tolerations_of
from busbar.model import wellknown as wk
from busbar.model.dtu import Resources
from busbar.model.errors import InvalidField
from busbar.model.expressions import both, node_affinity, read_text, to_text
from busbar.model.fixedterm import read_term
from busbar.model.gangs import Gang, gang_of
from busbar.model.money import parse_euro
from busbar.model.objects import (
    Object,
    annotations_of,
    labels_of,
    metadata,
    name_of,
    namespace_of,
    spec_of,
    uid_of,
)
from busbar.model.places import Places, places_of
from busbar.model.requests import requests_of
from busbar.model.time import HOUR, Instant, parse_duration, parse_instant

DEFAULT_DURATION = HOUR
"""How long a workload is taken to run when nobody says."""


PIECES_MAX = 12
"""In how many pieces work may be cut: each stop and start costs time that does no work."""


class Eligibility(NamedTuple):
    """Where and with whom an order may run; empty means anywhere. The class of uniform prices."""

    regions: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()
    selector: tuple[tuple[str, str], ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    where: str = ""
    """What else is asked of a place: an expression in normal form, as text."""


ANYWHERE = Eligibility()


class Split(NamedTuple):
    """Work that may be interrupted: in how many pieces at most, each of at least so many ms."""

    pieces_max: int
    minimum_ms: int


@dataclass(frozen=True, slots=True)
class Order:
    """A workload that wants to run, and on which terms.

    `labels` and `rules` are the Pod's; `company` is what follows from them in a batch, see
    `company.py`, and `burden` what follows from `luggage`, see `burden.py`. `gang`: with whom it
    starts, see `gathering.py`, `places`: those it needs for Pods that it will make, see
    `drivers.py`. `reservation` names the Procurement it draws on, None: whichever of its namespace;
    `makers` are the Pods that made it, by uid. It does not run before `earliest`. `deadline` None:
    none. `duration` is what was stated, in ms, None if nothing was: the contract is then made for
    `DEFAULT_DURATION` (or until the deadline) and rolls.
    """

    id: str
    namespace: str
    name: str
    requests: Resources
    cap_nano: int
    eligibility: Eligibility = ANYWHERE
    earliest: Instant = 0
    deadline: Instant | None = None
    duration: int | None = None
    may_wait: bool = False
    avoid: frozenset[str] = frozenset()
    submitted: Instant = 0
    labels: tuple[tuple[str, str], ...] = ()
    rules: Rules = NO_RULES
    company: Company = ALONE
    luggage: Luggage = NO_LUGGAGE
    burden: Burden = NO_BURDEN
    reservation: str | None = None
    makers: tuple[str, ...] = ()
    gang: Gang | None = None
    places: Places | None = None
    split: Split | None = None
    dealings: Dealings = NO_DEALINGS
    """What it is to vendors that hold something back, see `dealings.py`."""

    @property
    def is_free(self) -> bool:
        """Say whether its place concerns nobody else: it may be moved while a batch is placed."""
        return self.gang is None and self.company == ALONE


def place_wanted(order: Order) -> tuple[object, ...]:
    """Give what an order wants of a place, its time aside."""
    return (
        order.requests,
        order.cap_nano,
        order.eligibility,
        order.avoid,
        order.company,
        order.burden,
        order.gang,
        order.split,
        order.dealings,
    )


def wants_of(order: Order) -> tuple[object, ...]:
    """Give a quick key to all that an order wants, while the order lives.

    Orders with equal keys differ in nothing but their names; others may still want the same.
    """
    return (
        order.requests,
        order.cap_nano,
        id(order.eligibility),
        id(order.avoid),
        id(order.company),
        order.gang,
        order.split,
        id(order.burden),
        id(order.dealings),
        order.earliest,
        order.deadline,
        order.duration,
        order.may_wait,
    )


class OrderRefused(NamedTuple):
    """The Pod cannot be an order: which field, and one clause that says what would be right."""

    path: str
    message: str

    @property
    def sentence(self) -> str:
        """Give it as one sentence."""
        return f"{self.path}: {self.message}"


def parse_order(pod: Object, namespace: Mapping[str, Any] | None) -> Order | OrderRefused:
    """Read the order that a Pod is. `namespace` is the Namespace object (None: no defaults)."""
    try:
        return _parse(pod, annotations_of(pod), namespace or {})
    except InvalidField as wrong:
        return OrderRefused(wrong.path, wrong.message)


def renamed(order: Order, pod: Object) -> Order:
    """Give the order of another Pod of the same spec, annotations and namespace."""
    return replace(
        order,
        id=_id(pod),
        name=name_of(pod),
        submitted=_submitted(pod),
        labels=_labels(pod),
        makers=_makers(pod),
    )


def _id(pod: Object) -> str:
    return uid_of(pod) or f"{namespace_of(pod)}/{name_of(pod)}"


def _submitted(pod: Object) -> Instant:
    created = metadata(pod).get("creationTimestamp")
    return parse_instant(created, "metadata.creationTimestamp") if created else 0


def _labels(pod: Object) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels_of(pod).items()))


def _makers(pod: Object) -> tuple[str, ...]:
    owners = metadata(pod).get("ownerReferences") or ()
    return tuple(str(one.get("uid")) for one in owners if one.get("kind") == "Pod")


def _parse(pod: Object, notes: Mapping[str, str], namespace: Mapping[str, Any]) -> Order:
    spec = spec_of(pod)
    return Order(
        id=_id(pod),
        namespace=namespace_of(pod),
        name=name_of(pod),
        requests=requests_of(spec),
        cap_nano=_cap(notes, namespace),
        eligibility=Eligibility(
            _names(notes, wk.ANN_REGION),
            _names(notes, wk.ANN_VENDOR),
            selector_of(spec),
            tolerations_of(spec),
            _where(notes, spec),
        ),
        earliest=_instant(notes, wk.ANN_NOT_BEFORE) or 0,
        deadline=_instant(notes, wk.ANN_NOT_AFTER),
        duration=_duration(notes),
        may_wait=_may_wait(notes),
        avoid=frozenset(_names(notes, wk.ANN_AVOID)),
        submitted=_submitted(pod),
        labels=_labels(pod),
        rules=rules_of(spec, namespace_of(pod)),
        reservation=notes.get(wk.ANN_RESERVATION),
        makers=_makers(pod),
        gang=gang_of(pod),
        places=_places(pod, notes),
        split=_split(notes),
        luggage=luggage_of(spec, notes, notes.get(wk.ANN_RAN_ON, "")),
    )


def path_of(annotation: str) -> str:
    """Give the path of an annotation as a refusal names it."""
    return f"metadata.annotations[{annotation}]"


def _cap(notes: Mapping[str, str], namespace: Mapping[str, Any]) -> int:
    if wk.ANN_CAP in notes:
        return parse_euro(notes[wk.ANN_CAP], path_of(wk.ANN_CAP))
    default = annotations_of(namespace).get(wk.ANN_CAP, wk.DEFAULT_CAP_EURO)
    return parse_euro(default, f"namespace {name_of(namespace)}: {path_of(wk.ANN_CAP)}")


def _names(notes: Mapping[str, str], annotation: str) -> tuple[str, ...]:
    """Read a comma-separated list as a sorted set; an empty one would silently mean anywhere."""
    value = notes.get(annotation)
    if value is None:
        return ()
    names = {name.strip() for name in value.split(",")} if isinstance(value, str) else set()
    if not names or "" in names:
        raise InvalidField(path_of(annotation), "must be names separated by commas, none empty")
    return tuple(sorted(names))


def _where(notes: Mapping[str, str], spec: Mapping[str, Any]) -> str:
    """Read what both ways in ask for: Kubernetes' node affinity, and the restrictions."""
    if wk.ANN_RESTRICTIONS not in notes and not spec.get("affinity"):
        return ""
    wanted = node_affinity(spec)
    if wk.ANN_RESTRICTIONS in notes:
        said = read_text(notes[wk.ANN_RESTRICTIONS], path_of(wk.ANN_RESTRICTIONS))
        wanted = both(wanted, said)
    return to_text(wanted)


def _instant(notes: Mapping[str, str], annotation: str) -> Instant | None:
    value = notes.get(annotation)
    return None if value is None else parse_instant(value, path_of(annotation))


def _duration(notes: Mapping[str, str]) -> int | None:
    value, term = notes.get(wk.ANN_DURATION), _term(notes)
    if value is None:
        return term
    duration = parse_duration(value, path_of(wk.ANN_DURATION))
    if duration == 0:
        raise InvalidField(path_of(wk.ANN_DURATION), "must be longer than 0s")
    return duration if term is None else max(duration, term)


def _term(notes: Mapping[str, str]) -> int | None:
    """Read for how long each contract is made at a fixed price, None for most."""
    value = notes.get(wk.ANN_TERM)
    return None if value is None else read_term(value, path_of(wk.ANN_TERM))


def fixed_term_of(pod: Object) -> int:
    """Give the fixed term of an order's Pod, 0 where it states none."""
    return _term(annotations_of(pod)) or 0


def _split(notes: Mapping[str, str]) -> Split | None:
    """Read in how many pieces the work may run; only the controller of Jobs says so."""
    value = notes.get(wk.ANN_PIECES)
    if value is None:
        return None
    if not value.isdecimal() or not 2 <= int(value[:3]) <= PIECES_MAX:
        raise InvalidField(path_of(wk.ANN_PIECES), f"must be a number from 2 to {PIECES_MAX}")
    least = parse_duration(notes.get(wk.ANN_PIECE_MIN, "1h"), path_of(wk.ANN_PIECE_MIN))
    return Split(int(value), least)


def _places(pod: Object, notes: Mapping[str, str]) -> Places | None:
    """Read the places that are bought with it: who draws on what is held buys nothing."""
    places = places_of(pod)
    if places is not None and notes.get(wk.ANN_RESERVATION) not in (None, wk.NO_RESERVATION):
        why = f"goes without {wk.ANN_RESERVATION}: a driver and its places are bought together"
        raise InvalidField(path_of(wk.ANN_GANG_PLACES), why)
    return places


def _may_wait(notes: Mapping[str, str]) -> bool:
    value = notes.get(wk.ANN_MAY_WAIT, "false")
    if value not in ("true", "false"):
        raise InvalidField(path_of(wk.ANN_MAY_WAIT), 'must be "true" or "false"')
    return value == "true"
