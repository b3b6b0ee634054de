"""Given hours, as a Deployment states them: an offer's calendar as JSON, without prices.

Reading them is the door's business and the market's, so it is here. Next: `requests.py`.
"""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from busbar.model.errors import InvalidField
from busbar.model.kinds.offer import Calendar

_TEXT_MAX: Final = 10_000
_RULES_MAX: Final = 1000
_ZONE_MAX: Final = 64
_EXAMPLE: Final = (
    '{"timeZone": "Europe/Stockholm", "rules": [{"weekdays": ["Mon", "Tue", "Wed", "Thu", "Fri"], '
    '"from": "08:00", "until": "18:00"}]}'
)
_WHERE: Final = re.compile(r"\A(.*) - at `\$(.*)`\Z", re.DOTALL)
_KNOWN: Final = {
    "": ("timeZone", "rules", "exceptions"),
    "rules": ("weekdays", "from", "until", "available"),
    "exceptions": ("date", "from", "until", "available"),
}


def read_hours(text: object, path: str) -> dict[str, Any]:
    """Read given hours as an offer's `calendar`; InvalidField names what is wrong in them."""
    if not isinstance(text, str) or len(text) > _TEXT_MAX:
        raise InvalidField(path, f"must be JSON of at most {_TEXT_MAX} characters")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidField(path, f"is no JSON; write such as {_EXAMPLE}") from None
    if not isinstance(value, dict) or not (value.get("rules") or value.get("exceptions")):
        raise InvalidField(path, f"must have rules; write such as {_EXAMPLE}")
    try:
        msgspec.convert(value, Calendar)
    except msgspec.ValidationError as error:
        raise _located(str(error), path) from None
    _check(value, path)
    return value


def _located(message: str, path: str) -> InvalidField:
    found = _WHERE.match(message)
    said, where = (found[1], found[2]) if found else (message, "")
    return InvalidField(f"{path}{where}", f"{said[:1].lower()}{said[1:]}")


def _check(value: dict[str, Any], path: str) -> None:
    """Check what the schema does not say."""
    _only(value, _KNOWN[""], path)
    zone = value.get("timeZone", "UTC")
    if len(zone) > _ZONE_MAX or not _is_time_zone(zone):
        why = "is no IANA time zone; write one such as Europe/Stockholm"
        raise InvalidField(f"{path}.timeZone", why)
    for part in ("rules", "exceptions"):
        entries = value.get(part) or []
        if len(entries) > _RULES_MAX:
            raise InvalidField(f"{path}.{part}", f"must have at most {_RULES_MAX} entries")
        for index, entry in enumerate(entries):
            where = f"{path}.{part}[{index}]"
            _only(entry, _KNOWN[part], where)
            _check_rule(entry, where)


def _check_rule(entry: dict[str, Any], path: str) -> None:
    start, end = entry.get("from", "00:00"), entry.get("until", "24:00")
    if start == "24:00":
        raise InvalidField(f"{path}.from", "24:00 is a day's end; write 00:00 of the next day")
    if start == end:
        raise InvalidField(f"{path}.until", "must differ from `from`")
    if "date" in entry:
        try:
            date.fromisoformat(entry["date"])
        except ValueError:
            why = "must be a day of the calendar such as 2027-12-24"
            raise InvalidField(f"{path}.date", why) from None


def _only(entry: dict[str, Any], known: tuple[str, ...], path: str) -> None:
    for field in sorted(entry.keys() - set(known)):
        raise InvalidField(f"{path}.{field[:60]}", f"is unknown; write {', '.join(known)}")


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True
