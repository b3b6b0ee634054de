"""Keys and certificates: made, signed for, compared, dated.

The library costs 10 MB and is needed once at joining and once in eight months, so nobody imports
this module before that moment. Next: `certificate.py`, which says when.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from busbar.model.time import Instant


def request_for(key: ec.EllipticCurvePrivateKey, name: str) -> bytes:
    """Give a signing request (PEM) for a key; the cloud chooses the subject itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def new_key() -> ec.EllipticCurvePrivateKey:
    """Make a key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Give a private key as PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def fits(key: bytes, certificate: bytes) -> bool:
    """Say whether a certificate is of a private key (both PEM)."""
    own = serialization.load_pem_private_key(key, None).public_key()
    return own == x509.load_pem_x509_certificate(certificate).public_key()


def validity(certificate: bytes) -> tuple[Instant, Instant]:
    """Give when a certificate (PEM) begins and ends."""
    read = x509.load_pem_x509_certificate(certificate)
    begin, end = read.not_valid_before_utc, read.not_valid_after_utc
    return int(begin.timestamp() * 1000), int(end.timestamp() * 1000)
