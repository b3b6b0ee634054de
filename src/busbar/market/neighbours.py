"""Who is where, by group and domain: what an order's company allows of each row.

Members are counted whatever slots they have: who runs later is company now as well. A node without
a region is in none: nobody is near there, and nobody can be spread there. Next: `matching.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from busbar.market.columns import Bools, Columns, Ints
from busbar.market.company import NODE, TOPOLOGIES, Companion, Company
from busbar.market.lanes import RowTest
from busbar.market.reasons import Reason


class Allowed(NamedTuple):
    """What one rule allows: the domain of each row, and of each domain whether it is allowed."""

    reason: Reason
    codes: Ints
    domains: Bools


class Neighbours:
    """Counts of members, and of those who will not have a group near, by domain."""

    def __init__(self, columns: Columns, companions: Iterable[Companion]) -> None:
        self._codes = {NODE: columns.node_of_row}
        self._sizes = {NODE: columns.node_count}
        named: dict[str, Bools] = {NODE: np.ones(columns.node_count, dtype=bool)}
        for topology in TOPOLOGIES[1:]:
            self._codes[topology] = columns.zones.codes
            self._sizes[topology] = len(columns.zones.values)
            named[topology] = np.array([bool(zone) for zone in columns.zones.values], dtype=bool)
        self._named = named
        self._members: dict[tuple[str, str], Ints] = {}
        self._unwanted: dict[tuple[str, str], Ints] = {}
        self._companions = tuple(companions)
        self._row_of_node = {}
        if self._companions:
            rows = zip(columns.node_of_row.tolist(), range(columns.row_count), strict=True)
            self._row_of_node = {columns.node_names[node]: row for node, row in rows}
        self.start_over()

    def start_over(self) -> None:
        """Forget who came since."""
        self._members.clear()
        self._unwanted.clear()
        for node, groups, apart in self._companions:
            if node in self._row_of_node:
                self.add(self._row_of_node[node], groups, apart)

    def add(
        self, row: int, groups: tuple[str, ...], apart: tuple[tuple[str, str], ...], count: int = 1
    ) -> None:
        """Count those who came to a row."""
        for group in groups:
            for topology in TOPOLOGIES:
                self._of(self._members, topology, group)[self._codes[topology][row]] += count
        for topology, group in apart:
            self._of(self._unwanted, topology, group)[self._codes[topology][row]] += count

    def _of(self, counts: dict[tuple[str, str], Ints], topology: str, group: str) -> Ints:
        if (topology, group) not in counts:
            counts[topology, group] = np.zeros(self._sizes[topology], dtype=np.int64)
        return counts[topology, group]

    def allowed(self, company: Company, eligible: Bools) -> Iterator[Allowed]:
        """Give what each rule allows; `eligible` are the rows that the order's class may have."""
        yield from self._apart(company)
        yield from self._together(company)
        yield from self._spread(company, eligible)

    def _apart(self, company: Company) -> Iterator[Allowed]:
        near = [(*rule, self._members) for rule in company.apart]
        near += [(t, group, self._unwanted) for group in company.groups for t in TOPOLOGIES]
        for topology, group, counts in near:
            if (topology, group) in counts:
                free = (counts[topology, group] == 0) | ~self._named[topology]
                yield Allowed(Reason.POD_ANTI_AFFINITY, self._codes[topology], free)

    def _together(self, company: Company) -> Iterator[Allowed]:
        """Where nobody is anywhere yet, the first may go where it likes if it is one of them."""
        counts = [self._of(self._members, *rule) for rule in company.together]
        is_first = not any(count.any() for count in counts)
        is_first &= all(group in company.groups for _, group in company.together)
        for (topology, _), count in zip(company.together, counts, strict=True):
            near = self._named[topology] & ((count > 0) | is_first)
            yield Allowed(Reason.POD_AFFINITY, self._codes[topology], near)

    def _spread(self, company: Company, eligible: Bools) -> Iterator[Allowed]:
        for topology, group, max_skew, min_domains in company.spread:
            codes, members = self._codes[topology], self._of(self._members, topology, group)
            there = np.zeros(self._sizes[topology], dtype=bool)
            there[codes[eligible]] = True
            there &= self._named[topology]
            enough = there.any() and np.count_nonzero(there) >= min_domains
            fewest = int(members[there].min()) if enough else 0
            own = int(group in company.groups)
            level = there & (members + own - fewest <= max_skew)
            yield Allowed(Reason.TOPOLOGY_SPREAD, codes, level)


def row_test(rules: Iterable[Allowed]) -> RowTest | None:
    """Make one test of several rules; None where no row passes."""
    found = [(codes, domains) for _, codes, domains in rules if not domains.all()]
    if not all(domains.any() for _, domains in found):
        return None

    def passes(rows: Ints) -> Bools:
        good = np.ones(len(rows), dtype=bool)
        for codes, domains in found:
            good &= domains[codes[rows]]
        return good

    return passes
