"""Who may meet whom: an eligibility class compiled against the book's tables.

The tests stand in the published order of `reasons.py`; the funnel and the matching use the same
tests, so what is shown is what was decided. Next: `terms.py`.
"""

from __future__ import annotations

import numpy as np

from busbar.market.attested import When
from busbar.market.columns import Bools, Columns, Interned
from busbar.market.orders import Eligibility, Order
from busbar.market.podspec import Taint, Toleration
from busbar.market.reasons import Reason
from busbar.market.restrictions import divided, is_signed, rows_meeting, rows_saying
from busbar.model.dtu import base_draw
from busbar.model.expressions import of_text
from busbar.model.time import Instant


def static_tests(columns: Columns, wanted: Eligibility, now: Instant) -> list[tuple[Reason, Bools]]:
    """Give, in the published order, each test of a class and the rows that pass it.

    These are the tests that depend neither on the term nor on the order's size.
    """
    found = [
        (Reason.REGION_NOT_ALLOWED, _any_of(columns.zones, wanted.regions)),
        (Reason.VENDOR_NOT_ALLOWED, _any_of(columns.vendors, wanted.vendors)),
        (Reason.SELECTOR_MISMATCH, _selected(columns, wanted.selector)),
        (Reason.TAINT_NOT_TOLERATED, _tolerated(columns, wanted.tolerations)),
        (Reason.NODE_CORDONED, ~columns.cordoned),
        (Reason.NODE_NOT_READY, columns.ready),
        (Reason.NOT_OFFERED, columns.offered),
        (Reason.OFFER_UNAVAILABLE, ~columns.paused),
    ]
    if wanted.where:
        found[_RESTRICTED:_RESTRICTED] = _restricted(columns, wanted.where, When(now, now + 1))
    return found


_RESTRICTED = 3
"""Where the restrictions stand among the tests."""


def _restricted(columns: Columns, where: str, when: When) -> list[tuple[Reason, Bools]]:
    """Give the tests of an expression: is it said, is it signed, is the bond large enough."""
    where, bond = divided(where)
    found = []
    if where:
        found.append((Reason.RESTRICTION_NOT_MET, rows_saying(columns, where, when)))
    if is_signed(where):
        found.append((Reason.NOT_ATTESTED, rows_meeting(columns, of_text(where), when)))
    if bond:
        found.append((Reason.BOND_TOO_LOW, rows_meeting(columns, of_text(bond), when)))
    return found


def eligible_rows(columns: Columns, wanted: Eligibility, now: Instant = 0) -> Bools:
    """Give the rows that pass every static test: `static_tests` all at once.

    Only a class that asks for a signature depends on `now`.
    """
    found: Bools = columns.usable & _tolerated(columns, wanted.tolerations)
    if wanted.regions:
        found &= _any_of(columns.zones, wanted.regions)
    if wanted.vendors:
        found &= _any_of(columns.vendors, wanted.vendors)
    if wanted.selector:
        found &= _selected(columns, wanted.selector)
    if wanted.where:
        found &= rows_meeting(columns, of_text(wanted.where), When(now, now + 1))
    return found


def reference_draw(columns: Columns, order: Order, now: Instant = 0) -> int:
    """Give what an order draws on a reference node, micro-DTU per hour.

    Its GPUs count as the lightest class that it may have: what it surely draws wherever it goes.
    """
    if not order.requests.gpus:
        return base_draw(order.requests)
    rows = eligible_rows(columns, order.eligibility, now)
    return base_draw(order.requests, columns.least_gpu_weight(rows))


def _any_of(column: Interned[str], names: tuple[str, ...]) -> Bools:
    """Pass the rows whose value is among the names; all where there are none."""
    return column.where([not names or value in names for value in column.values])


def _selected(columns: Columns, selector: tuple[tuple[str, str], ...]) -> Bools:
    found = np.ones(columns.row_count, dtype=bool)
    for key, wanted in selector:
        column = columns.label(key)
        found &= column.where([value == wanted for value in column.values])
    return found


def _tolerated(columns: Columns, tolerations: tuple[Toleration, ...]) -> Bools:
    return columns.taints.where(
        [
            all(_tolerates(tolerations, taint) for taint in taints)
            for taints in columns.taints.values
        ]
    )


def _tolerates(tolerations: tuple[Toleration, ...], taint: Taint) -> bool:
    return any(toleration.tolerates(taint) for toleration in tolerations)
