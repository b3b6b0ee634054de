"""What moved, as counted outside, noted on the contract that it is billed under."""

from __future__ import annotations

from busbar.controllers.parts.writes import update, with_status
from busbar.model.objects import Object, spec_of, status_of
from busbar.store.contract import Op


def counted(contract: Object, read: int, written: int) -> tuple[Op, ...]:
    """Give the write that adds bytes to a contract's counts.

    Nothing where data was agreed to move for nothing, or the contract has closed.
    """
    status = status_of(contract)
    if not spec_of(contract).get("transfer") or status.get("phase") == "Closed":
        return ()
    known = status.get("transfer") or {}
    added = {"readBytes": read, "writtenBytes": written}
    fresh = {**known, **{name: int(known.get(name) or 0) + n for name, n in added.items() if n}}
    return update(contract, with_status(contract, transfer=fresh))
