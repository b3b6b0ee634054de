"""What may be set about the controllers; the defaults are those of docs/operations.md.

All durations are in milliseconds. Next: `contract.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from busbar.market.luggage import NOWHERE, Place
from busbar.model.gpus import GPU_CLASSES, GpuClasses
from busbar.model.time import DAY, HOUR, MINUTE, SECOND


class Settings(NamedTuple):
    """Times and limits of the controllers."""

    fee_ppm: int = 20_000
    """The exchange's fee in millionths of what the consumer pays."""
    place: Place = NOWHERE
    """Where the buckets are kept: the exchange's own S3 door."""
    gpus: GpuClasses = GPU_CLASSES
    """What GPUs draw, by class."""
    meter_ms: int = 3 * SECOND
    """How long a contract whose data has a price waits, at its end, for the last counts."""
    batch_ms: int = 1
    """How long the market waits after the first order, so that a burst is one batch."""
    advice_ms: int = 5 * MINUTE
    """How often everything is looked at for advice."""
    fencing_ms: int = 10 * SECOND
    """After a lease's expiry: the time in which its agent has surely stopped every workload."""
    mass_loss_percent: int = 55
    """Where more than this part of the nodes is lost at once, nobody is evicted."""
    mass_loss_nodes_min: int = 3
    """Below this many nodes a part means nothing: every loss is a loss of its own."""
    never_started_ms: int = 15 * MINUTE
    """A bound workload that has not started after this long gives its contract back."""
    late_ms: int = 5 * MINUTE
    """How long a reserved slot waits for its node to become free."""
    roll_ahead_ms: int = MINUTE
    """How long before a slot's end a contract gets its next slot."""
    losses_max: int = 5
    """How often a Job is placed anew after losing its node."""
    avoid_ms: int = 5 * MINUTE
    """How long a node that lost a workload is avoided by it."""
    avoid_domain_ms: int = 2 * MINUTE
    """How long the host, rack and zone of such a node are: until more losses there would show."""
    event_ttl_ms: int = HOUR
    """How long Events are kept."""
    status_ms: int = 200
    """How long the status of accounts, offers and vendors may lag: a burst is one write."""
    payday_ms: int = 2 * SECOND
    """How often balances are looked at: paying in changes no object, so it wakes nobody."""
    procure_ms: int = 30 * SECOND
    """How often a Procurement asks the market while something is missing."""
    hold_look_ms: int = MINUTE
    """How often a node is looked at on which capacity is held without a workload."""
    book_ms: int = SECOND
    """How often a Book is published at most."""
    contracts_kept_ms: int = 35 * DAY
    """How long a closed Contract is kept; at least a month, for the budget. The journal stays."""
    finished_pods_kept: int = 1000
    """How many finished Pods that nobody owns are kept; the oldest go first."""
    clearings_kept: int = 200
    """How many Clearings are kept."""
    record_weight_max: int = 2_000
    """How much of the book a clearing's record shows at most, in commitments."""
    curve_ms: int = 2 * SECOND
    """How often a ForwardCurve is published at most."""
    history_ms: int = 200
    """How long a clearing may wait to be counted into the price history."""
    history_kept_ms: int = 400 * DAY
    """How long the price history is kept."""
    hours_ahead_ms: int = 10 * MINUTE
    """How long before a service's hours its Pods are ordered."""
    moves_ms: int = 5 * MINUTE
    """How often a service looks for a cheaper place."""
    move_match_ms: int = 2 * MINUTE
    """How long a replacement waits for its place."""
    move_ready_ms: int = 15 * MINUTE
    """How long a replacement may take until it is ready."""
    budgets_ms: int = 100
    """How long the status of disruption budgets may lag: a burst of Pods is one count."""
    termination_grace_ms: int = 30 * SECOND
    """How long a stopped workload has to end, where its Pod says nothing."""
