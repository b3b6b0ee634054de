"""Who a certificate names, and until when."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from busbar.apis.kubernetes.authentication import Authenticator
from busbar.apis.kubernetes.authorization import Kind, role_of
from busbar.apis.kubernetes.ports import Identity
from busbar.model.time import DAY
from busbar.server import pki

NOW = 1_795_000_000_000


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> pki.Authority:
    directory: Path = tmp_path_factory.mktemp("pki")
    return pki.open_authority(directory, NOW)


def der(authority: pki.Authority, user: str, *groups: str) -> bytes:
    issued = authority.issue_client(user, groups, NOW)
    return x509.load_pem_x509_certificate(issued.certificate).public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("user", "groups", "kind", "name"),
    [
        ("admin", ("system:masters",), Kind.OPERATOR, ""),
        ("vendor:elastx", ("busbar:vendors",), Kind.VENDOR, "elastx"),
        ("system:node:n1", ("system:nodes",), Kind.NODE, "n1"),
        ("alice", ("busbar:namespace:a", "busbar:namespace:b"), Kind.MEMBER, ""),
        ("system:node:n1", (), Kind.NOBODY, ""),
        ("vendor:elastx", ("system:nodes",), Kind.NOBODY, ""),
        ("alice", ("busbar:vendors",), Kind.NOBODY, ""),
    ],
)
def test_a_certificate_names_a_user_and_its_groups(
    authority: pki.Authority, user: str, groups: tuple[str, ...], kind: Kind, name: str
) -> None:
    known = Authenticator(lambda: NOW).by_certificate(der(authority, user, *groups))
    assert known is not None
    assert known.user == user
    assert set(groups) < set(known.groups)
    role = role_of(known)
    assert (role.kind, role.name) == (kind, name)


def test_a_certificate_ends(authority: pki.Authority) -> None:
    now = [NOW]
    door = Authenticator(lambda: now[0])
    certificate = der(authority, "admin", "system:masters")
    assert door.by_certificate(certificate) is not None
    now[0] += (pki.CLIENT_DAYS + 1) * DAY
    assert door.by_certificate(certificate) is None


@pytest.mark.parametrize("data", [b"x", b"\x30\x82", b"\x00" * 500])
def test_what_is_no_certificate_names_nobody(data: bytes) -> None:
    assert Authenticator(lambda: NOW).by_certificate(data) is None


@pytest.mark.parametrize(
    ("header", "user"),
    [
        (b"Bearer good", "u"),
        (b"bearer  good ", "u"),
        (b"Bearer bad", None),
        (b"Basic good", None),
        (b"Bearer", None),
        (b"", None),
        (b"Bearer " + b"a" * 10_000, None),
        (b"\xff\xfe", None),
    ],
)
def test_a_bearer_token_stands_for_somebody(header: bytes, user: str | None) -> None:
    known = {"good": Identity("u"), "a" * 10_000: Identity("large")}
    found = asyncio.run(Authenticator(lambda: NOW, known.get).identify(None, header))
    assert (found.user if found else None) == user


def test_a_certificate_counts_before_a_token(authority: pki.Authority) -> None:
    door = Authenticator(lambda: NOW, lambda token: Identity("token"))
    found = asyncio.run(door.identify(der(authority, "cert"), b"Bearer x"))
    assert found is not None
    assert found.user == "cert"
