"""Job: run an image or a script once, by a deadline, under a price cap. Next: `contract.py`.

Also served as `kind: job` of the group in the first manifest, with the same fields.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, field

from busbar.model.kinds.base import OwnKind, Part, PrinterColumn
from busbar.model.kinds.offer import Price
from busbar.model.wellknown import ALIAS_GROUP

OneOrMore = str | list[str]


Wanted = dict[str, Any]
"""An expression: attributes with their values, compared, or put together (docs/market.md)."""


class Restrictions(Part):
    """Where and with whom the job may run; a list means any of them. All of it must hold."""

    region: Annotated[OneOrMore | None, Meta(description="Region or regions.")] = None
    vendor: Annotated[OneOrMore | None, Meta(description="Vendor or vendors.")] = None
    all_of: Annotated[
        list[Wanted],
        Meta(
            description="All of these must hold, each such as {certification: ISO27001} or "
            "{attribute: isolation, atLeast: sandbox}; also allOf, anyOf, not inside."
        ),
    ] = []
    any_of: Annotated[list[Wanted], Meta(description="At least one of these must hold.")] = []
    not_: Annotated[Wanted | None, Meta(description="This must not hold.")] = field(
        default=None, name="not"
    )

    def expression(self) -> Wanted:
        """Give all but region and vendor; empty where nothing more is asked."""
        said = {"allOf": self.all_of, "anyOf": self.any_of, "not": self.not_}
        return {name: part for name, part in said.items() if part}


class JobResources(Part):
    """What the job reserves; its draw on the market follows from it."""

    cpu: Annotated[str | int | float, Meta(description="vCPUs, such as 2 or 500m.")] = "2"
    memory: Annotated[str | int, Meta(description="Bytes, such as 4Gi.")] = "4Gi"
    gpus: Annotated[
        int,
        Meta(
            ge=0, le=64, description="GPUs, all of one node; restrictions: {gpuClass: A100} chooses"
        ),
    ] = 0
    ephemeral_storage: Annotated[
        str | int | None,
        Meta(description="Disk while it runs, in bytes, such as 20Gi; none: what is left over."),
    ] = None


class JobGang(Part):
    """With whom the job starts: all Jobs and Pods of the namespace that name the same gang."""

    name: Annotated[str, Meta(min_length=1, max_length=63, description="Name of the gang.")]
    size: Annotated[
        int, Meta(ge=1, le=1000, description="How many members it must have to be matched.")
    ]


class JobToleration(Part):
    """A taint of nodes that does not keep the job away, written as Pods write it."""

    key: Annotated[str, Meta(description="Of the taint; empty, with Exists: of any.")] = ""
    operator: Annotated[str, Meta(description="Equal (where it is left out) or Exists.")] = ""
    value: Annotated[str, Meta(description="Of the taint; with Equal it must be the same.")] = ""
    effect: Annotated[
        str, Meta(description="NoSchedule, PreferNoSchedule or NoExecute; empty: any.")
    ] = ""


class JobSpec(Part):
    """What to run, by when, for how much, where."""

    image: Annotated[str, Meta(min_length=1, max_length=512, description="Container image.")]
    script_path: Annotated[
        str | None,
        Meta(description="Script to run, as /BUCKET/KEY; the bucket is mounted at /BUCKET."),
    ] = None
    command: Annotated[list[str], Meta(description="Replaces the image's entrypoint.")] = []
    args: Annotated[list[str], Meta(description="Arguments.")] = []
    env: Annotated[dict[str, str], Meta(description="Environment variables.")] = {}
    buckets: Annotated[
        list[str], Meta(description="Buckets of the namespace to mount at /NAME.")
    ] = []
    resources: JobResources = field(default_factory=JobResources)
    not_before: Annotated[
        str | None,
        Meta(description="Time before which it must not start (RFC 3339); at once if left out."),
    ] = None
    not_after: Annotated[
        str | None, Meta(description="Time by which it must have finished (RFC 3339).")
    ] = None
    max_euro_per_dtu: Annotated[
        Price | None, Meta(description="Hard cap on the billed price, in euro per DTU.")
    ] = field(default=None, name="maxEuroPerDTU")
    restrictions: Restrictions = field(default_factory=Restrictions)
    tolerations: Annotated[
        list[JobToleration],
        Meta(max_length=64, description="Taints of nodes that do not keep it away."),
    ] = []
    expected_duration: Annotated[
        str | None, Meta(description="How long it will take, such as 30m.")
    ] = None
    expected_read: Annotated[
        str | int | None,
        Meta(description="What it reads from its buckets, such as 12Gi; all of them if left out."),
    ] = None
    expected_write: Annotated[
        str | int | None, Meta(description="What it writes to its buckets, such as 1Gi.")
    ] = None
    max_egress_euro: Annotated[
        str | int | float | None, Meta(description="Most that moving its data may cost, in euro.")
    ] = None
    may_wait: Annotated[
        bool, Meta(description="It may start later, in the cheapest slot before notAfter.")
    ] = False
    may_be_interrupted: Annotated[
        bool, Meta(description="It may run in pieces, in the cheapest hours before notAfter.")
    ] = False
    max_pieces: Annotated[
        Annotated[int, Meta(ge=2, le=12)] | None,
        Meta(description="In how many pieces at most, if interrupted; 4 where nobody says."),
    ] = None
    minimum_piece: Annotated[
        str | None, Meta(description="How long each piece lasts at least; 1h where nobody says.")
    ] = None
    reservation: Annotated[
        str | None,
        Meta(description="Procurement whose capacity it draws on; none: it buys in the market."),
    ] = None
    gang: Annotated[
        JobGang | None,
        Meta(description="It starts together with others, in one zone, or not at all."),
    ] = None
    backoff_limit: Annotated[
        int, Meta(ge=0, le=100, description="Retries after a failure of the workload.")
    ] = 0
    ttl_seconds_after_finished: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="Delete the job this long after its end."),
    ] = None


class JobStatus(Part):
    """How far the job is. Phases: Pending, Waiting, Running, Succeeded, Failed, Expired."""

    observed_generation: int = 0
    phase: str = "Pending"
    reason: Annotated[str, Meta(description="One word of a closed list.")] = ""
    message: Annotated[str, Meta(description="One sentence with what to do next.")] = ""
    pod: str = ""
    contract: str = ""
    vendor: str = ""
    node: str = ""
    price_per_dtu: Annotated[str, Meta(description="Euro per DTU.")] = field(
        default="", name="pricePerDTU"
    )
    cost: Annotated[str, Meta(description="Billed so far, in euro.")] = ""
    start_time: str = ""
    completion_time: str = ""
    exit_code: int | None = None
    failures: int = 0
    pieces: Annotated[
        list[str], Meta(description="Work in pieces: those that are still to run, one line each.")
    ] = []
    funnel: Annotated[
        list[str], Meta(description="Why nodes were not eligible, one clause each.")
    ] = []
    conditions: list[dict[str, str]] = []


JOB = OwnKind(
    kind="Job",
    plural="jobs",
    singular="job",
    namespaced=True,
    spec=JobSpec,
    status=JobStatus,
    columns=(
        PrinterColumn("Phase", ".status.phase"),
        PrinterColumn("Reason", ".status.reason"),
        PrinterColumn("Vendor", ".status.vendor"),
        PrinterColumn("Node", ".status.node"),
        PrinterColumn("€/DTU", ".status.pricePerDTU"),
        PrinterColumn("Cost €", ".status.cost"),
        PrinterColumn("Message", ".status.message", wide=True),
    ),
    short_names=("bj",),
    description="Work that runs once, by a deadline, under a cap on the price that is billed.",
    aliases=((ALIAS_GROUP, "job"),),
)
