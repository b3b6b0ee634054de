"""What one consumer may have of an offer that is limited. Next: `clearing.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busbar.model.time import HOUR

if TYPE_CHECKING:
    from busbar.replay.clearing import Market, Row, Wish

Json = dict[str, Any]
RESOURCES = ("cpuMilli", "memoryBytes", "gpus", "ephemeralBytes")
"""What is sold; a record leaves out what there is none of."""


class Shares:
    """The limits of offers, and what consumers have already."""

    def __init__(self, status: Json) -> None:
        self.holdings = status.get("holdings", [])
        self.most = {
            offer["offer"]: [most(status, offer["offer"], offer["limit"], r) for r in RESOURCES]
            for offer in status["supply"]
            if offer.get("limit")
        }

    def binds(self, wish: Wish, row: Row) -> bool:
        """Say whether an offer is limited, and it is said whose the order is."""
        return row.offer["offer"] in self.most and bool(consumer_of(wish))

    def has_left(self, market: Market, wish: Wish, row: Row, term: tuple[int, int]) -> bool:
        """Say whether the consumer of an order may have so much more in each slot of a term."""
        if not self.binds(wish, row):
            return True
        return all(
            not need or used + need <= limit
            for slot in market.slots_of(term)
            for used, need, limit in zip(
                self.used(market, wish, row, slot),
                wish.needs,
                self.most[row.offer["offer"]],
                strict=True,
            )
        )

    def used(self, market: Market, wish: Wish, row: Row, slot: int) -> list[int]:
        """Give what the consumer has of an offer in a slot: before, and placed in this batch."""
        name, consumer = row.offer["offer"], consumer_of(wish)
        begin = market.slot0 + slot * HOUR
        found = [
            [h.get(r, 0) for r in RESOURCES]
            for h in self.holdings
            if (h["offer"], h["consumer"]) == (name, consumer)
            and h["startMs"] < begin + HOUR
            and (slot == 0 or h["endMs"] is None or h["endMs"] > begin)
        ]
        for other in market.wishes:
            if other.row is None or other.row.offer["offer"] != name:
                continue
            if consumer_of(other) == consumer and slot in market.slots_of(other.when):
                found.append(other.needs)
        return [sum(amounts) for amounts in zip(*found, strict=True)] or [0] * len(RESOURCES)


def consumer_of(wish: Wish) -> str:
    """Give whose an order is, "" where it does not matter."""
    return str(wish.order.get("dealings", {}).get("consumer", ""))


def most(status: Json, name: str, limit: Json, resource: str) -> int:
    """Give the most of one resource: the share of all its nodes, or what is stated if less."""
    nodes = {
        node["node"]: node.get(resource, 0)
        for offer in status["supply"]
        if offer["offer"] == name
        for node in offer["nodes"]
    }
    part: int = sum(nodes.values()) * limit.get("sharePpm", 10**6) // 10**6
    return min(part, int(limit.get(resource, part)))
