"""What an ended Pod means for the Job that owns it. Next: `mirror.py`.

how it ended                          the Job
------------------------------------  ------------------------------------------
Succeeded                             Succeeded
node lost, or unable to run anything  a new Pod away from it, up to a bound
price above cap, offer withdrawn,     a new Pod: the market may find another
  never started, deleted by a user
balance or budget exhausted           Failed: a new Pod would end the same way
deadline passed                       Expired
a piece of interrupted work is over   the next piece's Pod, or a new one for the rest
anything else                         Failed, after spec.backoffLimit retries
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from busbar.controllers.close import CloseReason
from busbar.controllers.parts.pods import POD_NODE_LOST, phase_of
from busbar.model.objects import Object, status_of


class Fate(StrEnum):
    """What comes next for the Job."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    RETRY = "Retry"
    LOST = "Lost"
    REMATCH = "Rematch"
    EXPIRED = "Expired"
    NEXT = "Next"


class Outcome(NamedTuple):
    """How it ended: what comes next, a word, a sentence, the exit code where there was one."""

    fate: Fate
    reason: str = ""
    message: str = ""
    exit_code: int | None = None


LOST_REASONS = frozenset(
    {
        POD_NODE_LOST,
        "LeaseLost",
        "NodeDrained",
        "NodeRestarted",
        "StaleEpoch",
        "RuntimeFailed",
        "DiskFull",
        "AgentFault",
    }
)
"""status.reason of Pods that failed through their node, not through themselves."""

_BY_CLOSE: dict[str, Fate] = {
    CloseReason.BALANCE_EXHAUSTED: Fate.FAILED,
    CloseReason.BUDGET_EXHAUSTED: Fate.FAILED,
    CloseReason.EXPIRED: Fate.EXPIRED,
    CloseReason.NODE_LOST: Fate.LOST,
    CloseReason.OUT_OF_REACH: Fate.LOST,
    CloseReason.NODE_FAULT: Fate.LOST,
    CloseReason.NOT_TAKEN_UP: Fate.LOST,
    CloseReason.NEVER_STARTED: Fate.LOST,
    CloseReason.RECLAIMED: Fate.REMATCH,
    CloseReason.WITHDRAWN_EARLY: Fate.LOST,
    CloseReason.PRICE_ABOVE_CAP: Fate.REMATCH,
    CloseReason.OFFER_WITHDRAWN: Fate.REMATCH,
    CloseReason.ATTESTATION_LAPSED: Fate.REMATCH,
    CloseReason.NOT_DELIVERED: Fate.REMATCH,
    CloseReason.SUPERSEDED: Fate.REMATCH,
    CloseReason.GANG_BROKEN: Fate.REMATCH,
    CloseReason.SOLD_AGAIN: Fate.REMATCH,
    CloseReason.PIECE_ENDED: Fate.NEXT,
    CloseReason.DELETED: Fate.REMATCH,
    CloseReason.MOVED: Fate.REMATCH,
}


def of_contract(contract: Object | None) -> Outcome:
    """Say what a vanished Pod means, from why its contract closed."""
    status = status_of(contract or {})
    reason = str(status.get("reason") or "")
    fate = _BY_CLOSE.get(reason, Fate.REMATCH)
    return Outcome(fate, reason, str(status.get("message") or ""))


def of_pod(pod: Object) -> Outcome:
    """Say what a Pod that ended by itself means."""
    status = status_of(pod)
    ended = _terminated(pod)
    code = ended.get("exitCode")
    if phase_of(pod) == "Succeeded":
        return Outcome(Fate.SUCCEEDED, "Completed", "The workload has finished.", code or 0)
    reason = str(status.get("reason") or ended.get("reason") or "Error")
    message = str(status.get("message") or ended.get("message") or "")
    if reason in LOST_REASONS:
        return Outcome(Fate.LOST, POD_NODE_LOST, message)
    if reason in ("Error", "ExitCode"):
        reason = "ExitCode"
        message = message or f"The workload ended with exit code {code}; see its log."
    return Outcome(Fate.RETRY, reason, message or f"The workload failed: {reason}.", code)


def _terminated(pod: Object) -> dict[str, Any]:
    """Give the terminated state of the container that failed, else of the first."""
    found = []
    for container in status_of(pod).get("containerStatuses") or ():
        ended = (container.get("state") or {}).get("terminated")
        if ended:
            found.append(dict(ended))
    found.sort(key=lambda ended: not ended.get("exitCode"))
    return found[0] if found else {}
