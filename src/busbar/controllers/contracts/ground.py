"""What a contract that was sold for later stands on: room that somebody holds, or is to hold.

It begins only where that room is there, and ends with it: where what is held gives way, who bought
of it is told so first, the one who bought last before the others, and closes for the same reason.
So nobody is ever promised what nobody holds. Next: `room.py`, for work that runs on into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from busbar.controllers.close import SENTENCES, CloseReason
from busbar.controllers.parts.writes import update, with_status
from busbar.controllers.pools import is_reserved, pool_of, term_of, total
from busbar.model.objects import Object, metadata, spec_of, status_of, uid_of
from busbar.model.time import Instant
from busbar.store.contract import Op


def is_sold_ahead(contract: Object) -> bool:
    """Say whether a contract is for later, in room that its holder sold again."""
    return bool(spec_of(contract).get("seller")) and is_reserved(contract)


def stands(there: Iterable[Object], contract: Object, now: Instant) -> bool:
    """Say whether what is held now has room for all that was sold or given out of it.

    `there` are the open contracts of the node.
    """
    mates = _mates(there, pool_of(contract))
    begun = [c for c in mates if status_of(c).get("phase") == "Held"]
    return _is_covered(now, begun, _claims(mates, now))


def losing(there: Iterable[Object], gone: Object, now: Instant) -> list[Object]:
    """Give those sold for later that have no room any more without a contract that holds it.

    `there` are the open contracts of the node, with or without the one that goes; who was sold it
    last goes first.
    """
    mates = _without(there, gone)
    ahead, found = sorted(filter(is_sold_ahead, mates), key=made), list[Object]()
    while ahead:
        short = _short(mates, gone, now)
        last = next((c for c in reversed(ahead) if any(_is_in(c, at) for at in short)), None)
        if last is None:
            break
        ahead.remove(last)
        mates.remove(last)
        found.append(last)
    return found


def running_on(there: Iterable[Object], gone: Object, now: Instant) -> list[Object]:
    """Give those that run and were sold hours which nobody holds without a contract.

    It is taken for granted that those go which have not begun.
    """
    mates = [c for c in _without(there, gone) if not is_sold_ahead(c)]
    short = _short(mates, gone, now)
    found = [c for c in mates if any(_is_in(c, at) for at in short)]
    return [c for c in found if spec_of(c).get("seller")]


def _without(there: Iterable[Object], gone: Object) -> list[Object]:
    return [c for c in _mates(there, pool_of(gone)) if uid_of(c) != uid_of(gone)]


def _short(mates: list[Object], gone: Object, now: Instant) -> set[Instant]:
    """Give when, in the hours that a contract held, more is sold or given out than is held."""
    start, end = max(now, term_of(gone)[0]), term_of(gone)[1]
    held = [c for c in mates if spec_of(c).get("procurement")]
    edges = {max(start, slot["startMs"]) for c in mates for slot in _reserved(c)}
    return {at for at in edges if at < end and not _is_covered(at, held, _claims(mates, at))}


def freed(contract: Object, gone: Object, now: Instant) -> Object:
    """Give a contract that runs, its hours in what gave way no longer held by anybody.

    They are its vendor's then, at the price agreed: nobody else is left who could be paid.
    """
    start, end = max(now, term_of(gone)[0]), term_of(gone)[1]
    slots = [
        {**slot, "reserved": False} if slot["startMs"] < end and start < slot["endMs"] else slot
        for slot in spec_of(contract)["slots"]
    ]
    return {**contract, "spec": {**spec_of(contract), "slots": slots}}


def telling(contract: Object, reason: CloseReason) -> tuple[Op, ...]:
    """Tell one that was sold for later why its room is gone: its own controller closes it."""
    message = f"The held room that it was sold is gone. {SENTENCES[reason]}"
    return update(contract, with_status(contract, reason=reason.value, message=message))


def made(contract: Object) -> tuple[str, str]:
    """Order contracts by when they were made."""
    return metadata(contract)["creationTimestamp"], uid_of(contract)


def _mates(there: Iterable[Object], pool: str) -> list[Object]:
    return [c for c in there if pool_of(c) == pool]


def _claims(mates: Iterable[Object], at: Instant) -> list[Object]:
    """Give those who have an hour that was given out or sold."""
    return [c for c in mates if any(s["startMs"] <= at < s["endMs"] for s in _reserved(c))]


def _reserved(contract: Object) -> Iterator[dict[str, Any]]:
    return (slot for slot in spec_of(contract)["slots"] if slot.get("reserved"))


def _is_covered(at: Instant, held: Iterable[Object], claims: Iterable[Object]) -> bool:
    return total(claims).fits_in(total(c for c in held if _is_in(c, at)))


def _is_in(contract: Object, at: Instant) -> bool:
    start, end = term_of(contract)
    return start <= at < end
