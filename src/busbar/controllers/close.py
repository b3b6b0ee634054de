"""Why a contract closed: a closed list. Next: `contracts/`."""

from __future__ import annotations

from enum import StrEnum


class CloseReason(StrEnum):
    """The closed list of reasons for a contract's end."""

    COMPLETED = "Completed"
    FAILED = "Failed"
    DELETED = "Deleted"
    EXPIRED = "Expired"
    NODE_LOST = "NodeLost"
    NEVER_STARTED = "NeverStarted"
    NOT_DELIVERED = "NotDelivered"
    SUPERSEDED = "Superseded"
    BALANCE_EXHAUSTED = "BalanceExhausted"
    BUDGET_EXHAUSTED = "BudgetExhausted"
    PRICE_ABOVE_CAP = "PriceAboveCap"
    OFFER_WITHDRAWN = "OfferWithdrawn"
    TERM_ENDED = "TermEnded"


SENTENCES: dict[CloseReason, str] = {
    CloseReason.COMPLETED: "The workload has finished.",
    CloseReason.FAILED: "The workload has failed.",
    CloseReason.DELETED: "The workload was deleted.",
    CloseReason.EXPIRED: "notAfter has passed; set a later notAfter and submit again.",
    CloseReason.NODE_LOST: "The node was lost; what it did not deliver is not billed.",
    CloseReason.NEVER_STARTED: "The node did not start the workload in time; nothing is billed.",
    CloseReason.NOT_DELIVERED: "The node was not free at the slot's start; nothing is billed.",
    CloseReason.SUPERSEDED: (
        "Work that already runs on the node goes on into the reserved slot; matched again at once."
    ),
    CloseReason.BALANCE_EXHAUSTED: "The balance does not cover the next slot; top the account up.",
    CloseReason.BUDGET_EXHAUSTED: (
        "The month's budget does not cover the next slot; raise spec.budget of the account."
    ),
    CloseReason.PRICE_ABOVE_CAP: "The next slot costs more than the cap; raise maxEuroPerDTU.",
    CloseReason.OFFER_WITHDRAWN: "The vendor does not offer the next slot.",
    CloseReason.TERM_ENDED: "The hours that were held are over.",
}
