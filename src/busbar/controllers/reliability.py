"""Reliability: delivered ÷ promised seconds, per vendor and node, over the contracts that are kept.

A contract promised what it delivered and, where its end was the vendor's doing, the rest of its
reserved term too; what the consumer or the exchange cut short was not promised. Closed contracts
are kept for 35 days (`Settings.contracts_kept_ms`): that is the window. Followed from snapshot
to snapshot, as `standing.py` does. Next: `offers.py`.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

from busbar.controllers.close import VENDORS_DOING
from busbar.model.objects import Object, spec_of, status_of
from busbar.model.time import SECOND
from busbar.model.wellknown import GROUP
from busbar.store.contract import Snapshot

NODES_SHOWN = 50


class Figure(NamedTuple):
    """What was delivered and what failed, in ms and contracts."""

    delivered_ms: int = 0
    failed_ms: int = 0
    contracts: int = 0
    failures: int = 0

    def plus(self, other: Figure, sign: int = 1) -> Figure:
        """Add another one, or take it away."""
        delivered, failed, contracts, failures = other
        return Figure(
            self.delivered_ms + sign * delivered,
            self.failed_ms + sign * failed,
            self.contracts + sign * contracts,
            self.failures + sign * failures,
        )

    @property
    def ratio(self) -> str:
        """Give delivered ÷ promised with four decimals, rounded down; empty where none was."""
        promised = self.delivered_ms + self.failed_ms
        if not promised:
            return ""
        whole, parts = divmod(self.delivered_ms * 10_000 // promised, 10_000)
        return f"{whole}.{parts:04d}"

    def shown(self) -> dict[str, Any]:
        """Give the fields of a status that say so."""
        return {
            "reliability": self.ratio,
            "deliveredSeconds": self.delivered_ms // SECOND,
            "promisedSeconds": (self.delivered_ms + self.failed_ms) // SECOND,
            "contracts": self.contracts,
            "failures": self.failures,
        }


NONE = Figure()


class Reliability:
    """Follows snapshots: ask `at` first."""

    def __init__(self) -> None:
        self._seen: Snapshot | None = None
        self._nodes: dict[str, dict[str, Figure]] = defaultdict(dict)

    def at(self, snapshot: Snapshot) -> Reliability:
        """Take in what changed since the snapshot before."""
        if self._seen is not snapshot:
            for before, after in snapshot.changes(self._seen, GROUP, "contracts"):
                self._count(before, -1)
                self._count(after, 1)
            self._seen = snapshot
        return self

    def _count(self, contract: Object | None, sign: int) -> None:
        if contract is None:
            return
        spec = spec_of(contract)
        nodes, node = self._nodes[spec["vendor"]], spec["node"]
        figure = nodes.get(node, NONE).plus(figure_of(contract), sign)
        if figure == NONE:
            nodes.pop(node, None)
        else:
            nodes[node] = figure

    def of(self, vendor: str) -> Figure:
        """Give the figure of a vendor."""
        total = NONE
        for figure in self._nodes.get(vendor, {}).values():
            total = total.plus(figure)
        return total

    def nodes_of(self, vendor: str) -> list[dict[str, Any]]:
        """Give the figures of its nodes, the worst first."""
        known = [(n, f) for n, f in self._nodes.get(vendor, {}).items() if f.ratio]
        known.sort(key=lambda pair: (pair[1].ratio, pair[0]))
        return [{"node": node, **figure.shown()} for node, figure in known[:NODES_SHOWN]]


def figure_of(contract: Object) -> Figure:
    """Give what one contract adds."""
    spec, status = spec_of(contract), status_of(contract)
    slots = spec["slots"]
    started, finished = status.get("startedMs"), status.get("finishedMs")
    is_closed = status.get("phase") == "Closed"
    end = finished if is_closed else status.get("settledUntilMs")
    delivered = max(0, end - started) if started is not None and end is not None else 0
    if not is_closed or status.get("reason") not in VENDORS_DOING:
        return Figure(delivered, 0, 1, 0)
    begun = finished if finished is not None else slots[0]["startMs"]
    return Figure(delivered, max(0, slots[-1]["endMs"] - begun), 1, 1)
