"""Work in pieces, as its Job sees it: which Pods it has, which goes on, how much is done.

Next: `controller.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from busbar.controllers.parts.deletion import delete_pod
from busbar.controllers.parts.pods import contract_key, is_promised
from busbar.model.kinds.job import JobSpec
from busbar.model.objects import (
    Object,
    annotations_of,
    controller_of,
    is_deleting,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from busbar.model.time import Instant, parse_duration
from busbar.model.wellknown import ANN_PIECE, GROUP
from busbar.store.contract import Op, Snapshot


class Pieces(NamedTuple):
    """The Pods of a Job that are pieces of its work and not its present one."""

    certain: tuple[Object, ...]
    lost: tuple[Object, ...]
    """Their contracts have ended, so they wait for nothing."""

    @property
    def following(self) -> Object | None:
        """Give the one that goes on."""
        return min(self.certain, key=number_of, default=None)

    def removed(self, now: Instant, grace_ms: int) -> tuple[Op, ...]:
        """Give what takes all of them away: their contracts close, what they hold is released."""
        pods = (*self.certain, *self.lost)
        return tuple(op for pod in pods for op in delete_pod(pod, now, grace_ms))


_NONE = Pieces((), ())


def number_of(pod: Object) -> int:
    """Give which piece a Pod is, 0 where it is none."""
    text = annotations_of(pod).get(ANN_PIECE, "")
    return int(text) if text.isdecimal() else 0


def pieces_of(snapshot: Snapshot, job: Object, spec: JobSpec, present: str) -> Pieces:
    """Give the pieces of a Job other than its `present` Pod."""
    if not spec.may_be_interrupted:
        return _NONE
    found = [
        pod
        for pod in snapshot.list("", "pods", namespace_of(job))
        if number_of(pod)
        and name_of(pod) != present
        and not is_deleting(pod)
        and (controller_of(pod) or {}).get("uid") == uid_of(job)
    ]
    certain = tuple(pod for pod in found if is_promised(pod, snapshot))
    return Pieces(certain, tuple(pod for pod in found if not is_promised(pod, snapshot)))


def is_lost(snapshot: Snapshot, pod: Object) -> bool:
    """Say whether a piece has lost its place before it began."""
    return bool(number_of(pod)) and not is_promised(pod, snapshot)


def schedule(snapshot: Snapshot, pods: Iterable[Object]) -> list[str]:
    """Give the pieces that are still to run, one line each: when, where, at which price."""
    found = []
    for pod in sorted(pods, key=number_of):
        key = contract_key(pod)
        contract = snapshot.get(key) if key is not None and number_of(pod) else None
        if contract is None or status_of(contract).get("phase") == "Closed":
            continue
        spec, status = spec_of(contract), status_of(contract)
        term = f"from {status.get('starts')} until {status.get('ends')}"
        where = f"vendor {spec['vendor']}, node {spec['node']}, {status.get('pricePerDTU')} €/DTU"
        found.append(f"{spec.get('piece')} of {spec.get('pieces')}: {term}, {where}")
    return found


def rest_of(snapshot: Snapshot, job: Object, spec: JobSpec) -> int | None:
    """Give how much of the work is left, in ms, at least a piece; None where none is done.

    Done is what its contracts delivered: how far the work got with it is the workload's affair.
    """
    if not spec.may_be_interrupted or spec.expected_duration is None:
        return None
    done = 0
    for contract in snapshot.list(GROUP, "contracts", namespace_of(job)):
        if (spec_of(contract).get("order") or {}).get("ownerUid") == uid_of(job):
            done += _delivered(contract)
    if not done:
        return None
    whole = parse_duration(spec.expected_duration, "spec.expectedDuration")
    return max(whole - done, parse_duration(spec.minimum_piece or "1h", "spec.minimumPiece"))


def _delivered(contract: Object) -> int:
    status = status_of(contract)
    started, finished = status.get("startedMs"), status.get("finishedMs")
    return max(0, int(finished) - int(started)) if started and finished else 0
