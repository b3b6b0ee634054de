"""Changes of how much an order needs: the largest amount that would have a place, by halving.

Next: `outlook.py`, which tries every change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from busbar.market.counterfactual.bench import Alternative, Bench, Change
from busbar.market.outcome import Match
from busbar.model.dtu import Resources
from busbar.model.quantities import format_bytes, format_milli

_MILLI_STEP, _BYTES_STEP, _DISK_STEP = 100, 64 * 1024**2, 64 * 1024**2


def cpu(bench: Bench) -> Alternative | None:
    """Find the most cpu."""
    need = bench.order.requests
    found = _largest(bench, need.cpu_milli, _MILLI_STEP, lambda n: need._replace(cpu_milli=n))
    if found is None:
        return None
    return Alternative(Change.CPU, f"no more than {format_milli(found[0])} cpu", found[1])


def memory(bench: Bench) -> Alternative | None:
    """Find the most memory."""
    need = bench.order.requests
    found = _largest(bench, need.memory_bytes, _BYTES_STEP, lambda n: need._replace(memory_bytes=n))
    if found is None:
        return None
    return Alternative(Change.MEMORY, f"no more than {format_bytes(found[0])} memory", found[1])


def ephemeral_storage(bench: Bench) -> Alternative | None:
    """Find the most ephemeral storage."""
    need = bench.order.requests
    asked = need.ephemeral_bytes
    found = _largest(bench, asked, _DISK_STEP, lambda n: need._replace(ephemeral_bytes=n))
    if found is None:
        return None
    words = f"no more than {format_bytes(found[0])} ephemeral storage"
    return Alternative(Change.EPHEMERAL_STORAGE, words, found[1])


def places(bench: Bench) -> Alternative | None:
    """Find how many places a driver would get with it, by halving; none is better than to wait."""
    places = bench.order.places
    low, high, best = 0, 0 if places is None else places.number - 1, None
    while places is not None and low <= high:
        middle = (low + high + 1) // 2
        match = bench.match(replace(bench.order, places=places._replace(number=middle)))
        if match is None:
            high = middle - 1
        else:
            best, low = (middle, match), middle + 1
    if best is None:
        return None
    noun = "place" if best[0] == 1 else "places"
    words = f"no more than {best[0]} {noun}" if best[0] else "without places"
    return Alternative(Change.PLACES, words, best[1])


def _largest(
    bench: Bench, need: int, step: int, resized: Callable[[int], Resources]
) -> tuple[int, Match] | None:
    """Find the largest amount below what is needed that would have a place, by halving."""
    low, high, best = 1, (need - 1) // step, None
    while low <= high:
        middle = (low + high + 1) // 2
        match = bench.match(replace(bench.order, requests=resized(middle * step)))
        if match is None:
            high = middle - 1
        else:
            best, low = (middle * step, match), middle + 1
    return best
