"""Beancount reads the journal, finds nothing wrong, and counts the same to the nano-euro."""

from __future__ import annotations

import re
from decimal import Decimal

from beancount import loader
from beancount.core import data, realization
from tests.unit.documents.journals import EURO, everything

from busbar.documents.beancount import account_name, lines
from busbar.ledger import settlement
from busbar.ledger.chain import seal
from busbar.ledger.entries import Entry, Posting, Sealed
from busbar.ledger.fold import fold


def counted(text: str) -> dict[str, int]:
    """Let Beancount check a ledger and give its balances in nano-euro."""
    entries, errors, _ = loader.load_string(text)
    assert errors == []
    found = {}
    for account in realization.iter_children(realization.realize(entries)):
        amount = account.balance.get_currency_units("EUR").number
        if account.txn_postings:
            found[account.account] = int(amount * EURO)
            assert found[account.account] == amount * EURO
    return found


def agrees(journal: tuple[Sealed, ...]) -> bool:
    balances = fold(sealed.entry for sealed in journal)
    ours = {account_name(account): -amount for account, amount in balances.items()}
    assert len(ours) == len(balances)
    theirs = counted("".join(lines(journal)))
    return theirs == ours


def test_every_kind_of_entry_agrees() -> None:
    assert agrees(everything())


def test_an_empty_journal_is_a_ledger() -> None:
    assert agrees(())


def test_every_entry_is_a_transaction_with_its_place_key_and_hash() -> None:
    journal = everything()
    entries, _, _ = loader.load_string("".join(lines(journal)))
    found = [e for e in entries if isinstance(e, data.Transaction)]
    told = sorted((int(e.meta["seq"]), e.meta["id"], e.meta["hash"]) for e in found)
    assert told == [(seq, entry.id, hash_) for seq, entry, hash_ in journal]


def test_one_nano_euro_too_much_is_found() -> None:
    text = "".join(lines(everything()))
    changed = re.sub(r"(Income:Fees  -\d+\.\d{8})\d EUR", lambda m: f"{m[1]}0 EUR", text, count=1)
    assert changed != text
    _, errors, _ = loader.load_string(changed)
    assert any("does not balance" in error.message for error in errors)


def test_a_balance_one_nano_euro_off_is_found() -> None:
    text = "".join(lines(everything()))
    line = re.search(r"balance Assets:Bank:Received  (\S+) ~ 0 EUR", text)
    assert line is not None
    wrong = format(Decimal(line[1]) + Decimal("0.000000001"), "f")
    _, errors, _ = loader.load_string(text.replace(line[0], line[0].replace(line[1], wrong)))
    assert any("Balance failed" in error.message for error in errors)


def test_names_that_beancount_does_not_know_stay_apart() -> None:
    names = ["a", "a-b", "a_b", "A", "-a", "ä", "xx61", "1", "a/b", "a.b", "vendor", "X"]
    accounts = [f"vendor/{n}" for n in names] + [f"ns/{n}/available" for n in names] + names
    moves = [
        Entry(account, "odd", 1, (Posting(account, 5), Posting("external/topup", -5)))
        for account in accounts
    ]
    assert len({account_name(account) for account in accounts}) == len(accounts)
    assert agrees(seal(moves))


def test_the_largest_amounts_are_exact() -> None:
    assert agrees(seal([settlement.top_up("a", 10**18 - n, 1, str(n)) for n in range(3)]))
