"""What a failed delivery costs its vendor: the rule of docs/market.md, "A failed delivery".

The dearer replacement of what was not delivered, and a tenth of what the unfinished slots cost. A
replacement counts as at most twice the contract's price, so that nobody gains much by a market
that happens to be empty, or was emptied. Next: `bonds.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from busbar.ledger.settlement import PPM
from busbar.model.dtu import amount

SHARE_PPM: Final = 100_000
"""A tenth of what the slots cost in which a delivery failed, and those after: the disruption."""
REPLACEMENT_MAX: Final = 2
"""A replacement counts as at most so many times the contract's price."""


class Undelivered(NamedTuple):
    """A part of a slot that was sold and not delivered; `ask_nano`: what the market asks for it.

    None where the market has nothing to replace it with.
    """

    ms: int
    price_nano: int
    ask_nano: int | None


def damages(parts: Iterable[Undelivered], draw_micro: int, unfinished_nano: int) -> int:
    """Give what a vendor owes, in nano-euro, before its bond bounds it.

    `unfinished_nano` is what the slots cost in which it failed, and those after.
    """
    dearer = sum(amount(_extra(part), draw_micro, part.ms) for part in parts)
    return dearer + unfinished_nano * SHARE_PPM // PPM


def _extra(part: Undelivered) -> int:
    """Give what a DTU of the replacement costs more."""
    most = part.price_nano * REPLACEMENT_MAX
    ask = most if part.ask_nano is None else min(part.ask_nano, most)
    return max(0, ask - part.price_nano)
