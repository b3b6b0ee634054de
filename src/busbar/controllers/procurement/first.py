"""What a Procurement says that is made by a match: a driver's places are all there, or none.

Next: `told.py`, which writes every later answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from busbar.market.outcome import Match
from busbar.market.procurement import Stretch, unit_hours
from busbar.model.money import format_euro
from busbar.model.time import Instant, format_instant

WITH_DRIVER = ", and on as long as the driver runs"


def first_answer(matches: Sequence[Match], now: Instant) -> dict[str, Any]:
    """Give the status of a Procurement that gets all it wants."""
    held = [Stretch(match.start, match.end) for match in matches]
    end = min(stretch.end for stretch in held)
    said = f"Every hour is held until {format_instant(end)}{WITH_DRIVER}."
    return {
        "phase": "Held",
        "message": said,
        "units": len(matches),
        "unitsNow": sum(stretch.start <= now for stretch in held),
        "unitHours": unit_hours(held, now),
        "missing": 0,
        "committed": format_euro(sum(match.hold_nano for match in matches)),
        "contracts": len(matches),
        "triedMs": now,
    }
