"""Reading a term as the exchange will: what its reader refuses, is refused. Next: `orders.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from busbar.apis.kubernetes.admission.change import field_error
from busbar.apis.kubernetes.schemas.refusals import FieldError, invalid, unsupported
from busbar.model.errors import InvalidField
from busbar.model.objects import Object, annotations_of
from busbar.model.time import parse_duration
from busbar.model.wellknown import ANN_ACT, ANN_DELAY_MAX

Reader = Callable[[object, str], object]
Errors = Iterator[FieldError]
ADVICE_ACTS: Final = ("RightSize", "LaterDeadline", "none")


def readable(value: object, path: str, reader: Reader) -> Errors:
    """Refuse what a reader cannot read."""
    try:
        reader(value, path)
    except InvalidField as error:
        yield field_error(error, value)


def expression(value: Any, path: str, reader: Callable[[Any, str], object]) -> Errors:
    """Read an expression; its path says enough, and the whole of it would drown the sentence."""
    try:
        reader(value, path)
    except InvalidField as error:
        yield FieldError(error.path, f"Invalid value: {error.message}")


def size(value: object, path: str, reader: Callable[[object, str], int]) -> Errors:
    """Refuse what is no amount above zero."""
    try:
        if reader(value, path) <= 0:
            yield invalid(path, value, "must be more than zero")
    except InvalidField as error:
        yield field_error(error, value)


def acts(obj: Object) -> Errors:
    """Check what may be done on advice without being asked each time."""
    notes, path = annotations_of(obj), "metadata.annotations[{}]"
    for word in notes.get(ANN_ACT, "none").split(","):
        if word.strip() not in ADVICE_ACTS:
            yield unsupported(path.format(ANN_ACT), word.strip(), ADVICE_ACTS)
    if ANN_DELAY_MAX in notes:
        yield from readable(notes[ANN_DELAY_MAX], path.format(ANN_DELAY_MAX), parse_duration)
