"""The journal as the cloud shows it to whoever asks: entries of a namespace, a vendor, or all.

Next: `ledgers.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from busbar.cli.client import Client
from busbar.cli.errors import CliError, Exit
from busbar.ledger.entries import Sealed
from busbar.ledger.periods import Period, parse_month
from busbar.model.errors import InvalidField
from busbar.model.time import Instant, parse_instant

ENTRIES = "/money/v1/entries"
_ALWAYS = Period(0, 2**62)
_decoder = msgspec.json.Decoder(Sealed)
_DAY = re.compile(r"\A\d{4}-\d\d-\d\d\Z", re.ASCII)
_MONTH = re.compile(r"\A\d{4}-\d\d\Z", re.ASCII)


def entries(
    client: Client, namespace: str = "", period: Period | None = None, vendor: str = ""
) -> Iterator[Sealed]:
    """Ask for the entries dated in a period, of a namespace, of a vendor, or ("") of all."""
    query = {"namespace": namespace, "vendor": vendor}
    if period is not None:
        query |= {"from": str(period.start), "to": str(period.end)}
    rest = b""
    for piece in client.stream(ENTRIES, **{name: said for name, said in query.items() if said}):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield _read(line)
    if rest:
        raise CliError("the cloud's answer ended early; try again", Exit.NOT_RUNNING)


def _read(line: bytes) -> Sealed:
    try:
        return _decoder.decode(line)
    except msgspec.DecodeError:
        raise CliError("the cloud's answer is not a journal; is it of another version?") from None


def period_between(since: str | None, until: str | None) -> Period:
    """Read `--from` and `--to`: days, months or times; what is left out is unbounded."""
    try:
        start = _ALWAYS.start if since is None else _instant(since, "--from")
        end = _ALWAYS.end if until is None else _instant(until, "--to")
    except InvalidField as error:
        raise CliError(str(error), Exit.USAGE) from None
    if end <= start:
        raise CliError("--to: must be later than --from", Exit.USAGE)
    return Period(start, end)


def _instant(text: str, path: str) -> Instant:
    if _MONTH.match(text):
        return parse_month(text, path).start
    return parse_instant(f"{text}T00:00:00Z" if _DAY.match(text) else text, path)
