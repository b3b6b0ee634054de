"""Buckets of this node's Pods: each mounted with a key that only that Pod has.

Next: `buckets.py`, which mounts.
"""

from __future__ import annotations

from pathlib import Path

from busbar.agent import buckets
from busbar.agent.api import Api, ApiRefused
from busbar.agent.buckets import BucketError, BucketRefusal, Wanted
from busbar.agent.hooks.volumes import Owner
from busbar.agent.refusals import PodRefused, Reason
from busbar.agent.settings import AgentSettings
from busbar.model.objects import Object, uid_of

_REASONS = {
    BucketRefusal.NOT_FOUND: Reason.BUCKET_NOT_FOUND,
    BucketRefusal.FORBIDDEN: Reason.BUCKET_NOT_FOUND,
}


class NodeBuckets:
    """Mounts buckets for Pods."""

    def __init__(self, api: Api, settings: AgentSettings) -> None:
        self._api = api
        self._settings = settings

    async def mount(self, pod: Object, bucket: str, target: Path, owner: Owner) -> None:
        """Mount a bucket of the Pod's namespace; fine if it is mounted already."""
        path = f"/agent/v1/nodes/{self._settings.node}/pods/{uid_of(pod)}/bucket-key"
        try:
            key = await self._api.get(path)
        except ApiRefused as refused:
            if refused.reason == "BucketNotFound":
                raise PodRefused(Reason.BUCKET_NOT_FOUND, refused.message) from None
            raise PodRefused(Reason.BUCKET_UNREACHABLE, refused.message, retry=True) from None
        wanted = Wanted(
            endpoint=self._settings.s3_endpoint,
            bucket=bucket,
            access_key=str(key["accessKeyId"]),
            secret_key=str(key["secretAccessKey"]),
            target=target,
            scratch=target.parents[2] / "scratch" / bucket,
            # Where users are several, files belong to whoever made them: each may chmod its own.
            uid=owner.only_user,
            ca_file=self._settings.ca_file,
        )
        try:
            await buckets.mount(wanted)
        except BucketError as error:
            reason = _REASONS.get(error.refusal, Reason.BUCKET_UNREACHABLE)
            retry = reason is Reason.BUCKET_UNREACHABLE
            raise PodRefused(reason, error.sentence, retry=retry) from None

    async def unmount(self, target: Path) -> None:
        """Unmount; fine if it is not mounted."""
        await buckets.unmount(target)
