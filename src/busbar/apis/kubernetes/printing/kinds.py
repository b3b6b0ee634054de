"""The other Kubernetes kinds, with the words of `kubectl get`. Next: `own.py`."""

from __future__ import annotations

from typing import Any

from busbar.apis.kubernetes.printing.columns import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    Column,
    Printer,
    age,
    human_duration,
    since,
)
from busbar.model.errors import InvalidField
from busbar.model.objects import (
    Object,
    condition,
    is_deleting,
    labels_of,
    metadata,
    name_of,
    spec_of,
    status_of,
)
from busbar.model.time import Instant, parse_instant
from busbar.model.wellknown import LABEL_REGION, LABEL_VENDOR

_ROLE = "node-role.kubernetes.io/"


def _namespace(obj: Object, now: Instant) -> list[Any]:
    return [name_of(obj), status_of(obj).get("phase") or "Active", age(obj, now)]


def _node(obj: Object, now: Instant) -> list[Any]:
    labels, info = labels_of(obj), status_of(obj).get("nodeInfo") or {}
    roles = sorted(key[len(_ROLE) :] for key in labels if key.startswith(_ROLE))
    return [
        name_of(obj),
        _node_status(obj),
        ",".join(roles) or NONE,
        age(obj, now),
        info.get("kubeletVersion") or NONE,
        labels.get(LABEL_VENDOR) or NONE,
        labels.get(LABEL_REGION) or NONE,
        _address(obj, "InternalIP"),
        _address(obj, "ExternalIP"),
        info.get("osImage") or UNKNOWN,
        info.get("kernelVersion") or UNKNOWN,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _node_status(obj: Object) -> str:
    ready = (condition(obj, "Ready") or {}).get("status")
    words = [{"True": "Ready", "False": "NotReady"}.get(str(ready), "Unknown")]
    if spec_of(obj).get("unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _address(obj: Object, kind: str) -> str:
    for one in status_of(obj).get("addresses") or ():
        if one.get("type") == kind:
            return str(one.get("address"))
    return NONE


def _config_map(obj: Object, now: Instant) -> list[Any]:
    count = len(obj.get("data") or ()) + len(obj.get("binaryData") or ())
    return [name_of(obj), count, age(obj, now)]


def _secret(obj: Object, now: Instant) -> list[Any]:
    return [name_of(obj), obj.get("type") or "Opaque", len(obj.get("data") or ()), age(obj, now)]


def _service_account(obj: Object, now: Instant) -> list[Any]:
    return [name_of(obj), len(obj.get("secrets") or ()), age(obj, now)]


def _lease(obj: Object, now: Instant) -> list[Any]:
    return [name_of(obj), spec_of(obj).get("holderIdentity") or "", age(obj, now)]


def _event(obj: Object, now: Instant) -> list[Any]:
    about, source = obj.get("involvedObject") or {}, obj.get("source") or {}
    series = obj.get("series") or {}
    created = metadata(obj).get("creationTimestamp")
    first = obj.get("firstTimestamp") or obj.get("eventTime") or created
    last = series.get("lastObservedTime") or obj.get("lastTimestamp") or first
    return [
        since(last, now),
        obj.get("type") or "",
        obj.get("reason") or "",
        f"{str(about.get('kind') or '').lower()}/{about.get('name') or ''}",
        about.get("fieldPath") or "",
        ", ".join(one for one in (source.get("component"), source.get("host")) if one)
        or obj.get("reportingComponent")
        or "",
        str(obj.get("message") or "").strip(),
        since(first, now),
        series.get("count") or obj.get("count") or 1,
        name_of(obj),
    ]


def _job(obj: Object, now: Instant) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    succeeded, wanted = status.get("succeeded") or 0, spec.get("completions")
    containers = ((spec.get("template") or {}).get("spec") or {}).get("containers") or []
    selector = (spec.get("selector") or {}).get("matchLabels") or {}
    return [
        name_of(obj),
        _job_status(obj),
        f"{succeeded}/{wanted if wanted is not None else 1}",
        _job_duration(obj, now),
        age(obj, now),
        ",".join(str(one.get("name")) for one in containers),
        ",".join(str(one.get("image")) for one in containers),
        ",".join(f"{key}={value}" for key, value in sorted(selector.items())) or NONE,
    ]


def _job_status(obj: Object) -> str:
    for kind, word in (("Complete", "Complete"), ("Failed", "Failed"), ("Suspended", "Suspended")):
        if (condition(obj, kind) or {}).get("status") == "True":
            return word
    return "Terminating" if is_deleting(obj) else "Running"


def _job_duration(obj: Object, now: Instant) -> str:
    status = status_of(obj)
    try:
        start = parse_instant(status.get("startTime"), "")
        end = status.get("completionTime")
        return human_duration((parse_instant(end, "") if end else now) - start)
    except InvalidField:
        return ""


def _wide(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, priority=1) for name in names)


_NODE_WIDE = ("Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime")

PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "namespaces"): Printer((NAME, Column("Status"), AGE), _namespace),
    ("", "nodes"): Printer(
        (
            NAME,
            Column("Status", description="Ready while its lease is renewed."),
            Column("Roles"),
            AGE,
            Column("Version", description="Version of the agent."),
            Column("Vendor"),
            Column("Region"),
            *_wide(*_NODE_WIDE),
        ),
        _node,
    ),
    ("", "configmaps"): Printer((NAME, Column("Data", "integer"), AGE), _config_map),
    ("", "secrets"): Printer((NAME, Column("Type"), Column("Data", "integer"), AGE), _secret),
    ("", "serviceaccounts"): Printer((NAME, Column("Secrets", "integer"), AGE), _service_account),
    ("coordination.k8s.io", "leases"): Printer((NAME, Column("Holder"), AGE), _lease),
    ("", "events"): Printer(
        (
            Column("Last Seen"),
            Column("Type"),
            Column("Reason"),
            Column("Object"),
            *_wide("Subobject", "Source"),
            Column("Message"),
            Column("First Seen", priority=1),
            Column("Count", "integer", 1),
            Column("Name", priority=1, format="name"),
        ),
        _event,
    ),
    ("batch", "jobs"): Printer(
        (
            NAME,
            Column("Status"),
            Column("Completions"),
            Column("Duration"),
            AGE,
            *_wide("Containers", "Images", "Selector"),
        ),
        _job,
    ),
}
