"""The one error that pure code raises for a value a user wrote: field path and sentence.

Source of the form: Kubernetes' field errors (`spec.x: Invalid value: ...`). Next: `money.py`.
"""

from __future__ import annotations


class InvalidField(ValueError):
    """A value that cannot be accepted.

    `path` is the field's path as a user writes it (`spec.maxEuroPerDTU`), `message` one clause
    that says what is wrong and what would be right, without the path.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message
