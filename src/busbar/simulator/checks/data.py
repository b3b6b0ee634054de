"""I2 for data: each byte that moved is billed once, at the price of the match, and none beside it.

By the log of what flowed, and by the entries alone. Next: `capacity.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from busbar.ledger.entries import Entry
from busbar.ledger.transfers import Moved, Way, moved_by
from busbar.model.objects import Object, name_of, spec_of, status_of, uid_of
from busbar.simulator.checks.base import Step, insist

GIB = 1024**3
_COUNTS = {
    Way.READ.value: ("readBytes", "readNano"),
    Way.WRITE.value: ("writtenBytes", "writeNano"),
}


class DataCheck:
    """Compares bills for data with what flowed."""

    def __init__(self, flowed: Mapping[tuple[str, str], int]) -> None:
        self._flowed = flowed
        self._contracts: dict[str, Object] = {}
        self._reached: Counter[tuple[str, str]] = Counter()
        """Up to where bytes were billed, by contract and way."""
        self._billed: Counter[str] = Counter()
        self._held: Counter[str] = Counter()

    def look(self, step: Step) -> None:
        """Check the bills of one commit."""
        closed = []
        for key, obj in step.put:
            if key.resource == "contracts" and spec_of(obj).get("transfer"):
                if uid_of(obj) not in self._contracts:
                    self._held[uid_of(obj)] = _status(obj).get("heldNano", 0)
                was = self._contracts.get(uid_of(obj))
                self._contracts[uid_of(obj)] = obj
                if _is_closed(obj) and not (was is not None and _is_closed(was)):
                    closed.append(obj)
        for sealed in step.sealed:
            self._take(sealed.entry)
        for obj in closed:
            self._close(obj)

    def _take(self, entry: Entry) -> None:
        uid = entry.reference.removeprefix("contract/")
        if entry.kind == "hold" and "/transfer-" in entry.id:
            self._held[uid] += next(p.amount for p in entry.postings if p.amount > 0)
        moved = moved_by(entry)
        if moved is not None:
            paid = -sum(p.amount for p in entry.postings if p.account.startswith("ns/"))
            self._bill(uid, moved, paid)

    def _bill(self, uid: str, moved: Moved, paid: int) -> None:
        contract = self._contracts[uid]
        terms = spec_of(contract)["transfer"]
        field, price = _COUNTS[moved.way]
        shown = f"{name_of(contract)}: bytes [{moved.from_bytes}, {moved.until_bytes}) {moved.way}"
        begins = self._reached[uid, moved.way]
        insist(moved.from_bytes == begins, "I2", f"{shown} do not follow {begins}")
        flowed = self._flowed[uid, field]
        insist(moved.until_bytes <= flowed, "I2", f"{shown} are billed, and {flowed} flowed")
        agreed = terms.get(price, 0)
        insist(moved.price_nano == agreed, "I2", f"{shown} are billed at another price")
        due = agreed * moved.until_bytes // GIB - agreed * moved.from_bytes // GIB
        insist(paid == due, "I2", f"{shown} cost {due}, and {paid} is billed")
        self._reached[uid, moved.way] = moved.until_bytes
        self._billed[uid] += paid
        self._within(uid, contract)

    def _within(self, uid: str, contract: Object) -> None:
        billed, held = self._billed[uid], self._held[uid]
        cap = spec_of(contract)["transfer"].get("maxNano")
        name = name_of(contract)
        insist(billed <= held, "I3", f"{name}: {billed} billed for data, {held} was held for it")
        insist(cap is None or billed <= cap, "I2", f"{name}: {billed} billed beyond the cap {cap}")

    def _close(self, contract: Object) -> None:
        """At its end all that flowed is billed, as far as the hold for it reached."""
        uid, terms = uid_of(contract), spec_of(contract)["transfer"]
        left = 0
        for way, (field, price) in _COUNTS.items():
            agreed = terms.get(price, 0)
            until = self._flowed[uid, field]
            left += agreed * until // GIB - agreed * self._reached[uid, way] // GIB
        rest = self._held[uid] - self._billed[uid]
        said = f"{name_of(contract)}: {left} nano-euro of data are not billed, {rest} was held"
        insist(not left or not rest, "I2", said)
        billed = _status(contract).get("billedNano", 0)
        told = f"{name_of(contract)} says {billed} for data, the journal {self._billed[uid]}"
        insist(billed == self._billed[uid], "I3", told)


def _status(contract: Object) -> Mapping[str, int]:
    found: Mapping[str, int] = status_of(contract).get("transfer") or {}
    return found


def _is_closed(contract: Object) -> bool:
    return bool(status_of(contract).get("phase") == "Closed")
