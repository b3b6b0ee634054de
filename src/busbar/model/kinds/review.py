"""QuoteReview and OrderReview: questions to the market, answered when they are made, never stored.

As Kubernetes' own reviews (TokenReview, SelfSubjectAccessReview) they can only be created; the
answer is the status of what comes back. Next: `answers.py`, what the answers are made of.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, field

from busbar.model.kinds.answers import HeldAnswer, OrderAnswer, StartAnswer
from busbar.model.kinds.base import OwnKind, Part, PrinterColumn


class QuoteReviewSpec(Part):
    """What is asked about."""

    manifest: Annotated[
        dict[str, Any],
        Meta(
            description="A Job, batch Job, Deployment, ReplicaSet or Pod, as it would be created. "
            "Its namespace is that of the review."
        ),
    ]


class QuoteReviewStatus(Part):
    """What it would cost with the book as it stands, were it alone; amounts in euro."""

    namespace: str
    kind: str
    name: str
    at: Annotated[str, Meta(description="When it was worked out (RFC 3339).")]
    copies: Annotated[int, Meta(description="Pods that start together; at most 256 are read.")]
    duration: Annotated[str, Meta(description="For how long, such as 1h30m.")]
    duration_stated: Annotated[bool, Meta(description="False: nothing was said, so it is an hour.")]
    may_wait: bool
    not_after: Annotated[str, Meta(description="The deadline; empty: none.")]
    available: Annotated[str, Meta(description="What the namespace has to hold it from.")]
    now: Annotated[StartAnswer, Meta(description="Were it to start now.")]
    hours: Annotated[list[StartAnswer], Meta(description="Each of the next 48 hours.")]
    cheapest: Annotated[
        StartAnswer | None,
        Meta(description="The cheapest start that places all of it; null: there is none."),
    ]
    held: Annotated[
        list[HeldAnswer], Meta(description="What the namespace holds and it does not draw on.")
    ]
    warnings: list[str]
    draw_dtu: Annotated[str, Meta(description="DTU per hour, on reference nodes.")] = field(
        name="drawDTU"
    )
    max_euro_per_dtu: Annotated[str, Meta(description="Its cap.")] = field(name="maxEuroPerDTU")


class OrderReviewSpec(Part):
    """Which order is asked about."""

    name: Annotated[
        str, Meta(min_length=1, description="A Job, Deployment, ReplicaSet or Pod, by its name.")
    ]


class OrderReviewStatus(Part):
    """Why its Pods wait and what would have matched, or where they are."""

    namespace: str
    name: str
    at: Annotated[str, Meta(description="When it was worked out (RFC 3339).")]
    orders: Annotated[list[OrderAnswer], Meta(description="Its Pods, those that wait first.")]
    more: Annotated[int, Meta(description="Further Pods that were not gone into.")]


QUOTE_REVIEW = OwnKind(
    kind="QuoteReview",
    plural="quotereviews",
    singular="quotereview",
    namespaced=True,
    spec=QuoteReviewSpec,
    status=QuoteReviewStatus,
    columns=(
        PrinterColumn("Now €", ".status.now.cost"),
        PrinterColumn("Cheapest €", ".status.cheapest.cost"),
        PrinterColumn("From", ".status.cheapest.start"),
        PrinterColumn("Available €", ".status.available", wide=True),
        PrinterColumn("Message", ".status.now.message", wide=True),
    ),
    description="What a manifest would cost, now and in each of the next 48 hours. It is only "
    "created, never stored: `kubectl create -f FILE -o yaml` gives the answer.",
)

ORDER_REVIEW = OwnKind(
    kind="OrderReview",
    plural="orderreviews",
    singular="orderreview",
    namespaced=True,
    spec=OrderReviewSpec,
    status=OrderReviewStatus,
    columns=(
        PrinterColumn("State", ".status.orders[0].state"),
        PrinterColumn("Reason", ".status.orders[0].reason"),
        PrinterColumn("Would Match", ".status.orders[0].alternatives[0].advice"),
        PrinterColumn("Message", ".status.orders[0].message", wide=True),
    ),
    description="Why an order waits, and what would have matched. It is only created, never "
    "stored: `kubectl create -f FILE -o yaml` gives the answer.",
)
