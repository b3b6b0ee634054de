"""`busbar attest`: its commands. Next: `keys.py`, `signing.py`, `looking.py`."""

from __future__ import annotations

import click

from busbar.cli.lazy import LazyGroup

_COMMANDS = {
    "key": ("attest.keys", "key"),
    "auditor": ("attest.keys", "auditor"),
    "sign": ("attest.signing", "sign"),
    "revoke": ("attest.signing", "revoke"),
    "auditors": ("attest.looking", "auditors"),
    "list": ("attest.looking", "list_attestations"),
}


class AttestGroup(LazyGroup):
    """The commands, in the order in which an auditor comes to them."""

    commands_at = _COMMANDS


@click.command(cls=AttestGroup)
def attest() -> None:
    """Sign attributes of vendors, offers and nodes, and see what is signed.

    An auditor makes a key, an operator registers it, the auditor signs; an order names in
    `signedBy` whom it believes.
    """
