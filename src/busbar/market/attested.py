"""What auditors have signed of a row, and for how long. Next: `offers.py`, which carries it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from busbar.model.time import Instant


class Attested(NamedTuple):
    """One value of one attribute, signed; it counts in [since, until)."""

    attribute: str
    value: str
    auditor: str
    since: Instant
    until: Instant


class When(NamedTuple):
    """The time for which a signature must hold."""

    start: Instant
    end: Instant


class Claims(NamedTuple):
    """What is said beside labels and offers.

    `stated` are the attributes of vendors by name; `attested` what was signed, by kind and name of
    the subject (`("vendor", "elastx")`).
    """

    stated: Mapping[str, tuple[tuple[str, str], ...]]
    attested: Mapping[tuple[str, str], tuple[Attested, ...]]

    def of(self, *subjects: tuple[str, str]) -> tuple[Attested, ...]:
        """Give everything signed of some subjects, sorted."""
        if not self.attested:
            return ()
        return tuple(sorted({one for s in subjects for one in self.attested.get(s, ())}))


NO_CLAIMS = Claims({}, {})


def joined(
    one: tuple[tuple[str, str], ...], other: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    """Join what two state: where both speak of an attribute, the values of both count."""
    if not one or not other:
        return one or other
    found = dict(one)
    for name, value in other:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return tuple(sorted(found.items()))
