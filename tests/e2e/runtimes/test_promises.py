"""runc keeps every promise that a runtime makes."""

from __future__ import annotations

from tests.contract.runtimes.promises import *  # noqa: F403
