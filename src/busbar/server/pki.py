"""The cloud's certificate authority: who may call itself what.

Elliptic curves (P-256), one CA per cloud, kept in the data directory with mode 0600. Identities
are in the subject, as Kubernetes reads them: CN is the user, each O a group.
Next: `kubeconfig.py`, `joining.py`.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from busbar.model.time import DAY, Instant, to_datetime

CA_DAYS = 3650
SERVER_DAYS = 825
CLIENT_DAYS = 365
BACKDATE = timedelta(minutes=5)
"""Clocks of joining machines differ; a certificate is valid a little before it was made."""


class Issued(NamedTuple):
    """A certificate and its key, both PEM; the key is empty where it stayed with its owner."""

    certificate: bytes
    key: bytes


class CertificateRequestRefused(ValueError):
    """A signing request that is not acceptable; one sentence."""


class Authority:
    """The CA of one cloud."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key
        self.pem = certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def fingerprint(self) -> str:
        """Give the first 16 hex digits of the certificate's SHA-256: the pin in a join token."""
        der = self._certificate.public_bytes(serialization.Encoding.DER)
        return hashlib.sha256(der).hexdigest()[:16]

    def has_issued(self, certificate: x509.Certificate) -> bool:
        """Say whether a certificate is of this authority."""
        try:
            certificate.verify_directly_issued_by(self._certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def issue_server(self, names: Iterable[str], at: Instant) -> Issued:
        """Issue a server certificate for host names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._start("busbar", (), key.public_key(), at, SERVER_DAYS).add_extension(
            x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False
        )
        return self._finish(builder, ExtendedKeyUsageOID.SERVER_AUTH, key)

    def issue_client(self, user: str, groups: Iterable[str], at: Instant) -> Issued:
        """Issue a client certificate with a key of our making."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._start(user, groups, key.public_key(), at, CLIENT_DAYS)
        return self._finish(builder, ExtendedKeyUsageOID.CLIENT_AUTH, key)

    def sign_request(self, pem: bytes, user: str, groups: Iterable[str], at: Instant) -> bytes:
        """Certify the key of a signing request under a subject that *we* choose."""
        try:
            request = x509.load_pem_x509_csr(pem)
            key = request.public_key()
            is_signed = request.is_signature_valid
        except (ValueError, UnsupportedAlgorithm):
            raise CertificateRequestRefused("csr: is not a PEM certificate request") from None
        if not is_signed or not isinstance(key, ec.EllipticCurvePublicKey):
            raise CertificateRequestRefused("csr: must be signed with an elliptic-curve key")
        builder = self._start(user, groups, key, at, CLIENT_DAYS)
        return self._finish(builder, ExtendedKeyUsageOID.CLIENT_AUTH, None).certificate

    def _start(
        self,
        user: str,
        groups: Iterable[str],
        key: ec.EllipticCurvePublicKey,
        at: Instant,
        days: int,
    ) -> x509.CertificateBuilder:
        subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        subject.append(x509.NameAttribute(NameOID.COMMON_NAME, user))
        moment = to_datetime(at)
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name(subject))
            .issuer_name(self._certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(moment - BACKDATE)
            .not_valid_after(moment + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )

    def _finish(
        self,
        builder: x509.CertificateBuilder,
        usage: x509.ObjectIdentifier,
        key: ec.EllipticCurvePrivateKey | None,
    ) -> Issued:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Issued(
            certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key) if key else b""
        )


def open_authority(directory: Path, at: Instant) -> Authority:
    """Load the CA of a data directory, or make it there."""
    certificate_path, key_path = directory / "ca.pem", directory / "ca.key"
    if not certificate_path.exists():
        _make_authority(certificate_path, key_path, at)
    certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
    key = serialization.load_pem_private_key(key_path.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey), "ca.key holds an elliptic-curve key"
    return Authority(certificate, key)


def _make_authority(certificate_path: Path, key_path: Path, at: Instant) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "busbar-ca")])
    moment = to_datetime(at)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - BACKDATE)
        .not_valid_after(moment + timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(True, False, False, False, False, True, True, False, False), critical=True
        )
        .sign(key, hashes.SHA256())
    )
    # The certificate is written last: its presence says that the key is there and whole.
    write_private(key_path, _key_pem(key))
    write_private(certificate_path, certificate.public_bytes(serialization.Encoding.PEM))


def server_certificate(
    directory: Path, authority: Authority, names: Iterable[str], at: Instant
) -> tuple[Path, Path]:
    """Give the server's certificate and key files; renewed when names change or a month is left."""
    certificate_path, key_path = directory / "server.pem", directory / "server.key"
    wanted = sorted(set(names))
    if not _still_good(certificate_path, wanted, at):
        issued = authority.issue_server(wanted, at)
        write_private(key_path, issued.key)
        write_private(certificate_path, issued.certificate)
    return certificate_path, key_path


def _still_good(path: Path, names: list[str], at: Instant) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    left = certificate.not_valid_after_utc - datetime.fromtimestamp((at + 30 * DAY) / 1000, UTC)
    return left > timedelta(0) and sorted(str(name.value) for name in found) == names


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, atomically and durably."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
