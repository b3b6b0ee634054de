"""What is made around a Pod's containers knows who they are."""

from __future__ import annotations

from pathlib import Path

from tests.unit.agent.conftest import FakeImage, NoBuckets, Node, pod

from busbar.agent.hooks.volumes import Owner
from busbar.model.objects import Object

BUCKET = {"name": "data", "csi": {"driver": "bucket.busbar.dev"}}


class Buckets(NoBuckets):
    """Remembers who each bucket was mounted for."""

    def __init__(self) -> None:
        self.owners: list[Owner] = []

    async def mount(self, pod: Object, bucket: str, target: Path, owner: Owner) -> None:
        del pod, bucket, target
        self.owners.append(owner)


async def test_a_bucket_is_told_the_only_user_of_its_pod(node: Node) -> None:
    buckets = Buckets()
    node.images.image = FakeImage(config={"User": "185:0"})
    preparer = node.preparer(buckets)
    for context in ({}, {"runAsUser": 1000}, {"runAsUser": 0}):
        await preparer.prepare(pod(volumes=[BUCKET], securityContext=context))
    first, second, root = buckets.owners
    assert (first.only_user, second.only_user) == (first.uid + 185, second.uid + 1000)
    assert root.only_user is None
