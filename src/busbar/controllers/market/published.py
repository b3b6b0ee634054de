"""A batch as JSON and back: what a Clearing object shows is all that clearing it again takes.

Shapes: `supply`, `orders` and `commitments` are the market's own rows (`Supply`, `Order`,
`Commitment`), field by field; resources are [cpu milli, memory bytes, gpus]; times are
milliseconds, money nano-euro. Next: `record.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from busbar.market.book import Book
from busbar.market.commitments import Commitment
from busbar.market.funds import Funds
from busbar.market.offers import Supply
from busbar.market.orders import Order
from busbar.market.outcome import Clearing
from busbar.model.money import format_euro
from busbar.model.time import Instant


class Batch(NamedTuple):
    """What a clearing was computed from."""

    at: Instant
    seed: int
    book: Book
    orders: tuple[Order, ...]
    funds: dict[str, Funds]


def encode(
    book: Book, orders: Iterable[Order], funds: Mapping[str, Funds], clearing: Clearing
) -> dict[str, Any]:
    """Give the status of a Clearing object."""
    return {
        **outcome(clearing),
        "supply": _plain(book.supplies),
        "commitments": _plain(book.commitments),
        "vendors": sorted(book.vendors),
        "orders": _plain(sorted(orders, key=lambda order: order.id)),
        "funds": _plain(dict(funds)),
    }


def outcome(clearing: Clearing) -> dict[str, Any]:
    """Give what came out: the part that is published whatever the size of the book."""
    return {
        "atMs": clearing.at,
        "seed": clearing.seed,
        "rule": clearing.rule,
        "matched": len(clearing.matches),
        "unmatched": len(clearing.refusals),
        "matches": [
            match._asdict() | {"segments": _plain(match.segments)} for match in clearing.matches
        ],
        "refusals": [
            {
                "order": refusal.order,
                "namespace": refusal.namespace,
                "reason": refusal.reason.value,
                "message": refusal.message,
            }
            for refusal in clearing.refusals
        ],
        "prices": {z: format_euro(nano) for z, nano in sorted(clearing.zone_prices().items())},
    }


def decode(status: Mapping[str, Any]) -> Batch | None:
    """Read back what a clearing was computed from; None where it was too large to publish."""
    if "supply" not in status:
        return None
    book = Book.build(
        msgspec.convert(status["supply"], tuple[Supply, ...]),
        msgspec.convert(status["commitments"], tuple[Commitment, ...]),
        status["vendors"],
    )
    orders = msgspec.convert(status["orders"], tuple[Order, ...])
    funds = msgspec.convert(status["funds"], dict[str, Funds])
    return Batch(status["atMs"], status["seed"], book, orders, funds)


def _plain(value: object) -> Any:
    """Turn the market's rows into JSON, sets in order, so that equal batches look equal."""
    return msgspec.to_builtins(value, order="sorted")
