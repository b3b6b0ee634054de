"""What was weighed when a contract was made, as a receipt shows it: beside what is billed, apart.

Next: `money.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from busbar.cli.client import Json
from busbar.market.burden import Delay
from busbar.market.moves import Why
from busbar.market.words import LOST, volume
from busbar.model.money import format_euro
from busbar.model.time import format_duration


def weighed_of(spec: Json) -> Json | None:
    """Give what was weighed of a contract's place, amounts in euro; None where nothing was."""
    weighed, expected = spec.get("weighed"), spec.get("transfer") or {}
    if not weighed:
        return None
    return {
        "data": format_euro(weighed.get("dataNano", 0)),
        "expectedReadBytes": expected.get("readBytes", 0),
        "expectedWriteBytes": expected.get("writeBytes", 0),
        "image": format_euro(weighed.get("imageNano", 0)),
        "imageMs": weighed.get("imageMs", 0),
        "imageBytes": weighed.get("imageBytes", 0),
        "restart": format_euro(weighed.get("restartNano", 0)),
        "restartMs": weighed.get("restartMs", 0),
        "move": _move(weighed.get("move")),
    }


def _move(move: Json | None) -> Json | None:
    if move is None:
        return None
    return {
        "why": move["why"],
        "pod": move["pod"],
        "contract": move.get("contract", ""),
        "saving": format_euro(move.get("savingNano", 0)),
        "disruption": format_euro(move.get("disruptionNano", 0)),
        "threshold": move.get("threshold", 0),
        "times": _times(move),
    }


def _times(move: Json) -> str:
    """Write how many times the saving is what moving costs, with one decimal; "" where unknown."""
    cost = move.get("disruptionNano", 0)
    tenths = move.get("savingNano", 0) * 10 // cost if cost else 0
    return f"{tenths // 10}.{tenths % 10}" if cost else ""


def weighed_lines(item: Json) -> Iterator[str]:
    """Say what was weighed of a contract's place, a line for each; nothing where nothing was."""
    weighed = item["weighed"]
    if weighed is None:
        return
    yield f"{item['contract']}: weighed, not billed:"
    for part in _parts(weighed):
        yield f"  {part}"
    if weighed["move"] is not None:
        yield from (f"  {line}" for line in _moved(weighed["move"]))


def _parts(weighed: dict[str, Any]) -> Iterator[str]:
    read, write = weighed["expectedReadBytes"], weighed["expectedWriteBytes"]
    if weighed["data"] != "0":
        yield f"{volume(read)} to read and {volume(write)} to write, as {weighed['data']} €"
    if weighed["imageMs"]:
        lost = format_duration(weighed["imageMs"])
        size = volume(weighed["imageBytes"])
        yield f"{lost} to {LOST[Delay.PULL]} ({size}), as {weighed['image']} €"
    if weighed["restartMs"]:
        lost = format_duration(weighed["restartMs"])
        yield f"{lost} to {LOST[Delay.RESTART]}, as {weighed['restart']} €"


def _moved(move: Json) -> Iterator[str]:
    left = move["contract"] or move["pod"]
    if move["why"] == Why.PLACE_ENDS:
        yield f"moved here from {left}: its place there ended"
        return
    yield f"moved here from {left}: to save {move['saving']} € in a day,"
    yield (
        f"{move['times']} times what moving costs ({move['disruption']} €); "
        f"the threshold was {move['threshold']}"
    )
