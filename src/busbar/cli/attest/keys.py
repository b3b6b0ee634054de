"""`busbar attest key` and `auditor`: an auditor's key, and who may sign. Next: `signing.py`."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import click
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from busbar.cli.client import Json, clustered
from busbar.cli.context import Context, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.model.attestations.dsse import key_id, public_of, read_key
from busbar.model.errors import InvalidField
from busbar.model.time import parse_instant
from busbar.model.wellknown import API_VERSION


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def key(file: Path) -> None:
    """Show the public half of the private key in FILE; make the key where there is none.

    Needs no cloud: an auditor's private key never leaves the auditor.
    """
    made = not file.exists()
    private = _make(file) if made else load(file)
    public = public_of(private)
    if made:
        click.echo(f"wrote {file}; keep it to yourself", err=True)
    click.echo(f"key id:     {key_id(public)}")
    click.echo(f"public key: {base64.b64encode(public).decode()}")


def _make(file: Path) -> Ed25519PrivateKey:
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(pem)
    return private


def load(file: Path) -> Ed25519PrivateKey:
    """Read a private key of Ed25519."""
    try:
        found = load_pem_private_key(file.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        found = None
    if not isinstance(found, Ed25519PrivateKey):
        said = f"{file} is no private key of Ed25519 in PEM; make one with `busbar attest key FILE`"
        raise CliError(said, Exit.USAGE)
    return found


@click.command()
@click.argument("name")
@click.option("--key", "public", metavar="BASE64", help="Register this public key as well.")
@click.option("--until", metavar="TIME", help="Until when that key counts.")
@click.option("--drop", metavar="KEY-ID", help="Take a key off: what it signed counts no more.")
@click.option("--display-name", metavar="TEXT", help="Name shown to consumers.")
@pass_context
def auditor(
    context: Context,
    /,
    name: str,
    public: str | None,
    until: str | None,
    drop: str | None,
    display_name: str | None,
) -> None:
    """Register the auditor NAME, or change its keys (operator)."""
    path = clustered("auditors", name)
    known = context.client.find(path) or {}
    spec: Json = dict(known.get("spec") or {"keys": []})
    if display_name is not None:
        spec["displayName"] = display_name
    if drop is not None:
        spec["keys"] = _without(spec["keys"], drop, name)
    if public is not None:
        spec["keys"] = [*spec["keys"], _entry(public, until)]
    if not spec["keys"]:
        said = f"{name} would have no key; give one with --key, or `kubectl delete auditor {name}`"
        raise CliError(said, Exit.USAGE)
    document = {"apiVersion": API_VERSION, "kind": "Auditor", "metadata": {"name": name}}
    context.client.apply(path, {**document, "spec": spec})
    ids = [key_id(base64.b64decode(one["publicKey"])) for one in spec["keys"]]
    click.echo(f"{name} signs with {', '.join(ids)}")


def _entry(public: str, until: str | None) -> Json:
    try:
        read_key(public, "--key")
        if until is not None:
            parse_instant(until, "--until")
    except InvalidField as wrong:
        raise CliError(str(wrong), Exit.USAGE) from None
    return {"publicKey": public, **({"notAfter": until} if until else {})}


def _without(keys: list[Json], drop: str, name: str) -> list[Json]:
    left = [one for one in keys if key_id(base64.b64decode(one["publicKey"])) != drop]
    if len(left) == len(keys):
        raise CliError(f"{name} has no key {drop}", Exit.NOT_FOUND)
    return left
