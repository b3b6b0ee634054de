"""Every no has a reason: the closed list, its order, and the sentences made of it.

The members stand in the published order: a node is counted once, at the first reason that rules
it out. docs/market.md repeats this table and a test compares the two. Next: `eligibility.py`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Reason(StrEnum):
    """Why an order and a node, or an order and the market, do not meet. A closed list."""

    # About the order itself: no node is looked at.
    INVALID_ORDER = "InvalidOrder"
    EXPIRED = "Expired"
    DEADLINE_TOO_CLOSE = "DeadlineTooClose"
    NO_NODES = "NoNodes"
    UNKNOWN_VENDOR = "UnknownVendor"
    GANG_INCOMPLETE = "GangIncomplete"
    GANG_NOT_PLACED = "GangNotPlaced"
    NOTHING_RESERVED = "NothingReserved"
    # About a node, in the order in which they are asked.
    REGION_NOT_ALLOWED = "RegionNotAllowed"
    VENDOR_NOT_ALLOWED = "VendorNotAllowed"
    SELECTOR_MISMATCH = "SelectorMismatch"
    RESTRICTION_NOT_MET = "RestrictionNotMet"
    NOT_ATTESTED = "NotAttested"
    BOND_TOO_LOW = "BondTooLow"
    TAINT_NOT_TOLERATED = "TaintNotTolerated"
    NODE_CORDONED = "NodeCordoned"
    AVOIDED_NODE = "AvoidedNode"
    NODE_NOT_READY = "NodeNotReady"
    NOT_OFFERED = "NotOffered"
    DECLINED_BY_VENDOR = "DeclinedByVendor"
    OFFER_UNAVAILABLE = "OfferUnavailable"
    PRICE_ABOVE_CAP = "PriceAboveCap"
    EGRESS_ABOVE_CAP = "EgressAboveCap"
    NOT_ENOUGH_CPU = "NotEnoughCpu"
    NOT_ENOUGH_MEMORY = "NotEnoughMemory"
    NOT_ENOUGH_GPU = "NotEnoughGpu"
    NOT_ENOUGH_EPHEMERAL_STORAGE = "NotEnoughEphemeralStorage"
    MINIMUM_TERM_TOO_LONG = "MinimumTermTooLong"
    POD_ANTI_AFFINITY = "PodAntiAffinity"
    POD_AFFINITY = "PodAffinity"
    TOPOLOGY_SPREAD = "TopologySpread"
    OUTSIDE_GANG_ZONE = "OutsideGangZone"
    CLEARING_PRICE_ABOVE_CAP = "ClearingPriceAboveCap"
    VENDOR_LIMIT = "VendorLimit"
    NO_FREE_CAPACITY = "NoFreeCapacity"
    # About the money: a node was there.
    INSUFFICIENT_FUNDS = "InsufficientFunds"
    BUDGET_EXCEEDED = "BudgetExceeded"


ADVICE: dict[Reason, str] = {
    Reason.INVALID_ORDER: "Correct the field that the message names.",
    Reason.EXPIRED: "Set notAfter to a time in the future.",
    Reason.DEADLINE_TOO_CLOSE: "Set notAfter later, or expect a shorter duration.",
    Reason.NO_NODES: "Let a vendor join a machine: busbar join.",
    Reason.UNKNOWN_VENDOR: "Correct the vendor's name; `busbar vendor` lists them.",
    Reason.GANG_INCOMPLETE: "Create the other members: a gang starts together.",
    Reason.GANG_NOT_PLACED: "Wait: it is tried again in every batch; or ask for less.",
    Reason.NOTHING_RESERVED: "Wait, keep more units, or drop busbar.dev/reservation.",
    Reason.REGION_NOT_ALLOWED: "Allow another region, or wait for supply there.",
    Reason.VENDOR_NOT_ALLOWED: "Allow another vendor.",
    Reason.SELECTOR_MISMATCH: "Correct or loosen nodeSelector.",
    Reason.RESTRICTION_NOT_MET: "Loosen the restriction or node affinity that it names.",
    Reason.NOT_ATTESTED: "Name auditors that signed it (busbar attest list), or do not ask for it.",
    Reason.BOND_TOO_LOW: "Ask for a lower bond, or wait until a vendor has put down as much.",
    Reason.TAINT_NOT_TOLERATED: "Tolerate the taint, or use other nodes.",
    Reason.NODE_CORDONED: "Wait until the node may be used again (kubectl uncordon).",
    Reason.AVOIDED_NODE: "Wait: for a while it does not return to where it was lost, nor near it.",
    Reason.NODE_NOT_READY: "Wait until the node's agent reports again.",
    Reason.NOT_OFFERED: "Ask the vendor to offer the node.",
    Reason.DECLINED_BY_VENDOR: "Use another offer, or see in spec.refuses what this one minds.",
    Reason.OFFER_UNAVAILABLE: "Wait for the offer's hours, or set mayWait.",
    Reason.PRICE_ABOVE_CAP: "Raise maxEuroPerDTU, or set mayWait for a cheaper hour.",
    Reason.EGRESS_ABOVE_CAP: "Raise maxEgressEuro, or state how much is read: expectedRead.",
    Reason.NOT_ENOUGH_CPU: "Request less cpu: work is not split over nodes.",
    Reason.NOT_ENOUGH_MEMORY: "Request less memory: work is not split over nodes.",
    Reason.NOT_ENOUGH_GPU: "Request fewer GPUs: work is not split over nodes.",
    Reason.NOT_ENOUGH_EPHEMERAL_STORAGE: "Request less ephemeral-storage, or use a bucket.",
    Reason.MINIMUM_TERM_TOO_LONG: "Expect a longer duration, or allow another offer.",
    Reason.POD_ANTI_AFFINITY: "Wait until those it keeps away from are gone, or allow more.",
    Reason.POD_AFFINITY: "Start those it wants to be near to, or loosen podAffinity.",
    Reason.TOPOLOGY_SPREAD: "Allow more regions, or a larger maxSkew.",
    Reason.OUTSIDE_GANG_ZONE: "Wait for room in the gang's zone, or make the gang smaller.",
    Reason.CLEARING_PRICE_ABOVE_CAP: "Wait: it is tried again in the next batch; or raise the cap.",
    Reason.VENDOR_LIMIT: "Wait until less of yours runs there, or use other offers.",
    Reason.NO_FREE_CAPACITY: "Wait: it is tried again in every batch.",
    Reason.INSUFFICIENT_FUNDS: "Top up the namespace's account.",
    Reason.BUDGET_EXCEEDED: "Raise the namespace's budget, or wait for the next month.",
}
"""What to do next, one sentence a reason."""


class Count(NamedTuple):
    """So many nodes were ruled out first by this reason; `clause` says it in words."""

    reason: Reason
    nodes: int
    clause: str


class Funnel(NamedTuple):
    """Where the nodes went: how many there are, how many are left, why the others are not."""

    nodes: int
    eligible: int
    counts: tuple[Count, ...]
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Give it as one sentence."""
        noun = "node matches" if self.nodes == 1 else "nodes match"
        head = f"{self.eligible} of {self.nodes} {noun}"
        clauses = [count.clause for count in self.counts]
        body = f"{head}: {', '.join(clauses)}" if clauses else head
        return "; ".join([body, *self.notes])
