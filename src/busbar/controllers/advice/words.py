"""Findings in words: one sentence, the evidence, the patch or the command. Next: `publishing.py`.

A patch is a merge patch of what the advice is about, for `busbar advice apply`; where the kind does
not let itself be changed so, a command or a sentence says what to do in the manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from busbar.advice.finding import AdviceType, Evidence, Finding, Subject, per_hour
from busbar.advice.idle import Idle
from busbar.advice.places import Change, Later, Place
from busbar.advice.profile import PERCENT, Profile
from busbar.advice.sizing import Sizing, total
from busbar.advice.unsold import Unsold
from busbar.advice.unusual import WINDOW_HOURS, Unusual
from busbar.controllers.advice.workloads import BUSBAR_JOB, CONTAINER, Deal, Workload
from busbar.market.orders import Order
from busbar.model.dtu import Resources
from busbar.model.money import format_euro
from busbar.model.objects import Object, name_of, spec_of
from busbar.model.quantities import format_bytes, format_milli
from busbar.model.requests import container_requests
from busbar.model.resources import BY_KIND
from busbar.model.time import HOUR, format_duration, format_instant
from busbar.model.wellknown import API_VERSION


def sized(
    workload: Workload, profile: Profile, found: Sizing, killed: frozenset[str], saving: int
) -> Finding:
    """Requests that fit what is used."""
    before, after = total(found.now), total(found.better)
    why = [
        Evidence("samples", f"{profile.samples} in {profile.runs} runs"),
        Evidence("since", format_instant(profile.first)),
    ]
    for name, asked in found.now.items():
        used = profile.containers.get(name)
        if used is not None:
            cpu = format_milli(used.cpu.quantile(PERCENT))
            why.append(Evidence(f"{name}: cpu, {PERCENT} % of the time below", cpu))
            why.append(Evidence(f"{name}: memory, peak", format_bytes(used.memory_peak_bytes)))
        why.append(Evidence(f"{name}: requests", _amounts(asked)))
    why += [Evidence(f"{name}: ended", "OOMKilled") for name in sorted(killed)]
    what = f"Request {_amounts(after)} instead of {_amounts(before)}"
    reason = "it ran out of memory" if killed else "it uses no more"
    return Finding(
        AdviceType.RIGHT_SIZE,
        workload.namespace,
        workload.subject,
        f"{what}: {reason}.",
        tuple(why),
        saving,
        size_patch(workload, found),
        f"in the manifest, request {_each(found)}",
    )


def size_patch(workload: Workload, found: Sizing) -> Mapping[str, Any] | None:
    """Give the patch of a Job of ours or of a template; a batch Job's and a Pod's are fixed."""
    subject = workload.subject
    if (subject.api_version, subject.kind) == BUSBAR_JOB:
        one = found.better[CONTAINER]
        return {"spec": {"resources": _requests(one)}}
    containers = _template(workload.owner)
    if not containers or subject.kind == "Job":
        return None
    patched = []
    for container in containers:
        better = found.better.get(str(container.get("name")))
        patched.append(container if better is None else _with_requests(container, better))
    return {"spec": {"template": {"spec": {"containers": patched}}}}


def template_requests(owner: Object) -> dict[str, Resources]:
    """Give what the containers of a template request."""
    return {
        str(one.get("name")): container_requests(one, "spec.template") for one in _template(owner)
    }


def _template(owner: Object | None) -> list[dict[str, Any]]:
    template = spec_of(owner or {}).get("template")
    found = spec_of(template).get("containers") if isinstance(template, dict) else None
    return list(found or ())


def _with_requests(container: dict[str, Any], better: Resources) -> dict[str, Any]:
    """Change requests, and limits that were equal to them or would be below them."""
    resources = container.get("resources") or {}
    limits, asked = dict(resources.get("limits") or {}), dict(resources.get("requests") or {})
    for name, value in _requests(better).items():
        if name in limits and limits[name] == asked.get(name, limits[name]):
            limits[name] = value
        asked[name] = value
    kept = {**resources, "requests": asked}
    return {**container, "resources": {**kept, "limits": limits} if limits else kept}


def _requests(one: Resources) -> dict[str, str]:
    return {"cpu": f"{one.cpu_milli}m", "memory": f"{one.memory_bytes // 1024**2}Mi"}


def _amounts(one: Resources) -> str:
    return f"{format_milli(one.cpu_milli)} cpu and {format_bytes(one.memory_bytes)}"


def _each(found: Sizing) -> str:
    return "; ".join(f"{name}: {_amounts(one)}" for name, one in found.better.items())


def idle(workload: Workload, found: Idle, cost_nano: int) -> Finding:
    """Something that does nothing."""
    subject = workload.subject
    return Finding(
        AdviceType.IDLE,
        workload.namespace,
        subject,
        f"{subject.kind} {subject.name} has done nothing for {found.hours} hours: end it, or let "
        "it run when it is needed.",
        (
            Evidence("hours", str(found.hours)),
            Evidence("cpu, peak of these hours", format_milli(found.cpu_peak_milli)),
            Evidence("nothing is less than", format_milli(found.least_milli)),
        ),
        cost_nano,
        command=f"kubectl -n {workload.namespace} delete {_resource(subject)} {subject.name}",
    )


def _resource(subject: Subject) -> str:
    resource = BY_KIND.get((subject.api_version, subject.kind))
    if resource is None:
        return subject.kind.lower()
    return f"{resource.plural}.{resource.group}" if resource.group else resource.singular


def cheaper_place(workload: Workload, order: Order, deal: Deal, found: Place) -> Finding:
    """The same work, cheaper elsewhere."""
    match = found.match
    where = f"{match.vendor} in {match.zone or 'no region'}"
    if found.change is Change.NOTHING:
        said = f"Started anew it would run at {where}"
        todo = f"kubectl -n {workload.namespace} delete pod {name_of(workload.pods[0])}"
    else:
        said = f"Without the restriction to its {found.change.value} it would run at {where}"
        todo = f"in the manifest, allow {where}; then start it anew"
    prices = f"{format_euro(match.highest_nano)} instead of {format_euro(deal.price_nano)} €/DTU"
    eligible = order.eligibility
    return Finding(
        AdviceType.CHEAPER_PLACE,
        workload.namespace,
        workload.subject,
        f"{said}, at {prices}.",
        (
            Evidence("price now", f"{format_euro(deal.price_nano)} €/DTU"),
            Evidence("price there", f"{format_euro(match.highest_nano)} €/DTU"),
            Evidence("node there", match.node),
            Evidence("regions allowed", ", ".join(eligible.regions) or "any"),
            Evidence("vendors allowed", ", ".join(eligible.vendors) or "any"),
        ),
        found.saving_nano_per_hour,
        command=todo,
    )


def cheaper_hour(workload: Workload, found: Later, cost_nano: int, length_ms: int) -> Finding:
    """The next run, cheaper in another hour."""
    match = found.match
    start, run = format_instant(match.start), format_euro(found.saving_nano)
    return Finding(
        AdviceType.CHEAPER_HOUR,
        workload.namespace,
        workload.subject,
        f"A run that may wait up to a day would cost {run} € less: from {start} at {match.vendor}.",
        (
            Evidence("cost of a run now", f"{format_euro(cost_nano)} €"),
            Evidence("cost of a run then", f"{format_euro(match.hold_nano)} €"),
            Evidence("length of a run", format_duration(length_ms)),
            Evidence("cheapest start", start),
        ),
        per_hour(found.saving_nano, length_ms),
        command="in the manifest, set spec.mayWait: true and spec.notAfter a day later",
    )


def later_deadline(
    workload: Workload, found: tuple[Later, ...], best: Later, cost_nano: int, length_ms: int
) -> Finding:
    """A later deadline, cheaper."""
    why = [Evidence("cost as it is", f"{format_euro(cost_nano)} €")]
    for later in found:
        cost = format_euro(later.match.hold_nano)
        why.append(Evidence(f"cost {later.hours} h later", f"{cost} €"))
    until = format_instant(best.deadline)
    return Finding(
        AdviceType.LATER_DEADLINE,
        workload.namespace,
        workload.subject,
        f"With {best.hours} h more until its deadline it would cost {format_euro(best.saving_nano)}"
        f" € less: set notAfter to {until}.",
        tuple(why),
        per_hour(best.saving_nano, length_ms),
        {"spec": {"notAfter": until}},
        "set spec.notAfter, then delete the pod that holds the slot: it is placed anew",
        release=name_of(workload.reserved[0]),
    )


def unusual_use(workload: Workload, found: Unusual) -> Finding:
    """An hour of use that is unlike others."""
    used, low, high = (format_milli(n) for n in (found.value, found.low, found.high))
    more = "more" if found.value > found.high else "less"
    subject = workload.subject
    return Finding(
        AdviceType.UNUSUAL_USE,
        workload.namespace,
        subject,
        f"{subject.kind} {subject.name} used {more} cpu than it does in such hours: {used} where "
        f"{low} to {high} is usual.",
        _range(found, used, format_milli(found.expected), f"{low} to {high}"),
        command="look whether it does what it should, and nothing else",
    )


def unusual_spending(namespace: str, found: Unusual) -> Finding:
    """An hour that cost more than others."""
    spent, low, high = (format_euro(n) for n in (found.value, found.low, found.high))
    return Finding(
        AdviceType.UNUSUAL_SPENDING,
        namespace,
        Subject("v1", "Namespace", namespace),
        f"Namespace {namespace} spent {spent} € in an hour in which up to {high} € is usual.",
        _range(found, f"{spent} €", f"{format_euro(found.expected)} €", f"{low} to {high} €"),
        command=f"kubectl -n {namespace} get contracts",
    )


def _range(found: Unusual, value: str, expected: str, usual: str) -> tuple[Evidence, ...]:
    hour = format_instant(found.hour * HOUR)
    return (
        Evidence("hour", hour),
        Evidence("value", value),
        Evidence("expected", expected),
        Evidence("usual range", usual),
        Evidence("window", f"{WINDOW_HOURS // 24} days, {found.alike} hours like it"),
    )


def _rounded(nano: int) -> int:
    """Give a price with its three leading digits: more of a mean is noise."""
    unit = int(10 ** max(0, len(str(nano)) - 3))
    return nano // unit * unit


def unsold(found: Unsold, has_calendar: bool) -> Finding:
    """Nodes that nobody bought at this ask."""
    price, ask = format_euro(_rounded(found.traded.mean_nano)), format_euro(found.ask_nano)
    high = format_euro(found.traded.high_nano)
    nodes = f"{len(found.nodes)} of {found.of} nodes"
    return Finding(
        AdviceType.UNSOLD,
        "",
        Subject(API_VERSION, "Offer", found.offer),
        f"{nodes} of offer {found.offer} sold nothing for a day at {ask} €/DTU; in "
        f"{found.zone or 'no region'} up to {high} €/DTU was paid, {price} on average.",
        (
            Evidence("nodes", ", ".join(found.nodes[:10])),
            Evidence("ask", f"{ask} €/DTU"),
            Evidence("highest price of 7 days", f"{high} €/DTU"),
            Evidence("mean price of 7 days", f"{price} €/DTU"),
        ),
        patch=None if has_calendar else {"spec": {"pricePerDTU": price}},
        command=f"set a price of at most {high} €/DTU in the offer",
        vendor=found.vendor,
    )
