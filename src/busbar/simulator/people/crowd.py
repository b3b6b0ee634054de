"""What the life of a cloud asks of whoever uses it. Next: `people.py`."""

from __future__ import annotations

from typing import Any, Protocol


class Crowd(Protocol):
    """Whoever uses a cloud: what its life asks of them."""

    paid_in: dict[str, int]
    """Payments by their key: each counts once, however often it is entered."""

    def found(self) -> None:
        """Make namespaces, vendors and offers, and begin."""

    def node_object(self, number: int) -> dict[str, Any]:
        """Describe a machine as joining does."""

    def rest(self) -> None:
        """Stop; leave everything open for business."""
