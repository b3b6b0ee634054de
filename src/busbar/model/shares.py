"""A count that may be stated as a part of a whole: `2` or `25%`.

Kubernetes calls it IntOrString; rolling updates and disruption budgets use it. Next: `time.py`.
"""

from __future__ import annotations

from busbar.model.errors import InvalidField

_COUNT_MAX = 2**31 - 1


def share(value: object, total: int, path: str = "", *, up: bool) -> int:
    """Give how many of `total` a value means; parts of one are rounded `up` or down.

    Raises `InvalidField` where it is neither a count nor a percentage.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _COUNT_MAX:
        return value
    if isinstance(value, str) and value.endswith("%") and len(value) < 12:
        digits = value[:-1]
        if digits.isascii() and digits.isdecimal():
            parts = int(digits) * total
            return -(-parts // 100) if up else parts // 100
    raise InvalidField(path, "must be a count from 0 up, or a percentage such as 25%")
