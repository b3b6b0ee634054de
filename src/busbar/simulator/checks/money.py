"""I1 and I3: the journal is sound, and contracts, holds and balances agree with it.

A fold of its own, entry by entry, compared with what store and contracts say. Next: `billing.py`.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from busbar.ledger.chain import GENESIS, encode, link
from busbar.ledger.entries import Entry, Sealed
from busbar.model.objects import Key, Object, namespace_of, status_of, uid_of
from busbar.simulator.checks.base import Broken, Step, insist

_BILLS = frozenset({"settle", "transfer", "withdraw"})
_CONTRACTS = frozenset({"hold", "release"}) | _BILLS
"""Corrections and slashes refer to a contract and are not its own."""


class MoneyCheck:
    """Folds the journal and follows every contract's money."""

    def __init__(self) -> None:
        self._balances: Counter[str] = Counter()
        self._ids: set[str] = set()
        self._seq, self._head = 0, GENESIS
        self._totals: dict[str, Counter[str]] = defaultdict(Counter)
        self._contracts: dict[str, Object] = {}
        self._keys: dict[Key, str] = {}
        self._held: Counter[str] = Counter()

    def look(self, step: Step) -> None:
        """Check one commit."""
        touched: set[str] = set()
        for sealed in step.sealed:
            self._fold(sealed)
            touched.update(posting.account for posting in sealed.entry.postings)
        changed = {self._remember(key, obj) for key, obj in step.put if key.resource == "contracts"}
        for key in step.deleted:
            changed.add(self._forget(key))
        self._compare(step, touched)
        for entry in (sealed.entry for sealed in step.sealed):
            if entry.reference.startswith("contract/"):
                changed.add(entry.reference.removeprefix("contract/"))
        for uid in changed - {""}:
            self._check_contract(uid)
        self._check_holds(step, touched)

    def _fold(self, sealed: Sealed) -> None:
        seq, entry, hashed = sealed
        insist(seq == self._seq + 1, "I1", f"entry {seq} follows entry {self._seq}")
        insist(
            link(self._head, seq, encode(entry)) == hashed, "I1", f"entry {seq} breaks the chain"
        )
        insist(entry.id not in self._ids, "I8", f"entry {entry.id} has a second effect")
        insist(sum(p.amount for p in entry.postings) == 0, "I1", f"{entry.id} does not sum to zero")
        self._seq, self._head = seq, hashed
        self._ids.add(entry.id)
        for account, amount in entry.postings:
            self._balances[account] += amount
        if entry.reference.startswith("contract/") and entry.kind in _CONTRACTS:
            self._add(entry)

    def _add(self, entry: Entry) -> None:
        totals = self._totals[entry.reference.removeprefix("contract/")]
        for account, amount in entry.postings:
            if account.startswith("ns/"):
                totals["held"] += amount if account.endswith("/held") else 0
                totals["billed"] -= amount if entry.kind in _BILLS else 0
            elif account.startswith("vendor/"):
                totals["vendor"] += amount
            else:
                totals[account.removeprefix("exchange/")] += amount

    def _compare(self, step: Step, accounts: set[str]) -> None:
        insist(step.view.head.hash == self._head, "I1", "the store's end of the journal is another")
        for account in accounts:
            said, right = step.view.balance(account), self._balances[account]
            insist(said == right, "I1", f"{account} is kept as {said}, its postings sum to {right}")
            if account.startswith(("ns/", "vendor/")):
                insist(right >= 0, "I3", f"{account} is {right}, below zero")

    def _remember(self, key: Key, obj: Object) -> str:
        uid = uid_of(obj)
        before = self._contracts.get(uid)
        self._held[namespace_of(obj)] += _held(obj) - (_held(before) if before else 0)
        self._contracts[uid] = obj
        self._keys[key] = uid
        return uid

    def _forget(self, key: Key) -> str:
        uid = self._keys.pop(key, "")
        if uid and _is_open(self._contracts[uid]):
            raise Broken("I3", f"{key} was deleted while open")
        return ""

    def _check_contract(self, uid: str) -> None:
        contract, totals = self._contracts.get(uid), self._totals[uid]
        if contract is None:
            raise Broken("I3", f"the journal has money of contract {uid}, which was never made")
        status = status_of(contract)
        for field in ("held", "billed", "vendor", "fee", "rounding"):
            said, right = status.get(f"{field}Nano", 0), totals[field]
            sentence = f"contract {uid} says {field} {said}, the journal says {right}"
            insist(said == right, "I3", sentence)
        shares = totals["vendor"] + totals["fee"] + totals["rounding"]
        insist(totals["billed"] == shares, "I3", f"contract {uid}: debit is not credit + fee")
        if not _is_open(contract):
            insist(totals["held"] == 0, "I3", f"closed contract {uid} still holds {totals['held']}")

    def _check_holds(self, step: Step, accounts: set[str]) -> None:
        for account in accounts:
            if account.startswith("ns/") and account.endswith("/held"):
                namespace = account.split("/")[1]
                said, right = step.view.balance(account), self._held[namespace]
                sentence = f"{account} is {said}, open contracts hold {right}"
                insist(said == right, "I3", sentence)


def _is_open(contract: Object) -> bool:
    return status_of(contract).get("phase") != "Closed"


def _held(contract: Object) -> int:
    return int(status_of(contract).get("heldNano", 0)) if _is_open(contract) else 0
