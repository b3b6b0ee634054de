"""A small market with the vendors of the first example."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from busbar.market.book import Book
from busbar.market.commitments import Commitment
from busbar.market.counterfactual import Change, outlook
from busbar.market.offers import parse_offer, supply_rows
from busbar.market.orders import Order, parse_order
from busbar.model.time import parse_instant

NOON = parse_instant("2027-03-10T11:20:00Z", "now")
"""12:20 in Stockholm."""

NIGHTS = {
    "timeZone": "Europe/Stockholm",
    "rules": [{"from": "22:00", "until": "06:00", "pricePerDTU": "0.03"}],
}


def node(
    name: str, vendor: str, region: str, cpu: str = "4", memory: str = "8Gi"
) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"topology.kubernetes.io/region": region, "busbar.dev/vendor": vendor},
            "annotations": {"busbar.dev/speed-rating-micro": "1000000"},
        },
        "spec": {},
        "status": {"allocatable": {"cpu": cpu, "memory": memory, "pods": "110"}},
    }


def offer(name: str, vendor: str, price: Any, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "busbar.dev/v1alpha1",
        "kind": "Offer",
        "metadata": {"name": name, "generation": 1},
        "spec": {"vendor": vendor, "pricePerDTU": price, **spec},
    }


def pod(name: str, cpu: str = "1", memory: str = "2Gi", **terms: str) -> dict[str, Any]:
    """Make a Pod; terms are its market annotations, with _ for -."""
    notes = {f"busbar.dev/{key.replace('_', '-')}": value for key, value in terms.items()}
    requests = {"requests": {"cpu": cpu, "memory": memory}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "xyz", "uid": name, "annotations": notes},
        "spec": {"containers": [{"name": "main", "resources": requests}]},
    }


NODES = [
    node("e1", "elastx", "Sweden"),
    node("s1", "safespring", "Sweden"),
    node("h1", "hansecloud", "Germany"),
]
OFFERS = [
    offer("elastx", "elastx", "0.05"),
    offer("safespring", "safespring", "0.06", calendar=NIGHTS),
    offer("hansecloud", "hansecloud", "0.02"),
]


def make_book(
    nodes: list[Any], offers: list[Any], *commitments: Commitment, ready: set[str] | None = None
) -> Book:
    """Make a book; all nodes are ready unless `ready` names those that are."""
    is_ready = (lambda _: True) if ready is None else ready.__contains__
    rows = supply_rows([parse_offer(o) for o in offers], nodes, is_ready)
    return Book.build(rows, commitments, ["elastx", "safespring", "hansecloud"])


def first_book() -> Book:
    return make_book(NODES, OFFERS)


def order(*args: Any, **terms: Any) -> Order:
    """Make an order from a Pod as `pod` makes it."""
    found = parse_order(pod(*args, **terms), None)
    assert isinstance(found, Order), found
    return found


def told(job: Order, waiting: Sequence[Order] = (), book: Book | None = None) -> dict[Change, str]:
    """Give what would have matched, in words, by what was changed."""
    found = outlook(book or first_book(), job, [job, *waiting], NOON)
    return {answer.change: answer.sentence for answer in found.alternatives}
