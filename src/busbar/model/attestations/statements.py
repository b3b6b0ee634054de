"""What auditors sign: an in-toto Statement that says something of a subject for a time.

Two predicates: *attests* (attributes of a vendor, an offer or a node) and *revokes* (an earlier
statement of the same auditor). The subject is bound by kind, name and uid in one digest: a name
that is given away later does not take its certificate along, and a statement about one subject says
nothing about another. Source: in-toto Attestation Framework, Statement v1. Next: `trust.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from busbar.model.attestations.dsse import Envelope
from busbar.model.errors import InvalidField
from busbar.model.expressions.attributes import read_attributes
from busbar.model.time import Instant, format_instant, parse_instant

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT: Final = "https://in-toto.io/Statement/v1"
ATTESTS: Final = "https://busbar.dev/attests/v1"
REVOKES: Final = "https://busbar.dev/revokes/v1"
SUBJECTS: Final = {"vendor": "vendors", "offer": "offers", "node": "nodes"}
"""What may be attested, and the resource that it is."""


class Subject(NamedTuple):
    """Whom or what a statement is about; `uid` is known to the digest only."""

    kind: str
    name: str
    digest: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class Statement(NamedTuple):
    """A statement, read. `attributes` are empty for one that revokes; `since`, `until` bound it."""

    subject: Subject
    auditor: str
    attributes: tuple[tuple[str, str], ...]
    since: Instant
    until: Instant
    revokes: str = ""
    """The digest of the statement that is taken back."""


def digest_of(kind: str, name: str, uid: str) -> str:
    """Give what binds a statement to its subject."""
    return hashlib.sha256(f"{kind}/{name}/{uid}".encode()).hexdigest()


def attests(
    kind: str,
    name: str,
    uid: str,
    auditor: str,
    attributes: Mapping[str, str],
    since: Instant,
    until: Instant,
) -> bytes:
    """Write a statement about a subject: the payload to sign."""
    predicate = {
        "auditor": auditor,
        "attributes": dict(sorted(attributes.items())),
        "notBefore": format_instant(since),
        "notAfter": format_instant(until),
    }
    return _written(ATTESTS, f"{kind}/{name}", digest_of(kind, name, uid), predicate)


def revokes(auditor: str, digest: str, at: Instant) -> bytes:
    """Write a statement that takes another one back: the payload to sign."""
    predicate = {"auditor": auditor, "revokedAt": format_instant(at)}
    return _written(REVOKES, f"statement/{digest[:16]}", digest, predicate)


def _written(kind: str, name: str, digest: str, predicate: Mapping[str, Any]) -> bytes:
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": digest}}],
        "predicateType": kind,
        "predicate": predicate,
    }
    return json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()


def read_statement(envelope: Envelope, path: str) -> Statement:
    """Read what an envelope carries; InvalidField where it is no statement of ours."""
    if envelope.payload_type != PAYLOAD_TYPE:
        raise InvalidField(f"{path}.payloadType", f"must be {PAYLOAD_TYPE}")
    at = f"{path}.payload"
    try:
        said = json.loads(envelope.payload, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise InvalidField(at, "must be JSON, with no key twice") from None
    if not isinstance(said, Mapping) or said.get("_type") != STATEMENT:
        raise InvalidField(f"{at}._type", f"must be {STATEMENT}")
    predicate = said.get("predicate")
    if not isinstance(predicate, Mapping):
        raise InvalidField(f"{at}.predicate", "must be an object")
    auditor = predicate.get("auditor")
    if not isinstance(auditor, str) or not 0 < len(auditor) <= 253:
        raise InvalidField(f"{at}.predicate.auditor", "must name the Auditor that signs")
    subject = _subject(said.get("subject"), f"{at}.subject")
    if said.get("predicateType") == REVOKES:
        since = parse_instant(predicate.get("revokedAt"), f"{at}.predicate.revokedAt")
        return Statement(subject, auditor, (), since, since, subject.digest)
    if said.get("predicateType") != ATTESTS:
        raise InvalidField(f"{at}.predicateType", f"must be {ATTESTS} or {REVOKES}")
    return _attested(subject, auditor, predicate, f"{at}.predicate")


def _attested(subject: Subject, auditor: str, said: Mapping[str, Any], at: str) -> Statement:
    if subject.kind not in SUBJECTS:
        kinds = ", ".join(SUBJECTS)
        raise InvalidField(f"{at}.subject", f"must be one of {kinds}, as vendor/NAME")
    attributes = read_attributes(said.get("attributes"), f"{at}.attributes", reserved=True)
    if not attributes:
        raise InvalidField(f"{at}.attributes", "must state at least one attribute")
    since = parse_instant(said.get("notBefore"), f"{at}.notBefore")
    until = parse_instant(said.get("notAfter"), f"{at}.notAfter")
    if until <= since:
        raise InvalidField(f"{at}.notAfter", "must be later than notBefore")
    return Statement(subject, auditor, attributes, since, until)


def _subject(value: object, path: str) -> Subject:
    one = value[0] if isinstance(value, list) and len(value) == 1 else None
    if not isinstance(one, Mapping):
        raise InvalidField(path, "must list exactly one subject")
    name, digests = one.get("name"), one.get("digest")
    digest = digests.get("sha256") if isinstance(digests, Mapping) else None
    if not isinstance(name, str) or not isinstance(digest, str) or len(digest) != 64:
        raise InvalidField(path, "must have a name and a digest by sha256")
    kind, _, rest = name.partition("/")
    return Subject(kind, rest, digest)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found
