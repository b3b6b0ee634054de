"""Changes of how much an order needs: the largest amount that would have a place, by halving.

Next: `outlook.py`, which tries every change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from busbar.market.counterfactual.bench import Alternative, Bench, Change
from busbar.market.orders import Order
from busbar.market.outcome import Match
from busbar.model.quantities import format_bytes, format_milli

_MILLI_STEP, _BYTES_STEP = 100, 64 * 1024**2


def cpu(bench: Bench) -> Alternative | None:
    """Find the most cpu."""
    return _size(bench, Change.CPU, "cpu_milli", _MILLI_STEP, lambda n: f"{format_milli(n)} cpu")


def memory(bench: Bench) -> Alternative | None:
    """Find the most memory."""
    return _bytes(bench, Change.MEMORY, "memory_bytes", "memory")


def ephemeral_storage(bench: Bench) -> Alternative | None:
    """Find the most ephemeral storage."""
    return _bytes(bench, Change.EPHEMERAL_STORAGE, "ephemeral_bytes", "ephemeral storage")


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


def _bytes(bench: Bench, change: Change, field: str, noun: str) -> Alternative | None:
    return _size(bench, change, field, _BYTES_STEP, lambda n: f"{format_bytes(n)} {noun}")


def _size(
    bench: Bench, change: Change, field: str, step: int, words: Callable[[int], str]
) -> Alternative | None:
    """Find the largest amount below what is needed of a resource, in whole steps."""
    order, need = bench.order, bench.order.requests

    def resized(amount: int) -> Order:
        return replace(order, requests=need._replace(**{field: amount}))

    found = _most(bench, range(step, getattr(need, field), step), resized)
    if found is None:
        return None
    return Alternative(change, f"no more than {words(found[0])}", found[1])


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
