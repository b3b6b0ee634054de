"""What the cloud is told of one Pod, and what it was told last. Next: `podstatus.py`."""

from __future__ import annotations

from busbar.agent.api import STRATEGIC, Api, ApiRefused
from busbar.agent.clock import Clock
from busbar.agent.podstatus import PodView, is_finished, status_patch
from busbar.model.objects import Object, name_of, namespace_of, status_of, uid_of

REPORT_SECONDS = 10.0
"""How often a running Pod's use is reported though nothing changed."""
GONE, CONFLICT = 404, 409


class Reporter:
    """Tells the cloud how a Pod is: where that changed, and now and then where it did not."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api, self._clock = api, clock
        self._told: Object | None = None
        self._again_at = 0.0

    def shown(self, pod: Object) -> Object:
        """Give a Pod with what was told last, which the cloud may not have sent back yet."""
        if self._told is None:
            return pod
        said, status = self._told["status"], status_of(pod)
        meter = {**(status.get("busbar") or {}), **said["busbar"]}
        return {**pod, "status": {**status, "conditions": said["conditions"], "busbar": meter}}

    async def report(self, view: PodView) -> bool:
        """Tell what is to be told; False where the cloud knows no such Pod any more."""
        patch = status_patch(view, self._clock.now())
        same = _without_time(patch) == self._told
        early = self._clock.monotonic() < self._again_at
        if same and (early or is_finished(view)):
            return True
        known = True
        try:
            await self._api.patch(f"{_path(view.pod)}/status", patch, STRATEGIC)
        except ApiRefused as refused:
            if refused.code not in (GONE, CONFLICT):
                raise
            known = refused.code != GONE
        self._told = _without_time(patch)
        self._again_at = self._clock.monotonic() + REPORT_SECONDS
        return known

    async def confirm_deletion(self, pod: Object) -> None:
        """Tell that nothing runs any more, so that the object may go."""
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "gracePeriodSeconds": 0,
            "preconditions": {"uid": uid_of(pod)},
        }
        try:
            await self._api.delete(_path(pod), options)
        except ApiRefused as refused:
            if refused.code not in (GONE, CONFLICT):
                raise


def _path(pod: Object) -> str:
    return f"/api/v1/namespaces/{namespace_of(pod)}/pods/{name_of(pod)}"


def _without_time(patch: Object) -> Object:
    """Give a status patch without what differs each time: the observation's time and use."""
    status = dict(patch["status"])
    meter = dict(status.get("busbar") or {})
    for field in ("observedMs", "cpuMs", "memoryPeakBytes"):
        meter.pop(field, None)
    return {**patch, "status": {**status, "busbar": meter}}
