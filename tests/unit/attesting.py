"""Auditors and what they sign, for tests of every room."""

from __future__ import annotations

import base64
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from busbar.model.attestations.dsse import envelope_to_json, public_of, read_envelope, sign
from busbar.model.attestations.statements import PAYLOAD_TYPE, attests, revokes
from busbar.model.attestations.trust import name_for

TUV = Ed25519PrivateKey.from_private_bytes(b"t" * 32)
THIEF = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
ISO = {"certification": "ISO27001"}

Json = dict[str, Any]


def public(key: Ed25519PrivateKey) -> str:
    """Give a public key as an Auditor lists it."""
    return base64.b64encode(public_of(key)).decode()


def auditor(*keys: Ed25519PrivateKey) -> Json:
    """Give the spec of an Auditor."""
    return {"keys": [{"publicKey": public(key)} for key in keys or (TUV,)]}


def attestation(payload: bytes, key: Ed25519PrivateKey = TUV) -> Json:
    """Give an Attestation that carries a payload."""
    made = sign(PAYLOAD_TYPE, payload, key)
    return {
        "metadata": {"name": name_for(made)},
        "spec": {"envelope": envelope_to_json(made)},
    }


def attested(
    kind: str, name: str, uid: str, since: int, until: int, key: Ed25519PrivateKey = TUV
) -> Json:
    """Give an Attestation of `tuv` that says ISO27001 of a subject."""
    return attestation(attests(kind, name, uid, "tuv", ISO, since, until), key)


def taken_back(found: Json, at: int, key: Ed25519PrivateKey = TUV) -> Json:
    """Give the Attestation by which `tuv` takes another one back."""
    digest = read_envelope(found["spec"]["envelope"], "e").digest
    return attestation(revokes("tuv", digest, at), key)
