"""What a Job's status says while its Pod waits and runs. Next: `controller.py`."""

from __future__ import annotations

from typing import Any, NamedTuple

from busbar.controllers.parts.pods import node_of, phase_of, report_of
from busbar.model.objects import Object, condition, name_of, spec_of, status_of
from busbar.model.time import format_instant


class View(NamedTuple):
    """Phase, reason, message and funnel of a Job whose Pod has not ended."""

    phase: str
    reason: str = ""
    message: str = ""
    funnel: tuple[str, ...] = ()


def view_of(pod: Object, contract: Object | None) -> View:
    """Say where a Pod that has not ended stands, in a consumer's words."""
    funnel = funnel_of(pod)
    if node_of(pod):
        return _bound(pod, contract)._replace(funnel=funnel)
    if contract is not None and status_of(contract).get("phase") == "Reserved":
        return _reserved(contract)
    refused = condition(pod, "PodScheduled")
    if refused is not None and refused.get("status") == "False":
        return View(
            "Pending", str(refused.get("reason", "")), str(refused.get("message", "")), funnel
        )
    return View("Pending", "Submitted", "Waiting for the next clearing.")


def funnel_of(pod: Object | None) -> tuple[str, ...]:
    """Give what the market said of the offers that were not taken."""
    said: dict[str, Any] = status_of(pod or {}).get("busbar") or {}
    return tuple(str(clause) for clause in said.get("funnel") or ())


def _bound(pod: Object, contract: Object | None) -> View:
    if phase_of(pod) == "Running" or report_of(pod).started is not None:
        stopping = str(status_of(contract or {}).get("reason") or "")
        message = str(status_of(contract or {}).get("message") or "") if stopping else ""
        if not stopping and contract is not None and (piece := piece_of(contract)):
            message = f"{piece}, until {status_of(contract).get('ends')}."
        return View("Running", stopping or "Running", message)
    for container in status_of(pod).get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting")
        if waiting:
            reason = str(waiting.get("reason") or "Starting")
            return View("Pending", reason, str(waiting.get("message") or _matched(contract)))
    return View("Pending", "Starting", _matched(contract))


def _matched(contract: Object | None) -> str:
    if contract is None:
        return "Matched; the node is preparing the workload."
    spec, price = spec_of(contract), status_of(contract).get("pricePerDTU", "")
    where = f"vendor {spec.get('vendor')}, node {spec.get('node')}"
    terms = f"at {price} €/DTU"
    if spec.get("reservation"):
        terms = f"draws on {spec['reservation']}, nothing more to pay"
    return f"Matched: {where}, {terms}; the node is preparing the workload."


def _reserved(contract: Object) -> View:
    spec, price = spec_of(contract), status_of(contract).get("pricePerDTU", "")
    slots = spec.get("slots") or [{"startMs": 0}]
    at = format_instant(int(slots[0]["startMs"]))
    what = f"{piece} starts" if (piece := piece_of(contract)) else "Starts"
    said = f"{what} at {at} with vendor {spec.get('vendor')}, {price} €/DTU."
    return View("Waiting", "Reserved", said)


def piece_of(contract: Object) -> str:
    """Say which piece of the work a contract is for; "" for work that is whole."""
    spec = spec_of(contract)
    return f"Piece {spec['piece']} of {spec['pieces']}" if spec.get("pieces") else ""


def terms_of(pod: Object | None, contract: Object | None) -> dict[str, str]:
    """Give the status fields that come from the match: empty before there is one."""
    if contract is None:
        return {}
    spec, status = spec_of(contract), status_of(contract)
    found = {
        "contract": name_of(contract),
        "vendor": str(spec.get("vendor") or ""),
        "node": str(spec.get("node") or ""),
        "pricePerDTU": str(status.get("pricePerDTU") or ""),
        "cost": str(status.get("cost") or ""),
    }
    started = status.get("startedMs") or (report_of(pod).started if pod is not None else None)
    if started is not None:
        found["startTime"] = format_instant(int(started))
    return found
