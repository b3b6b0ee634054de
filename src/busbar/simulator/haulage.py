"""Data in a simulated life: buckets, images that nodes hold, prices for moving, and what flows.

What flows is counted as the S3 door's meter does: on the contract, while the exchange is up. It
draws from a chance of its own, so that the rest of a life goes on as it would without it.
Next: `faults.py`.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from busbar.controllers.contracts.counts import counted
from busbar.controllers.parts.writes import update_status
from busbar.model.objects import Key, Object, annotations_of, namespace_of, spec_of, uid_of
from busbar.model.time import MINUTE, SECOND
from busbar.model.wellknown import (
    ANN_CONTRACT,
    ANN_EGRESS_CAP,
    ANN_READ,
    ANN_WRITE,
    CSI_BUCKET,
    GROUP,
)
from busbar.simulator.exchange import Exchange
from busbar.simulator.world import World
from busbar.store.contract import Committed, Transaction

Json = dict[str, Any]

BUCKET = "data"
IMAGE = "work:latest"
GIB = 1024**3
FLOWS_EVERY_MS = 4 * MINUTE
STOCKS_EVERY_MS = 30 * MINUTE


class Haulage:
    """What people say about data, and what there is of it."""

    def __init__(self, seed: str) -> None:
        self._chance = random.Random(f"haulage {seed}")

    def bucket_status(self) -> Json:
        """Give what a namespace's bucket holds."""
        return {"phase": "Ready", "bytes": self._chance.randint(0, 8 * GIB)}

    def images(self) -> list[Json]:
        """Give the images that a node lists."""
        if self._chance.random() < 0.5:
            return []
        return [{"names": [IMAGE, "docker.io/library/work:latest"], "sizeBytes": 3 * 10**9}]

    def transfer(self) -> Json:
        """Give what an offer asks for moving data; nothing for some of them."""
        if self._chance.random() < 0.2:
            return {}
        return {"transfer": {"ingress": self._prices(), "egress": self._prices()}}

    def _prices(self) -> Json:
        names = ("sameRegion", "otherRegion", "otherVendor")
        return {name: f"0.{self._chance.choice((0, 1, 4, 20)):03d}" for name in names}

    def volumes(self) -> Json:
        """Give the bucket in a Pod's spec: in most of them."""
        if self._chance.random() < 0.3:
            return {}
        source = {"driver": CSI_BUCKET, "volumeAttributes": {"bucket": BUCKET}}
        return {"volumes": [{"name": BUCKET, "csi": source}]}

    def notes(self) -> dict[str, str]:
        """Give what a Pod says about its data."""
        return {
            note: str(value)
            for note, value in zip(
                (ANN_READ, ANN_WRITE, ANN_EGRESS_CAP), self._stated(), strict=True
            )
            if value is not None
        }

    def job_fields(self) -> Json:
        """Give the same as a Job's fields, its bucket included."""
        if self._chance.random() < 0.3:
            return {}
        names = ("expectedRead", "expectedWrite", "maxEgressEuro")
        said = zip(names, self._stated(), strict=True)
        return {"buckets": [BUCKET], **{name: v for name, v in said if v is not None}}

    def _stated(self) -> tuple[str | None, str | None, str | None]:
        chance = self._chance
        read = f"{chance.randint(0, 4096)}Mi" if chance.random() < 0.4 else None
        write = f"{chance.randint(0, 1024)}Mi" if chance.random() < 0.3 else None
        cap = f"0.{chance.randint(0, 60):03d}" if chance.random() < 0.3 else None
        return read, write, cap


class Flows:
    """What flows, and how stocks change."""

    def __init__(self, world: World, exchange: Exchange, seed: int) -> None:
        self._world, self._exchange = world, exchange
        self._chance = random.Random(f"flows {seed}")
        self._stocks = Haulage(f"stocks {seed}")
        self.flowed: Counter[tuple[str, str]] = Counter()
        """Bytes by contract's uid and field, as they flowed and were counted."""

    def begin(self) -> None:
        """Let data flow, and stocks change, now and then, for ever."""
        self._world.after(FLOWS_EVERY_MS, self._flow)
        self._world.after(STOCKS_EVERY_MS, self._restock)

    def _restock(self) -> None:
        """A node lists other images, a bucket holds something else: as agent and door say it."""
        if self._exchange.is_up:
            snapshot = self._exchange.store.snapshot_now()
            said = (
                (snapshot.list("", "nodes"), lambda: {"images": self._stocks.images() or None}),
                (snapshot.list(GROUP, "buckets"), self._stocks.bucket_status),
            )
            for found, changes in said:
                known = list(found)
                if known:
                    ops = update_status(self._chance.choice(known), **changes())
                    self._exchange.commit(Transaction(ops))
        self._world.after(self._chance.randint(MINUTE, 2 * STOCKS_EVERY_MS), self._restock)

    def _flow(self) -> None:
        if self._exchange.is_up:
            snapshot = self._exchange.store.snapshot_now()
            for pod in snapshot.list("", "pods"):
                contract = _contract_of(pod)
                found = snapshot.get(contract) if contract is not None else None
                if found is not None and self._chance.random() < 0.5:
                    self._count(found)
        self._world.after(self._chance.randint(SECOND, 2 * FLOWS_EVERY_MS), self._flow)

    def _count(self, contract: Object) -> None:
        read = self._chance.choice((0, 1, GIB // 7, 2 * GIB))
        written = self._chance.choice((0, 0, 5, GIB // 3))
        ops = counted(contract, read, written)
        if ops and isinstance(self._exchange.commit(Transaction(ops)), Committed):
            self.flowed[uid_of(contract), "readBytes"] += read
            self.flowed[uid_of(contract), "writtenBytes"] += written


def _contract_of(pod: Object) -> Key | None:
    """Give the contract of a Pod that runs somewhere."""
    name = annotations_of(pod).get(ANN_CONTRACT)
    if not name or not spec_of(pod).get("nodeName"):
        return None
    return Key(GROUP, "contracts", namespace_of(pod), name)
