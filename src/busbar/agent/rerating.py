"""The speed rating, measured again once a day: machines age, share their cores, run hot.

In a process of its own, and by the processor time that this needs: workloads beside it count as far
as they slow it down, and no further. A difference below `NOISE_PERCENT` is none: prices must
not tremble. The cloud takes nothing above what the node joined with. Next: `stocktaking.py`.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from busbar.agent.api import Api, ApiRefused, Unreachable
from busbar.agent.clock import Clock
from busbar.agent.programs import output_of
from busbar.model.dtu import RATING_RANGE
from busbar.model.errors import InvalidField
from busbar.model.objects import Object, annotations_of
from busbar.model.time import DAY, HOUR, MINUTE, Instant, format_instant, parse_instant
from busbar.model.wellknown import ANN_JOINED_RATING, ANN_RATED_AT, ANN_RATING

log = logging.getLogger("busbar.agent.rerating")
PROGRAM = Path(__file__).with_name("rating.py")
AGAIN_MS = DAY
LOOK_SECONDS = 10 * MINUTE / 1000
"""How often it is looked whether it is time: a machine may have slept."""
NOISE_PERCENT = 5
MEASURED_WITHIN_SECONDS = 60.0
"""Longer than a machine of the lowest rating needs; what takes longer is stuck or starved."""


async def measure_here(
    program: Path = PROGRAM, within_seconds: float = MEASURED_WITHIN_SECONDS
) -> int:
    """Measure in a process of its own: the agent stays small, and answers meanwhile.

    Raises `OSError` or `ValueError` where that did not work, or not in time.
    """
    # No site packages, nothing from the environment: it imports next to nothing.
    command = sys.executable, "-I", "-S", str(program)
    try:
        said = await output_of(*command, within_seconds=within_seconds)
    except TimeoutError:
        raise TimeoutError(f"the benchmark did not end within {within_seconds:g} s") from None
    return int(said)


class Rerater:
    """Measures and tells, for ever."""

    def __init__(
        self, api: Api, clock: Clock, measure: Callable[[], Awaitable[int]] = measure_here
    ) -> None:
        self._api, self._clock, self._measure = api, clock, measure
        self._path = f"/api/v1/nodes/{api.settings.node}"
        self._due: Instant = 0

    async def run(self) -> None:
        """Look now, and every `LOOK_SECONDS`."""
        while True:
            try:
                await self.look()
            except (Unreachable, ApiRefused) as error:
                log.info("the speed rating was not taken: %s", error)
            except (OSError, ValueError) as error:
                log.warning("the speed was not measured: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> bool:
        """Measure where it is time, and tell. Raises as the API or `measure` does."""
        now = self._clock.now()
        if now < self._due:
            return False
        node = await self._api.get(self._path)
        self._due = _rated_at(node) + AGAIN_MS
        if now < self._due:
            return False
        known = annotations_of(node).get(ANN_RATING, "")
        self._due = now + HOUR  # Where it is not measured or not taken, not at every look.
        found = rated(known, await self._measure(), _joined(node))
        notes = {ANN_RATED_AT: format_instant(now)}
        if found != known:
            log.info("the speed rating is %s now; it was %s", found, known or "unknown")
            notes[ANN_RATING] = found
        await self._api.patch(self._path, {"metadata": {"annotations": notes}})
        self._due = now + AGAIN_MS
        return True


def rated(known: str, measured: int, joined: int) -> str:
    """Give the rating to tell: what is known where the difference is noise, at most as joined."""
    found = max(RATING_RANGE[0], min(measured, joined))
    if known.isdigit() and abs(found - int(known)) * 100 < NOISE_PERCENT * int(known):
        return known
    return str(found)


def _rated_at(node: Object) -> Instant:
    try:
        return parse_instant(annotations_of(node).get(ANN_RATED_AT), ANN_RATED_AT)
    except InvalidField:
        return 0


def _joined(node: Object) -> int:
    notes = annotations_of(node)
    text = notes.get(ANN_JOINED_RATING) or notes.get(ANN_RATING) or ""
    return int(text) if text.isdigit() else RATING_RANGE[0]
