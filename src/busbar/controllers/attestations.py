"""Attestations: which signed statements count, and how each stands, in its status.

A statement is verified when it is admitted and again whenever what it rests on may have changed:
the auditor's keys, its subject, a revocation. Next: `books.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from busbar.controllers.contract import NOTHING, Collection, Decision, decide, earliest
from busbar.controllers.parts.writes import update_status
from busbar.controllers.settings import Settings
from busbar.ledger.entries import bond
from busbar.market.attested import NO_CLAIMS, Attested, Claims
from busbar.model.attestations import trust
from busbar.model.attestations.dsse import Envelope, key_id
from busbar.model.attestations.statements import SUBJECTS, Statement
from busbar.model.attestations.trust import Judged, Standing, judge, keys_of
from busbar.model.errors import InvalidField
from busbar.model.expressions.attributes import read_attributes, values_of
from busbar.model.money import format_euro
from busbar.model.objects import Key, Object, name_of, spec_of, uid_of
from busbar.model.time import Instant, format_instant
from busbar.model.wellknown import GROUP, LABEL_BOND
from busbar.store.contract import Event, EventType, Op, Snapshot

ATTESTATIONS: Collection = (GROUP, "attestations")
AUDITORS: Collection = (GROUP, "auditors")
_GROUPS = {"vendor": GROUP, "offer": GROUP, "node": ""}


def subject_key(kind: str, name: str) -> Key:
    """Give the key of a subject."""
    return Key(_GROUPS[kind], SUBJECTS[kind], "", name)


def judged(snapshot: Snapshot, attestation: Object, now: Instant) -> tuple[Envelope | None, Judged]:
    """Say how an attestation stands, revocations aside."""
    read = _read(_frozen(attestation))
    if isinstance(read, str):
        return None, Judged(Standing.MALFORMED, read)
    envelope, statement = read
    auditor = snapshot.get(Key(*AUDITORS, "", statement.auditor))
    uid = None
    if not statement.revokes:
        subject = snapshot.get(subject_key(statement.subject.kind, statement.subject.name))
        uid = uid_of(subject) if subject is not None else None
    return envelope, judge(envelope, statement, auditor, uid, now)


@lru_cache(maxsize=1 << 14)
def _read(frozen: tuple[Any, ...]) -> tuple[Envelope, Statement] | str:
    """Read an attestation once; give what is wrong with one that cannot be read."""
    kind, payload, signatures = frozen
    signed = [{"keyid": key, "sig": sig} for key, sig in signatures]
    envelope = {"payloadType": kind, "payload": payload, "signatures": signed}
    try:
        return trust.read({"spec": {"envelope": envelope}})
    except InvalidField as wrong:
        return f"{wrong.path}: {wrong.message}"


def _frozen(attestation: Object) -> tuple[Any, ...]:
    said = spec_of(attestation).get("envelope") or {}
    signatures = tuple((s.get("keyid"), s.get("sig")) for s in said.get("signatures") or ())
    return said.get("payloadType"), said.get("payload"), signatures


def revoked(snapshot: Snapshot, now: Instant) -> set[tuple[str, str]]:
    """Give the statements that were taken back: (auditor, digest)."""
    found = set()
    for attestation in snapshot.list(*ATTESTATIONS):
        said = judged(snapshot, attestation, now)[1]
        if said.standing is Standing.REVOCATION and said.statement is not None:
            found.add((said.statement.auditor, said.statement.revokes))
    return found


def claims(snapshot: Snapshot) -> Claims:
    """Give what is said beside labels and offers: of vendors and their bonds, signed by auditors.

    It holds for every time: what is signed carries from when until when it counts.
    """
    stated = {}
    for vendor in snapshot.list(GROUP, "vendors"):
        try:
            said = read_attributes(spec_of(vendor).get("attributes"), "spec.attributes")
        except InvalidField:
            said = ()
        in_bond = snapshot.balance(bond(name_of(vendor)))
        if in_bond > 0:
            said = tuple(sorted((*said, (LABEL_BOND, format_euro(in_bond)))))
        if said:
            stated[name_of(vendor)] = said
    attested = _attested(snapshot)
    return Claims(stated, attested) if stated or attested else NO_CLAIMS


def _attested(snapshot: Snapshot) -> dict[tuple[str, str], tuple[Attested, ...]]:
    found: dict[tuple[str, str], list[Attested]] = defaultdict(list)
    taken_back = revoked(snapshot, 0)
    for attestation in snapshot.list(*ATTESTATIONS):
        envelope, said = judged(snapshot, attestation, 0)
        if envelope is None or said.statement is None or said.statement.revokes or not said.counts:
            continue
        statement = said.statement
        if (statement.auditor, envelope.digest) not in taken_back:
            subject = statement.subject.kind, statement.subject.name
            found[subject].extend(
                Attested(name, value, statement.auditor, said.since, said.until)
                for name, text in statement.attributes
                for value in values_of(text)
            )
    return {subject: tuple(sorted(some)) for subject, some in found.items()}


class AttestationController:
    """Says in each Attestation's status how it stands, and in each Auditor's what it has signed."""

    name = "attestations"
    watches: tuple[Collection, ...] = (
        ATTESTATIONS,
        AUDITORS,
        (GROUP, "vendors"),
        (GROUP, "offers"),
        ("", "nodes"),
    )

    def __init__(self, settings: Settings) -> None:
        self.coalesce_ms = settings.status_ms

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake all under one key; a subject wakes them only when it comes or goes."""
        is_about = event.key.resource in ("attestations", "auditors")
        comes_or_goes = event.previous is None or event.type is EventType.DELETED
        return (_ALL,) if is_about or comes_or_goes else ()

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Update the status of all; look again when the first begins or ends to count."""
        if not any(True for _ in snapshot.list(*AUDITORS)) and not any(
            True for _ in snapshot.list(*ATTESTATIONS)
        ):
            return NOTHING
        taken_back, due = revoked(snapshot, now), None
        ops: list[Op] = []
        valid: dict[str, int] = defaultdict(int)
        for attestation in snapshot.list(*ATTESTATIONS):
            envelope, said = judged(snapshot, attestation, now)
            if envelope is not None and said.statement is not None:
                said = _taken_back(said, envelope, taken_back)
                valid[said.statement.auditor if said.statement else ""] += said.standing == "Valid"
            ops += update_status(attestation, **_status(said))
            due = earliest(due, *(at for at in (said.since, said.until) if at > now))
        for auditor in snapshot.list(*AUDITORS):
            ops += update_status(auditor, **_auditor_status(auditor, valid[name_of(auditor)]))
        note = f"attestations: {len(ops)} statuses" if ops else ""
        return decide(*ops, requeue_at=due, note=note)


_ALL = Key(*ATTESTATIONS, "", "all")


def _taken_back(said: Judged, envelope: Envelope, taken_back: set[tuple[str, str]]) -> Judged:
    statement = said.statement
    if statement is None or (statement.auditor, envelope.digest) not in taken_back:
        return said
    sentence = f"{statement.auditor} has taken it back"
    return said._replace(standing=Standing.REVOKED, sentence=sentence)


def _status(said: Judged) -> dict[str, Any]:
    found: dict[str, Any] = {"standing": said.standing.value, "message": said.sentence}
    statement = said.statement
    if statement is None:
        return found
    found["auditor"] = statement.auditor
    if statement.revokes:
        return {**found, "notBefore": format_instant(statement.since)}
    return {
        **found,
        "subject": str(statement.subject),
        "attributes": dict(statement.attributes),
        "notBefore": format_instant(statement.since),
        "notAfter": format_instant(statement.until),
    }


def _auditor_status(auditor: Object, valid: int) -> dict[str, Any]:
    try:
        keys = [key_id(key.public) for key in keys_of(auditor)]
    except InvalidField as wrong:
        said = f"{wrong.path}: {wrong.message}. Nothing that it signed counts."
        return {"keys": [], "attestations": 0, "message": said}
    return {"keys": keys, "attestations": valid, "message": None}
