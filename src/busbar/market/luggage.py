"""What an order brings along, read from its Pod, and how much it weighs at one moment.

The stock (sizes of buckets, which nodes hold which image) is asked for batch by batch: it changes
while the Pod does not. Next: `laden.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from busbar.market.burden import NO_BURDEN, Burden, Data, Delay, Lost, Luggage
from busbar.model import wellknown as wk
from busbar.model.money import parse_euro
from busbar.model.objects import containers_of
from busbar.model.quantities import volume
from busbar.model.time import SECOND

PULL_BYTES_PER_S = 50_000_000
"""How fast an image is taken to come: fetched and unpacked."""
CARRY_BYTES_PER_S = 125_000_000
"""The most that is expected to be read or written: a gigabit a second, all the time."""
RESTART_MS = 30 * SECOND
"""What is lost where work goes on elsewhere than it was: warm caches, pages, connections."""
PULL_MS_MIN = SECOND
"""An image that comes faster than this decides nothing."""


class Held(NamedTuple):
    """An image that some nodes hold: how large it is, and who they are."""

    size_bytes: int
    nodes: frozenset[str]


class Place(NamedTuple):
    """Where buckets are kept: the region, and the vendor who keeps them; "" where unknown."""

    region: str = ""
    keeper: str = ""


NOWHERE = Place()


class Stock(NamedTuple):
    """What is where. `is_moving_priced`: some offer asks something for moving data."""

    place: Place
    images: Mapping[str, Held]
    nodes: frozenset[str]
    is_moving_priced: bool


def luggage_of(spec: Mapping[str, Any], notes: Mapping[str, str], ran_on: str = "") -> Luggage:
    """Read what a Pod brings along; `InvalidField` names the annotation that is wrong."""
    images = {image_name(c["image"]) for c in containers_of(spec) if c.get("image")}
    cap = notes.get(wk.ANN_EGRESS_CAP)
    path = f"metadata.annotations[{wk.ANN_EGRESS_CAP}]"
    return Luggage(
        tuple(sorted(images)),
        buckets_of(spec),
        _volume(notes, wk.ANN_READ),
        _volume(notes, wk.ANN_WRITE),
        None if cap is None else parse_euro(cap, path),
        ran_on,
    )


def buckets_of(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the buckets that a Pod mounts, each once."""
    found = set()
    for mounted in spec.get("volumes") or ():
        source = mounted.get("csi") or {}
        if source.get("driver") == wk.CSI_BUCKET:
            found.add(str((source.get("volumeAttributes") or {}).get("bucket", "")))
    return tuple(sorted(found))


def _volume(notes: Mapping[str, str], annotation: str) -> int | None:
    value = notes.get(annotation)
    if value is None:
        return None
    return volume(value, f"metadata.annotations[{annotation}]")


@lru_cache(maxsize=4096)
def image_name(reference: str) -> str:
    """Give an image's name as nodes list it: with the tag `latest` where it says none.

    As kube-scheduler's ImageLocality does.
    """
    last = reference.rpartition("/")[2]
    return reference if ":" in last or "@" in last else f"{reference}:latest"


def burden_of(luggage: Luggage, stored: int, duration_ms: int, stock: Stock) -> Burden:
    """Give what an order's luggage weighs now. `stored` is what its buckets hold, in bytes."""
    data = _data(luggage, stored, duration_ms, stock)
    lost = tuple(_lost(luggage, stock))
    if data is None and not lost:
        return NO_BURDEN
    return Burden(data, lost, None if data is None else luggage.cap_nano)


def _data(luggage: Luggage, stored: int, duration_ms: int, stock: Stock) -> Data | None:
    if not luggage.buckets or not stock.is_moving_priced:
        return None
    most = CARRY_BYTES_PER_S * duration_ms // SECOND
    read = stored if luggage.read_bytes is None else luggage.read_bytes
    return Data(*stock.place, min(read, most), min(luggage.write_bytes or 0, most))


def _lost(luggage: Luggage, stock: Stock) -> Iterator[Lost]:
    for image in luggage.images:
        held = stock.images.get(image)
        if held is not None and not stock.nodes <= held.nodes:
            ms = held.size_bytes * SECOND // PULL_BYTES_PER_S
            if ms >= PULL_MS_MIN:
                yield Lost(Delay.PULL, ms, held.nodes)
    if luggage.ran_on:
        yield Lost(Delay.RESTART, RESTART_MS, frozenset({luggage.ran_on}))
