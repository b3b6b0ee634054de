"""DSSE, the envelope of signed statements: what is signed is exactly what is read.

A signature covers the payload and its type together (the pre-authentication encoding), and the
payload is carried as the bytes that were signed: nothing is canonicalised, and no header chooses an
algorithm. Keys are Ed25519. Source: the DSSE specification of secure-systems-lab (protocol.md,
envelope.md), RFC 8032. Next: `statements.py`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from busbar.model.errors import InvalidField

PAYLOAD_MAX: Final = 16 * 1024
SIGNATURES_MAX: Final = 8
_KEY_BYTES, _SIGNATURE_BYTES = 32, 64


class Signature(NamedTuple):
    """One signature, and the name of the key that made it: a hint, not a proof."""

    key_id: str
    signature: bytes


class Envelope(NamedTuple):
    """What was signed, byte for byte, and by which keys."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    @property
    def digest(self) -> str:
        """Give the SHA-256 of the payload, in hex."""
        return hashlib.sha256(self.payload).hexdigest()


def read_envelope(value: object, path: str) -> Envelope:
    """Read an envelope; InvalidField where it is none. Nothing is verified yet."""
    if not isinstance(value, Mapping):
        raise InvalidField(path, "must be a DSSE envelope: payloadType, payload, signatures")
    kind = value.get("payloadType")
    if not isinstance(kind, str) or not 0 < len(kind) <= 256:
        raise InvalidField(f"{path}.payloadType", "must be a media type")
    payload = _decoded(value.get("payload"), f"{path}.payload")
    if not 0 < len(payload) <= PAYLOAD_MAX:
        raise InvalidField(f"{path}.payload", f"must have between 1 and {PAYLOAD_MAX} bytes")
    signed = value.get("signatures")
    if not isinstance(signed, list) or not 0 < len(signed) <= SIGNATURES_MAX:
        message = f"must list between one and {SIGNATURES_MAX} signatures"
        raise InvalidField(f"{path}.signatures", message)
    found = tuple(_signature(one, f"{path}.signatures[{i}]") for i, one in enumerate(signed))
    return Envelope(kind, payload, found)


def _signature(value: object, path: str) -> Signature:
    if not isinstance(value, Mapping):
        raise InvalidField(path, "must be an object with keyid and sig")
    signature = _decoded(value.get("sig"), f"{path}.sig")
    if len(signature) != _SIGNATURE_BYTES:
        raise InvalidField(f"{path}.sig", f"must be an Ed25519 signature: {_SIGNATURE_BYTES} bytes")
    return Signature(str(value.get("keyid") or "")[:128], signature)


def _decoded(value: object, path: str) -> bytes:
    try:
        return base64.b64decode(value if isinstance(value, str) else "!", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidField(path, "must be base64") from None


def envelope_to_json(envelope: Envelope) -> dict[str, Any]:
    """Give an envelope as it is written."""
    return {
        "payloadType": envelope.payload_type,
        "payload": base64.b64encode(envelope.payload).decode(),
        "signatures": [
            {"keyid": key_id, "sig": base64.b64encode(signature).decode()}
            for key_id, signature in envelope.signatures
        ],
    }


def encoding(payload_type: str, payload: bytes) -> bytes:
    """Give the bytes that are signed: DSSE's pre-authentication encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def read_key(value: object, path: str) -> bytes:
    """Read a public key: the 32 bytes of Ed25519 in base64."""
    key = _decoded(value, path)
    if len(key) != _KEY_BYTES:
        raise InvalidField(path, f"must be an Ed25519 public key: {_KEY_BYTES} bytes in base64")
    return key


def key_id(public_key: bytes) -> str:
    """Give the name of a key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def public_of(key: Ed25519PrivateKey) -> bytes:
    """Give the public key's bytes."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def sign(payload_type: str, payload: bytes, key: Ed25519PrivateKey) -> Envelope:
    """Sign a payload."""
    made = Signature(key_id(public_of(key)), key.sign(encoding(payload_type, payload)))
    return Envelope(payload_type, payload, (made,))


@lru_cache(maxsize=1 << 14)
def is_signed(envelope: Envelope, public_key: bytes) -> bool:
    """Say whether one of the signatures was made by a key; the key's name does not matter."""
    signed = encoding(envelope.payload_type, envelope.payload)
    for _, signature in envelope.signatures:
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed)
        except (InvalidSignature, ValueError):
            continue
        return True
    return False
