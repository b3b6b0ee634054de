"""What Pods move through the S3 door, counted by contract and written on it.

Bytes are counted in memory as they flow, and written once a second on those contracts that were
agreed with a price for data; of others nothing is kept. A crash forgets what was counted since the
last write, in the consumer's favour. Next: `main.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple

from busbar.controllers.contracts.counts import counted
from busbar.model.objects import Key
from busbar.model.wellknown import GROUP
from busbar.server.podkeys import PREFIX, BucketPod
from busbar.store.contract import Refused, Store, Transaction

log = logging.getLogger("busbar.server.meter")
WRITE_SECONDS = 1.0


class Count(NamedTuple):
    """Bytes that a workload read and wrote."""

    read: int = 0
    written: int = 0

    def plus(self, other: Count) -> Count:
        """Add."""
        return Count(self.read + other.read, self.written + other.written)


class Meter:
    """Counts what flows."""

    def __init__(self, store: Store, pod_of: Callable[[str], BucketPod | None]) -> None:
        self._store, self._pod_of = store, pod_of
        self._counts: dict[Key, Count] = {}

    def moved(self, access_key_id: str, read: int, written: int) -> None:
        """Count what flowed under an access key; only Pods' keys are counted."""
        if not access_key_id.startswith(PREFIX):
            return
        pod = self._pod_of(access_key_id.removeprefix(PREFIX))
        if pod is not None and pod.contract:
            key = Key(GROUP, "contracts", pod.namespace, pod.contract)
            self._counts[key] = self._counts.get(key, Count()).plus(Count(read, written))

    async def run(self) -> None:
        """Write what was counted, for ever."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            if self._counts:
                await self.write()

    async def write(self) -> None:
        """Write what was counted so far; what could not be written is kept for the next time."""
        counts, self._counts = self._counts, {}
        snapshot = await self._store.snapshot()
        for key, count in counts.items():
            contract = snapshot.get(key)
            ops = () if contract is None else counted(contract, count.read, count.written)
            if ops and isinstance(await self._store.commit(Transaction(ops)), Refused):
                self._counts[key] = self._counts.get(key, Count()).plus(count)
