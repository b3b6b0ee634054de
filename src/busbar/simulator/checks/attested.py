"""I18: what an order wants signed is signed whenever a contract is made or extended for it.

Looks at the signed bytes themselves, with code of its own: which keys the auditor has at that
commit, whom and what the statement is about, its times, and whether it was taken back.
Next: `history.py`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from busbar.model.objects import Key, Object, annotations_of, namespace_of, spec_of, uid_of
from busbar.model.time import Instant, parse_instant
from busbar.model.wellknown import ANN_RESTRICTIONS, GROUP
from busbar.simulator.checks.base import Step, insist

Json = dict[str, Any]


class AttestedCheck:
    """Looks at every contract that is made or gets further slots."""

    def __init__(self) -> None:
        self._until: dict[str, Instant] = {}

    def look(self, step: Step) -> None:
        """Check the contracts of one commit."""
        for key, contract in step.put:
            if key.resource == "contracts":
                end = spec_of(contract)["slots"][-1]["endMs"]
                if end > self._until.get(uid_of(contract), 0):
                    self._until[uid_of(contract)] = end
                    self._check(step, contract, end)

    def _check(self, step: Step, contract: Object, end: Instant) -> None:
        spec = spec_of(contract)
        pod = step.view.get(Key("", "pods", namespace_of(contract), spec["order"]["name"]))
        note = annotations_of(pod).get(ANN_RESTRICTIONS) if pod is not None else None
        wanted = list(_signed_by(json.loads(note))) if note else []
        for auditors, values in wanted:
            good = any(
                said["auditor"] in auditors
                and values & {v.strip() for v in said["attributes"]["certification"].split(",")}
                for said in _valid(step, spec, end)
            )
            sentence = f"{contract['metadata']['name']} reaches to {end}, unsigned by {auditors}"
            insist(good, "I18", sentence)


def _signed_by(wanted: Json) -> Iterator[tuple[set[str], set[str]]]:
    """Give (auditors, values) of each condition that must be signed, in the forms people use."""
    for part in wanted.get("allOf", ()):
        yield from _signed_by(part)
    if "signedBy" in wanted:
        said = wanted["signedBy"]
        values = wanted.get("in") or [wanted["certification"]]
        yield set(said["anyOf"] if isinstance(said, dict) else said), set(values)


def _valid(step: Step, contract: Json, end: Instant) -> Iterator[Json]:
    """Give what is truly signed of a contract's vendor, offer or node, to the end of its term."""
    subjects = {
        _subject(step, kind, group, resource, contract[kind])
        for kind, group, resource in (
            ("vendor", GROUP, "vendors"),
            ("offer", GROUP, "offers"),
            ("node", "", "nodes"),
        )
    }
    listed = (_true(step, obj) for obj in step.view.list(GROUP, "attestations"))
    true = [found for found in listed if found is not None]
    taken = {(s["predicate"]["auditor"], _digest(s)) for _, s in true if "revokes" in _kind(s)}
    for payload, said in true:
        predicate = said["predicate"]
        if "attests" not in _kind(said) or _digest(said) not in subjects:
            continue
        if (predicate["auditor"], hashlib.sha256(payload).hexdigest()) in taken:
            continue
        since, until = (parse_instant(predicate[f], f) for f in ("notBefore", "notAfter"))
        if since <= step.now and until >= end:
            yield predicate


def _kind(said: Json) -> str:
    return str(said["predicateType"])


def _digest(said: Json) -> str:
    return str(said["subject"][0]["digest"]["sha256"])


def _subject(step: Step, kind: str, group: str, resource: str, name: str) -> str:
    found = step.view.get(Key(group, resource, "", name))
    uid = uid_of(found) if found is not None else "gone"
    return hashlib.sha256(f"{kind}/{name}/{uid}".encode()).hexdigest()


def _true(step: Step, attestation: Object) -> tuple[bytes, Json] | None:
    """Give payload and statement if a key that its auditor has now made the signature."""
    envelope = spec_of(attestation)["envelope"]
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"]
    said = json.loads(payload)
    auditor = step.view.get(Key(GROUP, "auditors", "", said["predicate"]["auditor"]))
    signed = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    for entry in spec_of(auditor or {}).get("keys", ()):
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(entry["publicKey"]))
        try:
            public.verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed)
        except InvalidSignature:
            continue
        return payload, said
    return None
