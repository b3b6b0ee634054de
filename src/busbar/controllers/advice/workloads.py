"""What a Pod belongs to: the workload that people know by name, whatever kind it is.

Owners are followed to the top, so that the Pods of all revisions of a service are one workload. A
Pod that nobody owns is its own. Next: `folding.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from busbar.advice.finding import Subject
from busbar.controllers.contract import Collection
from busbar.controllers.parts.pods import contract_key, is_final, node_of
from busbar.model.dtu import Resources
from busbar.model.errors import InvalidField
from busbar.model.ids import derived_suffix
from busbar.model.objects import (
    Key,
    Object,
    controller_of,
    is_deleting,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from busbar.model.requests import GPU_RESOURCES, container_requests
from busbar.model.resources import BY_KIND
from busbar.model.time import Instant
from busbar.model.wellknown import API_VERSION, GROUP
from busbar.store.contract import Snapshot

PROFILES: Collection = (GROUP, "useprofiles")
_OWNERS_MAX = 4
_NAME_MAX = 50
BUSBAR_JOB = (API_VERSION, "Job")
CONTAINER = "main"


class Workload(NamedTuple):
    """A workload of a namespace. `owner` None where a Pod is its own, or its owner is unknown."""

    namespace: str
    subject: Subject
    owner: Object | None
    pods: tuple[Object, ...]
    """Those that are bound and have not ended."""
    ended: tuple[Object, ...] = ()
    reserved: tuple[Object, ...] = ()
    """Those that have their contract, for a slot that has not begun."""


def subject_of(snapshot: Snapshot, pod: Object) -> tuple[Subject, Object | None]:
    """Give what a Pod belongs to, and its object where there is one."""
    obj, found, owner = pod, Subject("v1", "Pod", name_of(pod)), None
    for _ in range(_OWNERS_MAX):
        reference = controller_of(obj)
        if reference is None:
            break
        found = Subject(
            str(reference["apiVersion"]), str(reference["kind"]), str(reference["name"])
        )
        key = key_of_subject(found, namespace_of(pod))
        owner = snapshot.get(key) if key is not None else None
        if owner is None:
            break
        obj = owner
    return found, owner


def subject_of_object(obj: Object) -> Subject:
    """Name an object."""
    return Subject(str(obj["apiVersion"]), str(obj["kind"]), name_of(obj))


def key_of_subject(subject: Subject, namespace: str) -> Key | None:
    """Give the key of what advice is about; None where its kind is not served."""
    resource = BY_KIND.get((subject.api_version, subject.kind))
    return None if resource is None else resource.key(namespace, subject.name)


def profile_key(namespace: str, subject: Subject) -> Key:
    """Give the key of a workload's profile: of the same name, made again, it is the same."""
    suffix = derived_suffix(subject.api_version, subject.kind, subject.name)
    return Key(*PROFILES, namespace, f"{subject.name[:_NAME_MAX].rstrip('.-')}-{suffix}")


def workloads(snapshot: Snapshot, pods: Iterable[Object]) -> list[Workload]:
    """Group Pods by what they belong to."""
    found: dict[tuple[str, Subject], tuple[Object | None, list[Object]]] = {}
    for pod in pods:
        subject, owner = subject_of(snapshot, pod)
        found.setdefault((namespace_of(pod), subject), (owner, []))[1].append(pod)
    return [
        _workload(namespace, subject, owner, mine)
        for (namespace, subject), (owner, mine) in sorted(found.items(), key=lambda entry: entry[0])
    ]


def _workload(
    namespace: str, subject: Subject, owner: Object | None, pods: list[Object]
) -> Workload:
    living = [pod for pod in pods if not is_final(pod) and not is_deleting(pod)]
    return Workload(
        namespace,
        subject,
        owner,
        tuple(pod for pod in living if node_of(pod)),
        tuple(pod for pod in pods if is_final(pod)),
        tuple(pod for pod in living if not node_of(pod) and contract_key(pod) is not None),
    )


def requests_by_container(workload: Workload) -> dict[str, Resources]:
    """Give what each container of one Pod of it requests; empty where that cannot be read."""
    try:
        if workload.owner is not None and _is_busbar_job(workload.owner):
            asked = spec_of(workload.owner).get("resources") or {}
            asked = {**asked, GPU_RESOURCES[0]: asked.get("gpus", 0)}
            path = "spec.resources"
            return {CONTAINER: container_requests({"resources": {"requests": asked}}, path)}
        spec = spec_of((*workload.pods, *workload.reserved, *workload.ended)[0])
        containers = spec.get("containers") or ()
        return {str(one["name"]): container_requests(one, "spec.containers") for one in containers}
    except (InvalidField, IndexError, KeyError):
        return {}


def killed_for_memory(workload: Workload) -> frozenset[str]:
    """Give the containers of it that ended for lack of memory, as far as its Pods still say so."""
    found = set()
    for pod in (*workload.pods, *workload.ended):
        for status in status_of(pod).get("containerStatuses") or ():
            for state in ("state", "lastState"):
                ended: Mapping[str, Any] = (status.get(state) or {}).get("terminated") or {}
                if ended.get("reason") == "OOMKilled":
                    found.add(str(status.get("name")))
    return frozenset(found)


def _is_busbar_job(owner: Object) -> bool:
    return (owner.get("apiVersion"), owner.get("kind")) == BUSBAR_JOB


class Deal(NamedTuple):
    """What a Pod pays now: the price of its present slot and its draw."""

    contract: Object
    price_nano: int
    draw_micro: int


def deal_of(snapshot: Snapshot, pod: Object, now: Instant) -> Deal | None:
    """Give the deal of a Pod with an open contract."""
    key = contract_key(pod)
    contract = snapshot.get(key) if key is not None else None
    if contract is None or status_of(contract).get("phase") == "Closed":
        return None
    spec = spec_of(contract)
    slots = spec.get("slots") or ()
    if not slots:
        return None
    present = [slot for slot in slots if slot["startMs"] <= now < slot["endMs"]]
    price = int((present or slots)[-1]["priceNano"])
    return Deal(contract, price, int(spec["drawMicro"]))
