"""The project's own kinds: msgspec Structs, whose JSON schemas are served. Start at `base.py`."""

from __future__ import annotations

from busbar.model.kinds.account import ACCOUNT, BUCKET
from busbar.model.kinds.advice import ADVICE, VENDOR_ADVICE
from busbar.model.kinds.attestation import ATTESTATION, AUDITOR
from busbar.model.kinds.base import OwnKind, Part, PrinterColumn
from busbar.model.kinds.book import BOOK, CLEARING
from busbar.model.kinds.contract import CONTRACT
from busbar.model.kinds.fee import FEE_SCHEDULE
from busbar.model.kinds.job import JOB
from busbar.model.kinds.offer import OFFER
from busbar.model.kinds.prices import FORWARD_CURVE, PRICE_HISTORY
from busbar.model.kinds.procurement import PROCUREMENT
from busbar.model.kinds.review import ORDER_REVIEW, QUOTE_REVIEW
from busbar.model.kinds.use import USE_PROFILE
from busbar.model.kinds.vendor import VENDOR

OWN_KINDS: tuple[OwnKind, ...] = (
    VENDOR,
    OFFER,
    AUDITOR,
    ATTESTATION,
    JOB,
    CONTRACT,
    PROCUREMENT,
    BUCKET,
    ACCOUNT,
    FEE_SCHEDULE,
    BOOK,
    CLEARING,
    FORWARD_CURVE,
    PRICE_HISTORY,
    ADVICE,
    VENDOR_ADVICE,
    USE_PROFILE,
)

OWN_REVIEWS: tuple[OwnKind, ...] = (QUOTE_REVIEW, ORDER_REVIEW)
"""Kinds that are asked and answered, and never stored."""

__all__ = ["OWN_KINDS", "OWN_REVIEWS", "OwnKind", "Part", "PrinterColumn"]
