"""`busbar attest sign` and `revoke`: what an auditor does with its key. Next: `looking.py`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from busbar.cli import clock
from busbar.cli.attest.keys import load
from busbar.cli.client import Json, clustered
from busbar.cli.context import Context, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.model.attestations.dsse import Envelope, envelope_to_json
from busbar.model.attestations.dsse import sign as sealed
from busbar.model.attestations.statements import (
    PAYLOAD_TYPE,
    SUBJECTS,
    attests,
    read_statement,
    revokes,
)
from busbar.model.attestations.trust import name_for, read
from busbar.model.errors import InvalidField
from busbar.model.time import parse_duration, parse_instant
from busbar.model.wellknown import API_VERSION

_key = click.option(
    "--key",
    "file",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="Private key, from `busbar attest key`.",
)
_auditor = click.option("--auditor", metavar="NAME", required=True, help="In whose name.")
_submit = click.option("--submit", is_flag=True, help="Bring it to the cloud at once.")


@click.command()
@click.argument("subject", metavar="vendor|offer|node/NAME")
@click.argument("attributes", nargs=-1, required=True, metavar="NAME=VALUE…")
@_auditor
@_key
@click.option("--from", "since", metavar="TIME", help="From when it counts (default: now).")
@click.option("--until", metavar="TIME", help="Until when it counts.")
@click.option("--for", "duration", metavar="DURATION", default="365d", help="Or for how long.")
@click.option("--uid", metavar="UID", help="The subject's uid, where no cloud is to be asked.")
@_submit
@pass_context
def sign(
    context: Context,
    /,
    subject: str,
    attributes: tuple[str, ...],
    auditor: str,
    file: Path,
    since: str | None,
    until: str | None,
    duration: str,
    uid: str | None,
    submit: bool,
) -> None:
    """Sign attributes of a vendor, an offer or a node; prints the Attestation.

    Its subject is bound by uid: a name that is given away later does not take it along.
    """
    kind, _, name = subject.partition("/")
    if kind not in SUBJECTS or not name:
        raise CliError(f"{subject!r}: must be {', '.join(SUBJECTS)}, as vendor/NAME", Exit.USAGE)
    said = dict(_pair(one) for one in attributes)
    try:
        start = parse_instant(since, "--from") if since else clock.now()
        length = parse_duration(duration, "--for")
        end = parse_instant(until, "--until") if until else start + length
    except InvalidField as wrong:
        raise CliError(str(wrong), Exit.USAGE) from None
    known = uid or _uid(context, kind, name)
    payload = attests(kind, name, known, auditor, said, start, end)
    _out(context, payload, file, submit)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise CliError(f"{text!r}: must be NAME=VALUE, such as certification=ISO27001", Exit.USAGE)
    return name, value


def _uid(context: Context, kind: str, name: str) -> str:
    path = f"/api/v1/nodes/{name}" if kind == "node" else clustered(SUBJECTS[kind], name)
    return str(context.client.get(path)["metadata"]["uid"])


@click.command()
@click.argument("attestation")
@_auditor
@_key
@_submit
@pass_context
def revoke(context: Context, /, attestation: str, auditor: str, file: Path, submit: bool) -> None:
    """Take the statement ATTESTATION back; prints the Attestation that says so.

    Contracts made on it run to the end of their slot and are not extended.
    """
    found = context.client.get(clustered("attestations", attestation))
    envelope, statement = read(found)
    if statement.auditor != auditor:
        raise CliError(
            f"{attestation} was signed by {statement.auditor}, and only it can take it back",
            Exit.USAGE,
        )
    _out(context, revokes(auditor, envelope.digest, clock.now()), file, submit)


def _out(context: Context, payload: bytes, file: Path, submit: bool) -> None:
    envelope = sealed(PAYLOAD_TYPE, payload, load(file))
    try:
        read_statement(envelope, "statement")
    except InvalidField as wrong:
        raise CliError(str(wrong), Exit.USAGE) from None
    document = _document(envelope)
    if not submit:
        click.echo(json.dumps(document, indent=2))
        return
    context.client.post(clustered("attestations"), document)
    click.echo(f"attestation {document['metadata']['name']} is in the cloud")


def _document(envelope: Envelope) -> Json:
    return {
        "apiVersion": API_VERSION,
        "kind": "Attestation",
        "metadata": {"name": name_for(envelope)},
        "spec": {"envelope": envelope_to_json(envelope)},
    }
