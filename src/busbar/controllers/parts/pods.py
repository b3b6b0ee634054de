"""Reading Pods: where they stand, and what their agent reported. Next: `deletion.py`."""

from __future__ import annotations

from typing import Any, NamedTuple

from busbar.model.objects import (
    Key,
    Object,
    annotations_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from busbar.model.time import Instant
from busbar.model.wellknown import ANN_CONTRACT, ANN_EPOCH
from busbar.store.contract import Snapshot

FINAL_PHASES = frozenset({"Succeeded", "Failed"})
POD_NODE_LOST = "NodeLost"
"""status.reason of a Pod whose node was lost."""


class Report(NamedTuple):
    """`status.busbar`: what the agent observed, under which epoch."""

    epoch: int
    started: Instant | None
    finished: Instant | None
    observed: Instant | None = None
    """When the agent last looked at the workload and found it as it says."""


def phase_of(pod: Object) -> str:
    """Give status.phase; Pending where there is none yet."""
    return str(status_of(pod).get("phase") or "Pending")


def is_final(pod: Object) -> bool:
    """Say whether the Pod has ended for good."""
    return phase_of(pod) in FINAL_PHASES


def node_of(pod: Object) -> str:
    """Give the node it is bound to, "" if none."""
    return str(spec_of(pod).get("nodeName") or "")


def epoch_of(pod: Object) -> int:
    """Give the epoch of its latest match, 0 if none."""
    return _int(annotations_of(pod).get(ANN_EPOCH)) or 0


def contract_key(pod: Object) -> Key | None:
    """Give the key of the contract of its latest match."""
    name = annotations_of(pod).get(ANN_CONTRACT)
    return Key("busbar.dev", "contracts", namespace_of(pod), name) if name else None


def is_promised(pod: Object, snapshot: Snapshot) -> bool:
    """Say whether the contract of a Pod's latest match is open."""
    key = contract_key(pod)
    contract = snapshot.get(key) if key is not None else None
    return contract is not None and status_of(contract).get("phase") != "Closed"


def pod_key(namespace: str, name: str) -> Key:
    """Give the key of a Pod."""
    return Key("", "pods", namespace, name)


def report_of(pod: Object) -> Report:
    """Read what the agent reported; a nonsense value counts as not reported."""
    found: Any = status_of(pod).get("busbar")
    said: dict[str, Any] = found if isinstance(found, dict) else {}
    epoch = _int(said.get("epoch")) or 0
    return Report(
        epoch,
        _int(said.get("startedMs")),
        _int(said.get("finishedMs")),
        _int(said.get("observedMs")),
    )


def _int(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isdecimal() and len(value) < 19:
        return int(value)
    return None


def describe(pod: Object) -> str:
    """Name a Pod in a sentence."""
    return f"pod {namespace_of(pod)}/{name_of(pod)}"
