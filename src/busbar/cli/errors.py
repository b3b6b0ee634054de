"""How a command ends: exit codes and one-sentence errors. Documented in docs/cli.md.

Next: `main.py`.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The closed list of exit codes."""

    OK = 0
    FAILED = 1
    """Something went wrong that no other code names."""
    USAGE = 2
    """The command was written wrongly."""
    NOT_RUNNING = 3
    """The cloud is not up, or cannot be reached."""
    NOT_FOUND = 4
    """What was named does not exist."""
    REFUSED = 5
    """The cloud refused: invalid, forbidden, in conflict."""
    NO_MATCH = 6
    """The job ended without a match: no eligible offer, balance, budget, deadline."""
    JOB_FAILED = 7
    """The job ran and failed; its own exit code is in its status."""
    LEDGER_BAD = 8
    """The ledger does not verify."""
    MACHINE = 9
    """This machine lacks something; the sentence names it."""


class CliError(Exception):
    """Ends a command with a code and one sentence; `status` is the cloud's HTTP status, if any."""

    def __init__(self, message: str, code: Exit = Exit.FAILED, status: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
