"""Why a contract closed, and whose doing it was: closed lists. Next: `contracts/`.

Whose doing it was decides what it costs: only what is the vendor's is charged to its bond, and only
what a consumer cannot bring about counts as the vendor's (docs/market.md, "Every end has a
reason"). A workload can fill a disk or upset a runtime; it cannot make a node go silent.
"""

from __future__ import annotations

from enum import StrEnum


class CloseReason(StrEnum):
    """The closed list of reasons for a contract's end."""

    COMPLETED = "Completed"
    FAILED = "Failed"
    DELETED = "Deleted"
    EXPIRED = "Expired"
    NODE_LOST = "NodeLost"
    OUT_OF_REACH = "OutOfReach"
    NODE_FAULT = "NodeFault"
    NOT_TAKEN_UP = "NotTakenUp"
    NEVER_STARTED = "NeverStarted"
    NOT_DELIVERED = "NotDelivered"
    SUPERSEDED = "Superseded"
    GANG_BROKEN = "GangBroken"
    PIECE_ENDED = "PieceEnded"
    BALANCE_EXHAUSTED = "BalanceExhausted"
    BUDGET_EXHAUSTED = "BudgetExhausted"
    PRICE_ABOVE_CAP = "PriceAboveCap"
    EGRESS_ABOVE_CAP = "EgressAboveCap"
    OFFER_WITHDRAWN = "OfferWithdrawn"
    ATTESTATION_LAPSED = "AttestationLapsed"
    SOLD_AGAIN = "SoldAgain"
    TERM_ENDED = "TermEnded"
    DRIVER_ENDED = "DriverEnded"
    RECLAIMED = "Reclaimed"
    WITHDRAWN_EARLY = "WithdrawnEarly"
    MOVED = "Moved"


class Doing(StrEnum):
    """Whose doing an end was."""

    CONSUMER = "consumer"
    VENDOR = "vendor"
    EXCHANGE = "exchange"
    NOBODY = "nobody"


DOING: dict[CloseReason, Doing] = {
    CloseReason.COMPLETED: Doing.NOBODY,
    CloseReason.FAILED: Doing.CONSUMER,
    CloseReason.DELETED: Doing.CONSUMER,
    CloseReason.EXPIRED: Doing.CONSUMER,
    CloseReason.NODE_LOST: Doing.VENDOR,
    CloseReason.OUT_OF_REACH: Doing.EXCHANGE,
    CloseReason.NODE_FAULT: Doing.NOBODY,
    CloseReason.NOT_TAKEN_UP: Doing.VENDOR,
    CloseReason.NEVER_STARTED: Doing.NOBODY,
    CloseReason.NOT_DELIVERED: Doing.EXCHANGE,
    CloseReason.SUPERSEDED: Doing.EXCHANGE,
    CloseReason.GANG_BROKEN: Doing.NOBODY,
    CloseReason.PIECE_ENDED: Doing.NOBODY,
    CloseReason.BALANCE_EXHAUSTED: Doing.CONSUMER,
    CloseReason.BUDGET_EXHAUSTED: Doing.CONSUMER,
    CloseReason.PRICE_ABOVE_CAP: Doing.NOBODY,
    CloseReason.EGRESS_ABOVE_CAP: Doing.CONSUMER,
    CloseReason.OFFER_WITHDRAWN: Doing.NOBODY,
    CloseReason.ATTESTATION_LAPSED: Doing.NOBODY,
    CloseReason.SOLD_AGAIN: Doing.CONSUMER,
    CloseReason.TERM_ENDED: Doing.NOBODY,
    CloseReason.DRIVER_ENDED: Doing.NOBODY,
    CloseReason.RECLAIMED: Doing.NOBODY,
    CloseReason.WITHDRAWN_EARLY: Doing.VENDOR,
    CloseReason.MOVED: Doing.EXCHANGE,
}

VENDORS_DOING: frozenset[str] = frozenset(
    reason.value for reason, doing in DOING.items() if doing is Doing.VENDOR
)
"""Reasons of a delivery that failed."""

SENTENCES: dict[CloseReason, str] = {
    CloseReason.COMPLETED: "The workload has finished.",
    CloseReason.FAILED: "The workload has failed.",
    CloseReason.DELETED: "The workload was deleted.",
    CloseReason.EXPIRED: "notAfter has passed; set a later notAfter and submit again.",
    CloseReason.NODE_LOST: "The node was lost; what it did not deliver is not billed.",
    CloseReason.OUT_OF_REACH: (
        "The exchange was away, most nodes were out of its reach at once, or an operator removed "
        "the node; what was not delivered is not billed."
    ),
    CloseReason.NODE_FAULT: (
        "The node could not run the workload; what it did not deliver is not billed."
    ),
    CloseReason.NOT_TAKEN_UP: "The node never took the workload up; nothing is billed.",
    CloseReason.NEVER_STARTED: "The node did not start the workload in time; nothing is billed.",
    CloseReason.NOT_DELIVERED: "The node was not free at the slot's start; nothing is billed.",
    CloseReason.SUPERSEDED: (
        "Work that already runs on the node goes on into the reserved slot; matched again at once."
    ),
    CloseReason.PIECE_ENDED: "This piece of the work is over; the next one goes on from here.",
    CloseReason.GANG_BROKEN: (
        "Another member of the gang lost its place before the start; all are matched again."
    ),
    CloseReason.BALANCE_EXHAUSTED: "The balance does not cover the next slot; top the account up.",
    CloseReason.BUDGET_EXHAUSTED: (
        "The month's budget does not cover the next slot; raise spec.budget of the account."
    ),
    CloseReason.PRICE_ABOVE_CAP: "The next slot costs more than the cap; raise maxEuroPerDTU.",
    CloseReason.EGRESS_ABOVE_CAP: (
        "The workload moved more data than maxEgressEuro pays for; raise it and submit again."
    ),
    CloseReason.OFFER_WITHDRAWN: "The vendor does not offer the next slot.",
    CloseReason.ATTESTATION_LAPSED: (
        "What the order wants signed is not signed for the next slot: it ran out or was taken back."
    ),
    CloseReason.SOLD_AGAIN: (
        "Its own Procurement has sold the next hour, and the node has no other room for it."
    ),
    CloseReason.TERM_ENDED: "The hours that were held are over.",
    CloseReason.DRIVER_ENDED: (
        "The driver that the place was held for has ended; what was left was given back."
    ),
    CloseReason.RECLAIMED: "The vendor took its capacity back, with the notice agreed.",
    CloseReason.WITHDRAWN_EARLY: (
        "The vendor took its capacity back without the notice agreed; what it did not deliver is "
        "not billed."
    ),
    CloseReason.MOVED: "Its replacement runs at a cheaper place.",
}
