"""Which lines a record shows: on and on through all tables, a stretch at a time.

As a video is refreshed: no picture holds everything, and after a lap everything was shown. How
much is shown follows the time since the last record, so that a busy market does not write the
book more often than a quiet one. Next: `recorder.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from busbar.controllers.recording.tables import Numbered

STRETCH_MIN: Final = 100
"""Weight of what a record shows at least, where it may show so much."""
WEIGHT_PER_MS: Final = 2
FIRST_LAP: Final = 5
"""So many times as much is shown until everything has been shown once after a start."""
WHOLE_MAX: Final = 20_000
"""Weight up to which the first record after a start holds the whole book."""


class Part(NamedTuple):
    """A range of numbers of one table."""

    table: int
    first: int
    end: int


class _Place(NamedTuple):
    """Where a record begins to show: the lap, the table and the number."""

    lap: int
    table: int
    number: int


class Cursor:
    """Goes through tables; `weights` say what a line of each counts, `most` what a record shows."""

    def __init__(self, weights: Sequence[int], most: int) -> None:
        self._weights, self._most = weights, most
        self._place = _Place(0, 0, 0)
        self._shown: deque[tuple[str, _Place]] = deque()

    @property
    def is_fresh(self) -> bool:
        """Say whether nothing has been shown yet."""
        return not self._shown

    def parts(self, tables: Sequence[Numbered], name: str, waited_ms: int) -> list[Part]:
        """Give what the record of a name shows, and move on."""
        whole = sum(len(t) * w for t, w in zip(tables, self._weights, strict=True))
        stretch = min(max(WEIGHT_PER_MS * waited_ms, STRETCH_MIN), self._most)
        if self._place.lap == 0:
            stretch *= FIRST_LAP
        if whole <= (WHOLE_MAX if self.is_fresh else stretch):
            stretch, self._place = whole + 1, _Place(self._place.lap, 0, 0)
            self._shown.clear()
        self._shown.append((name, self._place))
        found = list(self._walk(tables, stretch))
        while len(self._shown) > 1 and self._is_whole_from(self._shown[1][1]):
            self._shown.popleft()
        return found

    def since(self) -> str | None:
        """Give the record from which on everything was shown by now; None where there is none."""
        name, place = self._shown[0]
        return name if self._is_whole_from(place) else None

    def _is_whole_from(self, start: _Place) -> bool:
        """Say whether a lap was made since a place; lines that came since are told as changes."""
        return self._place >= (start.lap + 1, start.table, start.number)

    def _walk(self, tables: Sequence[Numbered], left: int) -> Iterator[Part]:
        """Give ranges of some weight together; the end of a lap ends them."""
        lap, table, first = self._place
        while left > 0 and table < len(tables):
            weight = self._weights[table]
            end = min(len(tables[table]), first + -(-left // weight))
            if end > first:
                yield Part(table, first, end)
            left -= (end - first) * weight
            if end == len(tables[table]):
                table, first = table + 1, 0
            else:
                first = end
        at_end = table == len(tables)
        self._place = _Place(lap + 1, 0, 0) if at_end else _Place(lap, table, first)
