"""Which Pod a Job means: container, buckets, market terms. Next: `outcome.py`."""

from __future__ import annotations

from typing import Any

import msgspec

from busbar.controllers.parts.templates import pod_of
from busbar.controllers.parts.writes import with_status
from busbar.model.errors import InvalidField
from busbar.model.expressions import read_expression, to_text
from busbar.model.kinds.job import JobSpec, Restrictions
from busbar.model.money import format_euro, parse_euro
from busbar.model.objects import Object, labels_of, name_of, spec_of, status_of
from busbar.model.requests import EPHEMERAL_STORAGE, GPU_RESOURCES
from busbar.model.time import SECOND, Instant, parse_instant
from busbar.model.wellknown import (
    ANN_CAP,
    ANN_DURATION,
    ANN_EGRESS_CAP,
    ANN_GANG,
    ANN_GANG_SIZE,
    ANN_MAY_WAIT,
    ANN_NOT_AFTER,
    ANN_NOT_BEFORE,
    ANN_PIECE_MIN,
    ANN_PIECES,
    ANN_RAN_ON,
    ANN_READ,
    ANN_REGION,
    ANN_RESERVATION,
    ANN_RESTRICTIONS,
    ANN_SCRIPT,
    ANN_VENDOR,
    ANN_WRITE,
    CSI_BUCKET,
    LABEL_JOB,
)

CONTAINER = "main"


def read_spec(job: Object) -> JobSpec:
    """Read a Job's spec; `InvalidField` where it cannot be one."""
    try:
        spec = msgspec.convert(spec_of(job), JobSpec)
    except msgspec.ValidationError as error:
        raise InvalidField("spec", str(error)) from None
    not_after(spec)
    if spec.not_before is not None:
        parse_instant(spec.not_before, "spec.notBefore")
    if spec.max_euro_per_dtu is not None:
        parse_euro(spec.max_euro_per_dtu, "spec.maxEuroPerDTU")
    if spec.max_egress_euro is not None:
        parse_euro(spec.max_egress_euro, "spec.maxEgressEuro")
    buckets(spec)
    _restrictions(spec.restrictions)
    return spec


def not_after(spec: JobSpec) -> Instant | None:
    """Give the time by which the Job must have finished."""
    return None if spec.not_after is None else parse_instant(spec.not_after, "spec.notAfter")


def buckets(spec: JobSpec) -> tuple[str, ...]:
    """Give the buckets to mount: the script's first, then those listed, each once."""
    named = list(spec.buckets)
    if spec.script_path is not None:
        bucket, _, path = spec.script_path.lstrip("/").partition("/")
        if not spec.script_path.startswith("/") or not bucket or not path:
            raise InvalidField("spec.scriptPath", "must be /BUCKET/KEY, such as /myjobs/script.py")
        named.insert(0, bucket)
    return tuple(dict.fromkeys(named))


def next_pod(
    job: Object, spec: JobSpec, now: Instant, losses: int, avoid: str, rest: int | None = None
) -> Object:
    """Make the Pod that runs the Job next. Its name depends on the Job and the time alone.

    `rest` is how long the work still takes, in ms, where a part of it is done.
    """
    notes = {
        **_terms(spec),
        **({ANN_DURATION: f"{max(1, rest // SECOND)}s"} if rest is not None else {}),
        **({ANN_RAN_ON: ran_on} if (ran_on := str(status_of(job).get("node") or "")) else {}),
    }
    template = {"metadata": {"labels": labels_of(job)}, "spec": _pod_spec(spec)}
    pod = pod_of(
        job,
        template,
        now,
        (losses, now),
        labels={LABEL_JOB: name_of(job)[:63].rstrip(".-_")},
        notes=notes,
        losses=losses,
        avoid=avoid,
    )
    return with_status(pod, qosClass="Guaranteed")


def _terms(spec: JobSpec) -> dict[str, str]:
    """Give the market terms, as annotations of the Pod."""
    terms = {
        ANN_CAP: priced(spec.max_euro_per_dtu, "spec.maxEuroPerDTU"),
        **restricted(spec.restrictions),
        ANN_NOT_BEFORE: spec.not_before,
        ANN_NOT_AFTER: spec.not_after,
        ANN_MAY_WAIT: "true" if spec.may_wait else None,
        ANN_DURATION: spec.expected_duration,
        ANN_READ: _text(spec.expected_read),
        ANN_WRITE: _text(spec.expected_write),
        ANN_EGRESS_CAP: priced(spec.max_egress_euro, "spec.maxEgressEuro"),
        ANN_RESERVATION: spec.reservation,
        ANN_SCRIPT: spec.script_path,
        ANN_PIECES: str(spec.max_pieces or 4) if spec.may_be_interrupted else None,
        ANN_PIECE_MIN: (spec.minimum_piece or "1h") if spec.may_be_interrupted else None,
        ANN_GANG: spec.gang.name if spec.gang is not None else None,
        ANN_GANG_SIZE: str(spec.gang.size) if spec.gang is not None else None,
    }
    return {name: value for name, value in terms.items() if value}


def restricted(restrictions: Restrictions) -> dict[str, str | None]:
    """Give where and with whom it may run, as annotations."""
    return {
        ANN_REGION: _joined(restrictions.region),
        ANN_VENDOR: _joined(restrictions.vendor),
        ANN_RESTRICTIONS: _restrictions(restrictions),
    }


def _restrictions(said: Restrictions) -> str | None:
    """Give the expression in normal form; None where there is none."""
    wanted = said.expression()
    return to_text(read_expression(wanted, "spec.restrictions")) if wanted else None


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)


def priced(value: str | int | float | None, path: str) -> str | None:
    """Give a cap as an annotation."""
    return None if value is None else format_euro(parse_euro(value, path))


def _joined(value: str | list[str] | None) -> str | None:
    if value is None:
        return None
    return value if isinstance(value, str) else ",".join(value)


def _pod_spec(spec: JobSpec) -> dict[str, Any]:
    mounted = buckets(spec)
    reserved = {"cpu": str(spec.resources.cpu), "memory": str(spec.resources.memory)}
    if spec.resources.gpus:
        reserved[GPU_RESOURCES[0]] = str(spec.resources.gpus)
    if spec.resources.ephemeral_storage is not None:
        reserved[EPHEMERAL_STORAGE] = str(spec.resources.ephemeral_storage)
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": spec.image,
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": reserved, "limits": dict(reserved)},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }
    if spec.command:
        container["command"] = spec.command
    if spec.args:
        container["args"] = spec.args
    if spec.env:
        container["env"] = [{"name": k, "value": spec.env[k]} for k in sorted(spec.env)]
    pod: dict[str, Any] = {
        "containers": [container],
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 30,
        "enableServiceLinks": False,
    }
    if spec.tolerations:
        pod["tolerations"] = msgspec.to_builtins(spec.tolerations)
    if mounted:
        container["volumeMounts"] = [
            {"name": f"bucket-{i}", "mountPath": f"/{b}"} for i, b in enumerate(mounted)
        ]
        pod["volumes"] = [
            {
                "name": f"bucket-{i}",
                "csi": {"driver": CSI_BUCKET, "volumeAttributes": {"bucket": bucket}},
            }
            for i, bucket in enumerate(mounted)
        ]
    return pod
