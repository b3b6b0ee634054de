"""`POST /agent/v1/nodes/NODE/use`: what a node observes of its Pods' use. Nothing is stored.

Only the node's own certificate gets here. What it says of Pods that are not bound to it, or no
longer there, is left out rather than refused: a report crosses with deletions every day.
Next: `verbs/metrics.py`.
"""

from __future__ import annotations

import msgspec

from busbar.apis.kubernetes.bodies import read_body
from busbar.apis.kubernetes.calls import Call, Response
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.object_checks import is_bound
from busbar.apis.kubernetes.schemas.refusals import Refusal
from busbar.apis.kubernetes.statuses import RefusedRequest, not_served
from busbar.model.objects import Key, Object, uid_of
from busbar.model.use import UseReport

REPORT_BYTES_MAX = 1 << 20
_decoder = msgspec.json.Decoder(UseReport)


async def take(door: Door, call: Call, node: str) -> Response:
    """Hand a report to the board."""
    if door.use is None:
        raise not_served(call.path)
    try:
        report = _decoder.decode(await read_body(call.receive, REPORT_BYTES_MAX))
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        message = f"the report of use cannot be read: {error}"
        raise RefusedRequest(Refusal(400, "BadRequest", message[:300])) from None
    known = await door.store.get(Key("", "nodes", "", node))
    if known is not None:
        door.use.take(known, report, await _bound(door, report, node), door.clock())
    return Response(b"{}")


async def _bound(door: Door, report: UseReport, node: str) -> dict[str, Object]:
    found = {}
    for said in report.pods:
        pod = await door.store.get(Key("", "pods", said.namespace, said.name))
        if pod is not None and uid_of(pod) == said.uid and is_bound(pod, node):
            found[said.uid] = pod
    return found
