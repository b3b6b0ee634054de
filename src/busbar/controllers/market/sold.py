"""A match with a part of a node that is sold again: what it is a match with, and on whose terms.

Next: `matches.py`.
"""

from __future__ import annotations

from busbar.controllers.market.contracts import AGREED, in_pool
from busbar.controllers.market.resale import Part
from busbar.controllers.parts.writes import unchanged
from busbar.market.outcome import Match
from busbar.model.objects import Object, spec_of
from busbar.store.contract import Op

_NO_NOTICE = 2**62


def of_whole(match: Match, part: Part) -> Match:
    """Say of a match with a part of a node what it is a match with."""
    held = spec_of(part.under(match.start, match.end)[0])
    return match._replace(
        node=part.node,
        vendor=held["vendor"],
        offer=held["offer"],
        offer_version=held["offerVersion"],
    )


def sold(contract: Object, match: Match, part: Part | None) -> Object:
    """Say of a contract with a part whose held room it is in, and on whose terms it is.

    A vendor owes who was sold a part no more than who holds it: the shortest notice, and what is
    sold without one, to the end, only where all of it is.
    """
    if part is None:
        return contract
    held = map(spec_of, part.under(match.start, match.end))
    least = min(held, key=lambda spec: int(spec.get("reclaimNoticeMs") or 0) or _NO_NOTICE)
    spec = {name: value for name, value in spec_of(contract).items() if name not in AGREED}
    spec |= {name: least[name] for name in AGREED if name in least}
    return in_pool({**contract, "spec": spec}, pool=part.pool, seller=part.seller)


def resting_on(match: Match, part: Part | None) -> tuple[Op, ...]:
    """Insist that what a part is held by in these hours is as it was read, and its ask."""
    if part is None:
        return ()
    return tuple(map(unchanged, (*part.under(match.start, match.end), part.procurement)))
