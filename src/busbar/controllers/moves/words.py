"""What moves write on Pods, and how it is read again. Next: `hours.py`.

A replacement names the Pod it stands in for; as long as that one is active, it is one more than its
ReplicaSet counts.
"""

from __future__ import annotations

import msgspec

from busbar.market.moves import Move, Why
from busbar.model.errors import InvalidField
from busbar.model.gangs import gang_name
from busbar.model.kinds.weighed import ContractMove
from busbar.model.money import format_euro
from busbar.model.objects import Object, annotations_of, spec_of
from busbar.model.time import Instant, format_instant, parse_instant
from busbar.model.wellknown import ANN_MAY_MOVE

ANN_REPLACES = "busbar.dev/replaces"
"""On a replacement: the name of the Pod that it stands in for."""
ANN_MOVED = "busbar.dev/moved"
"""On a replacement: the times (milliseconds since 1970) of the moves up to its own."""
ANN_MOVE = "busbar.dev/move"
"""On a replacement: the sentence that says why."""
ANN_WEIGHED = "busbar.dev/move-weighed"
"""On a replacement: the same in numbers, a `ContractMove` as JSON, for its contract."""
ANN_STAYS = "busbar.dev/stays-until"
"""On a Pod whose move came to nothing: it is left alone until then."""
_KEPT = 8


def replaced_by(pod: Object) -> str:
    """Give the name of the Pod that a replacement stands in for, "" for others."""
    return annotations_of(pod).get(ANN_REPLACES, "")


def moves_of(pod: Object) -> tuple[Instant, ...]:
    """Give the times of the moves behind a Pod."""
    text = annotations_of(pod).get(ANN_MOVED, "")
    return tuple(int(at) for at in text.split(",") if at.isdecimal() and len(at) < 16)


def moved_text(pod: Object, now: Instant) -> str:
    """Give the times of the moves behind a Pod's replacement."""
    return ",".join(str(at) for at in (*moves_of(pod)[1 - _KEPT :], now))


def stays_until(pod: Object) -> Instant:
    """Give until when a Pod is left alone."""
    try:
        return parse_instant(annotations_of(pod).get(ANN_STAYS), ANN_STAYS)
    except InvalidField:
        return 0


def stays_text(until: Instant) -> str:
    """Write until when a Pod is left alone."""
    return format_instant(until)


def may_move(replica_set: Object, deployment: Object | None) -> bool:
    """Say whether the Pods of a set may be moved: unless its template says no.

    Never under Recreate: its author says that two copies must not run at one time. Nor of a gang,
    whose members start together and in one zone.
    """
    strategy = spec_of(deployment or {}).get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return False
    template = spec_of(replica_set).get("template") or {}
    if gang_name(template) is not None:
        return False
    return annotations_of(template).get(ANN_MAY_MOVE, "true") == "true"


def weighed_text(move: Move, pod: str, contract: str) -> str:
    """Write what a move was decided by, for the new contract."""
    weighed = ContractMove(
        why=move.why.value,
        pod=pod,
        contract=contract,
        saving_nano=move.saving_nano,
        disruption_nano=move.disruption_nano,
        threshold=move.threshold,
    )
    return msgspec.json.encode(weighed).decode()


def sentence(move: Move, pod: str, place: str, target: str) -> str:
    """Say in one sentence what moves where and why."""
    way = f"{pod} moves from {place} to {target}"
    if move.why is Why.PLACE_ENDS:
        return f"{way}: its place there ends."
    times = move.saving_nano * 10 // move.disruption_nano
    return (
        f"{way}: saves {format_euro(move.saving_nano)} € in a day, "
        f"{times // 10}.{times % 10} times what moving costs "
        f"({format_euro(move.disruption_nano)} €); the threshold is {move.threshold}."
    )
