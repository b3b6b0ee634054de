"""Questions to the market, for both of the doors that take them: /market/v1 and reviews.

It is the Kubernetes door's port `Questions`: the door may not know what answers, and what answers
reads manifests as that door does. Next: `observatory.py`.
"""

from __future__ import annotations

from typing import Any

from busbar.apis.kubernetes.ports import Clock, Identity, NewUid
from busbar.controllers.standing import Standing
from busbar.market.luggage import NOWHERE, Place
from busbar.model.gpus import GPU_CLASSES, GpuClasses
from busbar.server.market.observatory import Observatory
from busbar.server.market.quotes import admitted, quote
from busbar.server.market.why import why
from busbar.store.contract import Snapshot, Store


class MarketQuestions:
    """Answers from the latest snapshot; stores nothing."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        new_uid: NewUid,
        place: Place = NOWHERE,
        gpus: GpuClasses = GPU_CLASSES,
    ) -> None:
        self._observatory = Observatory(store, place, gpus)
        self._clock, self._new_uid = clock, new_uid

    async def quote(self, identity: Identity, manifest: Any) -> dict[str, Any]:
        """Say what a manifest would cost, were its author to create it."""
        asked = admitted(identity, manifest, self._new_uid(), self._clock())

        def question(snapshot: Snapshot, standing: Standing) -> dict[str, Any]:
            return quote(asked, snapshot, standing, self._clock())

        return await self._observatory.ask(question)

    async def why(self, namespace: str, name: str) -> dict[str, Any]:
        """Say why an order waits, and what would have matched."""

        def question(snapshot: Snapshot, standing: Standing) -> dict[str, Any]:
            return why(namespace, name, snapshot, standing, self._clock())

        return await self._observatory.ask(question)
