"""What was weighed for a match, written on its contract. Next: `refusals.py`.

A contract so says why it is where it is, when the book of that moment has long been forgotten.
"""

from __future__ import annotations

import msgspec

from busbar.controllers.moves.words import ANN_WEIGHED
from busbar.market.burden import Delay
from busbar.market.luggage import PULL_BYTES_PER_S
from busbar.market.outcome import Match
from busbar.model.kinds.weighed import ContractMove, ContractWeighed
from busbar.model.objects import Object, annotations_of
from busbar.model.time import SECOND


def weighed(match: Match, pod: Object) -> ContractWeighed | None:
    """Give what counted beside the price; None where nothing did."""
    move = _move(pod)
    if not match.moving_nano and not match.lost and move is None:
        return None
    image_ms, image_nano = _lost(match, Delay.PULL)
    restart_ms, restart_nano = _lost(match, Delay.RESTART)
    return ContractWeighed(
        data_nano=match.moving_nano,
        image_ms=image_ms,
        image_bytes=image_ms * PULL_BYTES_PER_S // SECOND,
        image_nano=image_nano,
        restart_ms=restart_ms,
        restart_nano=restart_nano,
        move=move,
    )


def _lost(match: Match, why: Delay) -> tuple[int, int]:
    """Give the time lost by one thing, and what it counted as."""
    found = [loss for loss in match.lost if loss.why is why]
    return sum(loss.ms for loss in found), sum(loss.nano for loss in found)


def _move(pod: Object) -> ContractMove | None:
    """Read why a replacement was ordered; None for other Pods."""
    text = annotations_of(pod).get(ANN_WEIGHED)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=ContractMove)
    except msgspec.DecodeError:
        return None
