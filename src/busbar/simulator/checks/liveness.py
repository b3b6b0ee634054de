"""I10: after faults stop, what is comes to be what should be, within a bound, and nothing is left.

Next: `../cloud.py`.
"""

from __future__ import annotations

from busbar.controllers.parts.pods import contract_key, is_final, node_of
from busbar.controllers.settings import Settings
from busbar.model.objects import (
    Object,
    condition,
    is_deleting,
    metadata,
    name_of,
    status_of,
    uid_of,
)
from busbar.model.time import Instant
from busbar.model.wellknown import GROUP
from busbar.simulator.checks.base import insist
from busbar.simulator.checks.services import check_services
from busbar.simulator.machine import Machine
from busbar.store.view import View


def check_settled(view: View, machines: list[Machine], settings: Settings, now: Instant) -> None:
    """Check a cloud that was left alone for long enough: nobody orders, nothing breaks."""
    pods = list(view.list("", "pods"))
    alone = [pod for pod in pods if is_final(pod) and not metadata(pod).get("ownerReferences")]
    said = f"{len(alone)} finished pods that nobody owns are kept"
    insist(len(alone) <= settings.finished_pods_kept, "I10", said)
    for pod in pods:
        _check_pod(view, pod)
    _check_jobs(view)
    check_services(view, settings, now)
    _check_contracts(view)
    for node in view.list("", "nodes"):
        ready = condition(node, "Ready") or {}
        insist(ready.get("status") == "True", "I10", f"node {name_of(node)} is not ready")
    there = {uid_of(pod): pod for pod in pods}
    bound: dict[str, list[Object]] = {}
    for pod in pods:
        bound.setdefault(node_of(pod), []).append(pod)
    for machine in machines:
        _check_machine(machine, there, bound.get(machine.name, []))


def _check_pod(view: View, pod: Object) -> None:
    name = name_of(pod)
    insist(not is_deleting(pod), "I10", f"pod {name} is being deleted for ever: {metadata(pod)}")
    key = contract_key(pod)
    contract = view.get(key) if key is not None else None
    is_open = contract is not None and status_of(contract).get("phase") != "Closed"
    if is_final(pod):
        insist(not is_open, "I10", f"pod {name} has ended, its contract is open")
        held = metadata(pod).get("finalizers")
        insist(not held, "I10", f"pod {name} has ended and is still held by {held}")
    elif node_of(pod):
        insist(is_open, "I10", f"pod {name} is bound without an open contract")
        phase = status_of(pod).get("phase")
        insist(phase == "Running", "I10", f"pod {name} is bound and {phase}")
    elif not is_open:
        told = condition(pod, "PodScheduled")
        insist(told is not None, "I10", f"pod {name} waits and was never told why")


def _check_jobs(view: View) -> None:
    for job in view.list(GROUP, "jobs"):
        status = status_of(job)
        insist(bool(status.get("phase")), "I10", f"job {name_of(job)} was never looked at")
        insist(not is_deleting(job), "I10", f"job {name_of(job)} is being deleted for ever")
    for job in view.list("batch", "jobs"):
        insist("startTime" in status_of(job), "I10", f"job {name_of(job)} was never looked at")
        insist(not is_deleting(job), "I10", f"job {name_of(job)} is being deleted for ever")


def _check_contracts(view: View) -> None:
    pods = {name_of(pod) for pod in view.list("", "pods")}
    for contract in view.list(GROUP, "contracts"):
        phase = status_of(contract)["phase"]
        if phase in ("Bound", "Running"):
            name = contract["spec"]["order"]["name"]
            insist(name in pods, "I10", f"contract {name_of(contract)} is open without its pod")
        if phase == "Closed":
            insist(not status_of(contract).get("heldNano"), "I10", "a closed contract holds money")


def _check_machine(machine: Machine, pods: dict[str, Object], bound: list[Object]) -> None:
    for uid, held in machine.pods.items():
        if held.run is not None and held.run.end is None:
            pod = pods.get(uid)
            right = pod is not None and node_of(pod) == machine.name and not is_final(pod)
            insist(right, "I10", f"{machine.name} runs {name_of(held.pod)}, which nobody wants")
    for pod in bound:
        if not is_final(pod):
            known = machine.pods.get(uid_of(pod))
            runs = known is not None and known.run is not None and known.run.end is None
            insist(runs, "I10", f"{name_of(pod)} should run on {machine.name} and does not")
