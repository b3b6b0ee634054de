"""The right to run: a lease that is renewed while the cloud can be reached.

The agent counts from *before* it sent a renewal, on a clock that cannot be set; the cloud counts
from after it received it. So the agent always gives up first, and what it ran is stopped before
anybody may start it elsewhere. Until when it holds is kept in a file as well: another life of the
agent reads it, and the processes beside the containers obey it while there is no agent.
Next: `pods.py`, which asks `is_live`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from busbar.agent.api import Api, ApiRefused, Unreachable
from busbar.agent.clock import Clock, boot_id
from busbar.model.objects import Object
from busbar.model.time import Instant, format_micro_time
from busbar.model.wellknown import NAMESPACE_LEASES

log = logging.getLogger("busbar.agent.lease")
_PATH = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE_LEASES}/leases"


class NodeLease:
    """Renews the node's lease and knows until when it holds."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._settings = api.settings
        self._until, self.last_life_ms = _read(api.settings.lease_file)
        """When an earlier life last renewed, by the time of day; 0: unknown. It lived until then,
        and so did what ran: what ends while the agent lives is written down."""
        self.reprieves = 1
        """Counts how often the lease was won, and this life: what was heard before is hearsay."""

    def is_live(self) -> bool:
        """Say whether workloads may run on this node at this moment."""
        return self._clock.monotonic() < self._until

    def seconds_left(self) -> float:
        """Give how long the lease still holds."""
        return max(0.0, self._until - self._clock.monotonic())

    async def renew(self) -> None:
        """Renew once. Raises `Unreachable` or `ApiRefused`."""
        sent, now = self._clock.monotonic(), self._clock.now()
        body = self._body()
        try:
            await self._api.patch(f"{_PATH}/{self._settings.node}", body)
        except ApiRefused as refused:
            if refused.code != 404:
                raise
            await self._api.post(_PATH, body)
        if not self.is_live():
            # The cloud may have given the work to others meanwhile.
            self.reprieves += 1
        self._until = sent + self._settings.lease_seconds
        _write(self._settings.lease_file, self._until, now)

    async def keep(self, changed: Callable[[bool], None]) -> None:
        """Renew for ever; tell `changed` whenever the lease is lost or won back.

        One that ran out and was won back while the agent slept is told as well.
        """
        told = (False, 0)
        while True:
            try:
                await self.renew()
            except (Unreachable, ApiRefused) as error:
                log.warning("lease not renewed: %s", error)
            live = self.is_live()
            if (live, self.reprieves) != told and (live or told[0]):
                changed(live)
            told = (live, self.reprieves)
            await asyncio.sleep(min(self._settings.renew_seconds, max(0.2, self.seconds_left())))

    def _body(self) -> Object:
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._settings.node, "namespace": NAMESPACE_LEASES},
            "spec": {
                "holderIdentity": self._settings.node,
                "leaseDurationSeconds": self._settings.lease_seconds,
                "renewTime": format_micro_time(self._clock.now()),
            },
        }


def _write(path: Path, until: float, now: Instant) -> None:
    """Keep until when the lease holds, with the boot that this clock belongs to, and the time."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(f"{until} {boot_id()} {now}\n")
    fresh.rename(path)


def _read(path: Path) -> tuple[float, Instant]:
    """Give until when the lease held in an earlier life, and when it was last renewed.

    0 where that says nothing any more: the first means nothing after a reboot.
    """
    try:
        until, boot, now = path.read_text().split()
        return (float(until) if boot == boot_id() else 0.0), int(now)
    except (OSError, ValueError):
        return 0.0, 0
