"""What a workload keeps away from after its node was lost: the node, and its failure domain.

An entry is the name of a node, or `LABEL=VALUE`: every node that carries the label. A domain that
holds every other node that may take work is not avoided: it would only be waited for. How long each
lasts is `Settings.avoid_ms` and `avoid_domain_ms`, counted from the new Pod's creation
(docs/market.md, "After a loss"). Next: `../pods.py`.
"""

from __future__ import annotations

from busbar.controllers.nodes import is_schedulable
from busbar.model.objects import Key, labels_of, name_of
from busbar.model.wellknown import FAILURE_DOMAINS
from busbar.store.contract import Snapshot


def avoided_after(snapshot: Snapshot, known: str, node: str) -> str:
    """Give what is to be avoided once `node` was lost, beside what is `known` already."""
    entries = [*known.split(","), node, *_domains(snapshot, node)]
    return ",".join(dict.fromkeys(filter(None, entries)))


def nodes_alone(avoided: str) -> str:
    """Give the nodes of what is avoided, without the domains."""
    return ",".join(entry for entry in avoided.split(",") if entry and "=" not in entry)


def _domains(snapshot: Snapshot, node: str) -> list[str]:
    obj = snapshot.get(Key("", "nodes", "", node)) if node else None
    labels = labels_of(obj or {})
    there = [(label, labels[label]) for label in FAILURE_DOMAINS if labels.get(label)]
    return [f"{k}={v}" for k, v in there if _has_others(snapshot, node, k, v)]


def _has_others(snapshot: Snapshot, node: str, label: str, value: str) -> bool:
    """Say whether a node outside the domain may take work."""
    return any(
        is_schedulable(other)
        for other in snapshot.list("", "nodes")
        if labels_of(other).get(label) != value and name_of(other) != node
    )
