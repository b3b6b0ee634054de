"""Changes of how much an order needs: the largest amount that would have a place, by halving.

Next: `outlook.py`, which tries every change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from busbar.market.counterfactual.bench import Alternative, Bench, Change
from busbar.market.orders import Order
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
    """Find how many places a driver would get with it; none is better than to wait."""
    wanted = bench.order.places
    if wanted is None:
        return None

    def fewer(number: int) -> Order:
        return replace(bench.order, places=wanted._replace(number=number))

    found = _most(bench, range(wanted.number), fewer)
    if found is None:
        return None
    noun = "place" if found[0] == 1 else "places"
    words = f"no more than {found[0]} {noun}" if found[0] else "without places"
    return Alternative(Change.PLACES, words, found[1])


def _largest(
    bench: Bench, need: int, step: int, resized: Callable[[int], Resources]
) -> tuple[int, Match] | None:
    """Find the largest amount below what is needed, in whole steps."""
    amounts = range(step, need, step)
    return _most(bench, amounts, lambda n: replace(bench.order, requests=resized(n)))


def _most(
    bench: Bench, amounts: range, changed: Callable[[int], Order]
) -> tuple[int, Match] | None:
    """Find the largest of some amounts with which there is a place, by halving."""
    low, high, best = 0, len(amounts) - 1, None
    while low <= high:
        middle = (low + high + 1) // 2
        match = bench.match(changed(amounts[middle]))
        if match is None:
            high = middle - 1
        else:
            best, low = (amounts[middle], match), middle + 1
    return best
