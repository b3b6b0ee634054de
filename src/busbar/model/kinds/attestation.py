"""Auditor and Attestation: who may sign attributes, and what was signed. Next: `job.py`.

Source of the envelope: DSSE; of what it carries: in-toto Statement v1
(`busbar.model.attestations`).
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from busbar.model.kinds.base import OwnKind, Part, PrinterColumn


class AuditorKey(Part):
    """A public key of Ed25519, and when it counts. One taken off takes what it signed along."""

    public_key: Annotated[str, Meta(description="32 bytes in base64; see `busbar attest key`.")]
    not_before: Annotated[str | None, Meta(description="Time from which it counts.")] = None
    not_after: Annotated[str | None, Meta(description="Time until which it counts.")] = None


class AuditorSpec(Part):
    """Somebody who signs attributes. Registered by an operator; believed by whom names it."""

    keys: Annotated[
        list[AuditorKey],
        Meta(min_length=1, max_length=16, description="Old and new beside each other to change."),
    ]
    display_name: Annotated[str, Meta(max_length=200, description="Name shown to consumers.")] = ""


class AuditorStatus(Part):
    """What the exchange sees of the auditor."""

    keys: Annotated[list[str], Meta(description="Names of its keys, as envelopes give them.")] = []
    attestations: Annotated[int, Meta(description="Valid statements signed by it.")] = 0
    message: str = ""


class EnvelopeSignature(Part):
    """One signature of an envelope."""

    sig: Annotated[str, Meta(description="Ed25519, in base64.")]
    keyid: Annotated[str, Meta(description="Name of the key that made it.")] = ""


class SignedEnvelope(Part):
    """A DSSE envelope: the payload as signed, byte for byte."""

    payload_type: str
    payload: Annotated[str, Meta(max_length=24_576, description="In-toto Statement, in base64.")]
    signatures: Annotated[list[EnvelopeSignature], Meta(min_length=1, max_length=8)]


class AttestationSpec(Part):
    """A signed statement. It never changes; its name follows from it."""

    envelope: SignedEnvelope


class AttestationStatus(Part):
    """How the statement stands, and what it says."""

    standing: Annotated[str, Meta(description="One word of a closed list.")] = ""
    message: str = ""
    auditor: str = ""
    subject: Annotated[str, Meta(description="As vendor/NAME, offer/NAME or node/NAME.")] = ""
    attributes: dict[str, str] = field(default_factory=dict)
    not_before: str = ""
    not_after: str = ""


AUDITOR = OwnKind(
    kind="Auditor",
    plural="auditors",
    singular="auditor",
    namespaced=False,
    spec=AuditorSpec,
    status=AuditorStatus,
    columns=(
        PrinterColumn("Display Name", ".spec.displayName"),
        PrinterColumn("Keys", ".status.keys"),
        PrinterColumn("Attestations", ".status.attestations", "integer"),
    ),
    description="Somebody who signs attributes of vendors, offers and nodes.",
)

ATTESTATION = OwnKind(
    kind="Attestation",
    plural="attestations",
    singular="attestation",
    namespaced=False,
    spec=AttestationSpec,
    status=AttestationStatus,
    columns=(
        PrinterColumn("Subject", ".status.subject"),
        PrinterColumn("Attributes", ".status.attributes"),
        PrinterColumn("Auditor", ".status.auditor"),
        PrinterColumn("Standing", ".status.standing"),
        PrinterColumn("Until", ".status.notAfter"),
    ),
    short_names=("att",),
    description="Attributes of a vendor, an offer or a node, signed by an auditor.",
)
