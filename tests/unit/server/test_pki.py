"""The authority: made once, certificates renewed when they must be."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from busbar.model.time import DAY
from busbar.server.identities import hash_secret, matches, new_bearer, read_bearer
from busbar.server.pki import SERVER_DAYS, open_authority, server_certificate

NOW = 1_800_000_000_000


def test_an_authority_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = open_authority(tmp_path, NOW)
    assert open_authority(tmp_path, NOW + DAY).fingerprint == first.fingerprint
    assert (tmp_path / "ca.key").stat().st_mode & 0o077 == 0


def test_an_interrupted_making_is_begun_again(tmp_path: Path) -> None:
    open_authority(tmp_path, NOW)
    (tmp_path / "ca.pem").unlink()
    assert open_authority(tmp_path, NOW).pem.startswith(b"-----BEGIN CERTIFICATE-----")


def test_a_client_certificate_names_user_and_groups(tmp_path: Path) -> None:
    issued = open_authority(tmp_path, NOW).issue_client("ann", ("a", "b"), NOW)
    subject = x509.load_pem_x509_certificate(issued.certificate).subject
    groups = [a.value for a in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    assert (subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value, groups) == (
        "ann",
        ["a", "b"],
    )


def test_the_server_certificate_is_renewed_for_new_names_and_before_its_end(tmp_path: Path) -> None:
    authority = open_authority(tmp_path, NOW)

    def serial(names: list[str], at: int) -> int:
        path, _ = server_certificate(tmp_path, authority, names, at)
        return x509.load_pem_x509_certificate(path.read_bytes()).serial_number

    first = serial(["localhost", "127.0.0.1"], NOW)
    assert serial(["127.0.0.1", "localhost"], NOW + DAY) == first
    assert serial(["localhost", "10.0.0.1"], NOW + DAY) != first
    second = serial(["localhost", "10.0.0.1"], NOW + DAY)
    assert serial(["localhost", "10.0.0.1"], NOW + (SERVER_DAYS - 10) * DAY) != second


def test_a_bearer_token_is_stored_as_a_hash_only() -> None:
    text, secret = new_bearer("ann", ("g",), NOW)
    plain = text.rpartition(".")[2]
    assert plain not in str(secret)
    found = read_bearer(secret)
    assert found is not None
    assert matches(plain, found.secret_hash)
    assert not matches("x", found.secret_hash)
    assert found.secret_hash == hash_secret(plain)
