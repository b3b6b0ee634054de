"""Which statements count: signed by a key that its auditor has now, about what is there now.

An auditor's keys are what the operator has registered. A key counts in its own time; one that is
taken off the list takes all that it signed along: that is what a stolen key needs. Whom a consumer
believes is the consumer's to say (`signedBy`). Next: `busbar.controllers.attestations`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from busbar.model.attestations.dsse import Envelope, is_signed, key_id, read_envelope, read_key
from busbar.model.attestations.statements import Statement, digest_of, read_statement
from busbar.model.errors import InvalidField
from busbar.model.objects import spec_of
from busbar.model.time import Instant, parse_instant

FOREVER: Instant = 2**53
KEYS_MAX = 16


class Standing(StrEnum):
    """How a statement stands. A closed list."""

    VALID = "Valid"
    NOT_YET_VALID = "NotYetValid"
    EXPIRED = "Expired"
    REVOKED = "Revoked"
    REVOCATION = "Revocation"
    MALFORMED = "Malformed"
    UNKNOWN_AUDITOR = "UnknownAuditor"
    UNKNOWN_KEY = "UnknownKey"
    WRONG_SIGNATURE = "WrongSignature"
    SUBJECT_MISSING = "SubjectMissing"
    OTHER_SUBJECT = "OtherSubject"


class Key(NamedTuple):
    """A public key of an auditor, and when it counts."""

    public: bytes
    since: Instant = 0
    until: Instant = FOREVER


class Judged(NamedTuple):
    """How a statement stands, in a word and a sentence; what it says where it could be read."""

    standing: Standing
    sentence: str
    statement: Statement | None = None
    since: Instant = 0
    until: Instant = 0

    @property
    def counts(self) -> bool:
        """Say whether it counts at some time: what is valid, will be, or takes something back."""
        return self.standing in _COUNTING


_COUNTING = (Standing.VALID, Standing.NOT_YET_VALID, Standing.EXPIRED, Standing.REVOCATION)


def keys_of(auditor: Mapping[str, Any]) -> tuple[Key, ...]:
    """Read the keys of an Auditor object; InvalidField where one is none."""
    listed = spec_of(auditor).get("keys")
    if not isinstance(listed, list) or not 0 < len(listed) <= KEYS_MAX:
        raise InvalidField("spec.keys", f"must list between one and {KEYS_MAX} keys")
    return tuple(_key(one, f"spec.keys[{i}]") for i, one in enumerate(listed))


def _key(said: object, path: str) -> Key:
    if not isinstance(said, Mapping):
        raise InvalidField(path, "must be an object with publicKey")
    since = parse_instant(said["notBefore"], f"{path}.notBefore") if "notBefore" in said else 0
    until = parse_instant(said["notAfter"], f"{path}.notAfter") if "notAfter" in said else FOREVER
    if until <= since:
        raise InvalidField(f"{path}.notAfter", "must be later than notBefore")
    return Key(read_key(said.get("publicKey"), f"{path}.publicKey"), since, until)


def read(attestation: Mapping[str, Any]) -> tuple[Envelope, Statement]:
    """Read an Attestation object; InvalidField where it is none. Nothing is verified yet."""
    envelope = read_envelope(spec_of(attestation).get("envelope"), "spec.envelope")
    return envelope, read_statement(envelope, "spec.envelope")


def name_for(envelope: Envelope) -> str:
    """Give the name of the Attestation that carries an envelope: each statement is there once."""
    return f"att-{envelope.digest[:32]}"


def judge(
    envelope: Envelope,
    statement: Statement,
    auditor: Mapping[str, Any] | None,
    subject_uid: str | None,
    now: Instant,
) -> Judged:
    """Say how a statement stands, revocations aside; `subject_uid` None: there is no such thing."""
    name = statement.auditor
    if auditor is None:
        said = f"there is no Auditor {name!r}; an operator registers auditors and their keys"
        return Judged(Standing.UNKNOWN_AUDITOR, said, statement)
    try:
        keys = keys_of(auditor)
    except InvalidField as wrong:
        said = f"the Auditor {name!r} has no keys that can be read ({wrong.path})"
        return Judged(Standing.UNKNOWN_AUDITOR, said, statement)
    signing = [key for key in keys if is_signed(envelope, key.public)]
    if not signing:
        return _unsigned(envelope, statement, keys)
    if statement.revokes:
        return Judged(Standing.REVOCATION, f"{name} takes a statement back", statement)
    subject = statement.subject
    if subject_uid is None:
        return Judged(Standing.SUBJECT_MISSING, f"there is no {subject}", statement)
    if subject.digest != digest_of(subject.kind, subject.name, subject_uid):
        said = f"it was signed for another {subject}: the digest does not fit this one's uid"
        return Judged(Standing.OTHER_SUBJECT, said, statement)
    return _timed(statement, signing, now)


def _unsigned(envelope: Envelope, statement: Statement, keys: Iterable[Key]) -> Judged:
    known = {key_id(key.public) for key in keys}
    named = [signature.key_id for signature in envelope.signatures]
    if any(one in known for one in named):
        said = "the signature does not fit what is signed: it was altered, or signed otherwise"
        return Judged(Standing.WRONG_SIGNATURE, said, statement)
    said = f"{statement.auditor} has no key {', '.join(map(repr, named))}; a key was changed?"
    return Judged(Standing.UNKNOWN_KEY, said, statement)


def _timed(statement: Statement, signing: Iterable[Key], now: Instant) -> Judged:
    """Bound a statement by its own time and by that of the key, the longest if several signed."""
    spans = [(max(statement.since, k.since), min(statement.until, k.until)) for k in signing]
    since, until = max(spans, key=lambda span: span[1] - span[0])
    if now < since:
        return Judged(Standing.NOT_YET_VALID, "not valid yet", statement, since, until)
    if now >= until:
        return Judged(Standing.EXPIRED, "no longer valid", statement, since, until)
    return Judged(Standing.VALID, "valid", statement, since, until)
