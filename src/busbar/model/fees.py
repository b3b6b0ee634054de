"""A FeeSchedule as it is read: from when, of whom, how much at which volume. Next: `kinds/`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from busbar.model.errors import InvalidField
from busbar.model.money import parse_euro
from busbar.model.objects import metadata, name_of, spec_of
from busbar.model.time import Instant, parse_instant

PPM_MAX: Final = 500_000
"""Half of what the consumer pays."""
_NANO_PER_PPM: Final = 100_000
"""A percent is read as a number with nine decimals; a millionth is a ten-thousandth of it."""


class Schedule(NamedTuple):
    """A FeeSchedule, read. `tiers` are (volume in nano-euro, ppm), rising, from 0."""

    name: str
    version: int
    start: Instant
    end: Instant | None
    namespaces: frozenset[str]
    vendors: frozenset[str]
    tiers: tuple[tuple[int, int], ...]

    def holds(self, namespace: str, vendor: str, now: Instant) -> bool:
        """Say whether it is about a contract made now."""
        if now < self.start or (self.end is not None and now >= self.end):
            return False
        if self.namespaces and namespace not in self.namespaces:
            return False
        return not self.vendors or vendor in self.vendors

    def ppm(self, volume_nano: int) -> int:
        """Give the fee at a volume."""
        return next(ppm for above, ppm in reversed(self.tiers) if volume_nano >= above)


def parse_percent(value: object, path: str) -> int:
    """Read a percentage as millionths; InvalidField with the path where it cannot be one."""
    ppm, rest = divmod(parse_euro(value, path), _NANO_PER_PPM)
    if rest or ppm > PPM_MAX:
        raise InvalidField(path, "must be a percentage from 0 to 50 with at most four decimals")
    return ppm


def parse_schedule(obj: Mapping[str, Any]) -> Schedule:
    """Read a FeeSchedule; InvalidField with the first thing wrong in it."""
    spec = spec_of(obj)
    start = parse_instant(spec.get("from"), "spec.from")
    until = spec.get("until")
    end = None if until is None else parse_instant(until, "spec.until")
    if end is not None and end <= start:
        raise InvalidField("spec.until", "must be later than spec.from")
    return Schedule(
        name=name_of(obj),
        version=int(metadata(obj).get("generation") or 1),
        start=start,
        end=end,
        namespaces=frozenset(spec.get("namespaces") or ()),
        vendors=frozenset(spec.get("vendors") or ()),
        tiers=_tiers(spec),
    )


def _tiers(spec: Mapping[str, Any]) -> tuple[tuple[int, int], ...]:
    found = [(0, parse_percent(spec.get("percent"), "spec.percent"))]
    for index, tier in enumerate(spec.get("tiers") or ()):
        path = f"spec.tiers[{index}]"
        above = parse_euro(tier.get("above"), f"{path}.above")
        if above <= found[-1][0]:
            raise InvalidField(f"{path}.above", "must be more than that of the tier before")
        found.append((above, parse_percent(tier.get("percent"), f"{path}.percent")))
    return tuple(found)
