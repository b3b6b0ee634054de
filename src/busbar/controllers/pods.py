"""Pods that no other controller looks after to the end. Next: `finished.py`.

- One that waits for a match and is deleted goes at once: no agent will confirm it.
- One whose contract has closed loses the finalizer that waited for it.
- One that avoids nodes stops doing so after a while: a recovered node may be all there is.
"""

from __future__ import annotations

from collections.abc import Iterable

from busbar.controllers.contract import NOTHING, Collection, Decision, decide
from busbar.controllers.names import FINALIZER_METER
from busbar.controllers.parts.avoidance import nodes_alone
from busbar.controllers.parts.deletion import release
from busbar.controllers.parts.pods import describe, is_final, is_promised, node_of
from busbar.controllers.parts.writes import remove, update
from busbar.controllers.settings import Settings
from busbar.model.errors import InvalidField
from busbar.model.objects import (
    Key,
    Object,
    annotate,
    annotations_of,
    is_deleting,
    metadata,
    status_of,
)
from busbar.model.time import Instant, parse_instant
from busbar.model.wellknown import ANN_AVOID, GROUP
from busbar.store.contract import Event, EventType, Snapshot

PODS: Collection = ("", "pods")


class PodController:
    """Removes Pods that nobody runs and frees those that nobody holds."""

    name = "pods"
    watches: tuple[Collection, ...] = (PODS, (GROUP, "contracts"))
    coalesce_ms = 0

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake a Pod that ends, or keeps away from nodes; and for its contract's end."""
        if event.key.resource == "pods":
            return (event.key,) if event.type is not EventType.DELETED and _concerns(event) else ()
        name = (event.obj.get("spec") or {}).get("order", {}).get("name", "")
        ended = event.type is EventType.DELETED or status_of(event.obj).get("phase") == "Closed"
        return (Key("", "pods", event.key.namespace, name),) if ended and name else ()

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Decide about one Pod."""
        pod = snapshot.get(key)
        if pod is None:
            return NOTHING
        if FINALIZER_METER in (metadata(pod).get("finalizers") or ()):
            return self._held(snapshot, pod)
        nowhere = not node_of(pod) or is_final(pod)
        if is_deleting(pod) and nowhere and not metadata(pod).get("finalizers"):
            return decide(remove(pod), note=f"{describe(pod)} removed: nobody runs it")
        return self._avoiding(pod, now)

    def _held(self, snapshot: Snapshot, pod: Object) -> Decision:
        """Free a Pod that has ended and whose contract does not wait for it."""
        if is_promised(pod, snapshot) or not (is_final(pod) or is_deleting(pod)):
            return NOTHING
        return decide(*release(pod, FINALIZER_METER), note=f"{describe(pod)} freed: no contract")

    def _avoiding(self, pod: Object, now: Instant) -> Decision:
        if node_of(pod) or is_final(pod) or ANN_AVOID not in annotations_of(pod):
            return NOTHING
        avoided = annotations_of(pod)[ANN_AVOID]
        nodes = nodes_alone(avoided)
        due = _created(pod) + self._settings.avoid_ms
        if now >= due:
            nodes, note = "", f"{describe(pod)} may use every node again"
        else:
            due_domain = _created(pod) + self._settings.avoid_domain_ms
            if now < due_domain and nodes != avoided:
                return Decision(requeue_at=min(due, due_domain))
            note = f"{describe(pod)} may use all but the nodes it was lost on"
        fresh = annotate(pod, {ANN_AVOID: nodes or None})
        ops = update(pod, fresh)
        return decide(*ops, requeue_at=due if nodes else None, note=note if ops else "")


def _concerns(event: Event) -> bool:
    """Say whether there may be something to decide: of most Pods that come there is not."""
    pod = event.obj
    return is_deleting(pod) or is_final(pod) or ANN_AVOID in annotations_of(pod)


def _created(pod: Object) -> Instant:
    try:
        return parse_instant(metadata(pod).get("creationTimestamp"), "metadata.creationTimestamp")
    except InvalidField:
        return 0
