"""A generated journal of millions of postings, written as the store would have: for `ledger.py`.

Contracts of many namespaces and vendors, each held, settled hour by hour and released, as a market
writes them, in the store's own tables and with its own chain. What is known of the journal is what
was written, so that a verification that finds nothing can be trusted to have looked.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from busbar.ledger import entries, settlement
from busbar.ledger.chain import GENESIS, encode, link
from busbar.ledger.entries import Entry
from busbar.ledger.settlement import Sold
from busbar.model.time import HOUR, parse_instant
from busbar.store.sqlite import schema

BEGIN = parse_instant("2027-01-01T00:00:00Z", "begin")
NAMESPACES, VENDORS = 1_000, 100
BATCH = 5_000


def market_entries(postings: int, seed: int) -> Iterator[Entry]:
    """Give the entries of a market until they have so many postings."""
    chance = random.Random(seed)
    for number in range(NAMESPACES):
        yield settlement.top_up(f"team-{number}", 10**15, BEGIN, "first")
    left, contract = postings - 2 * NAMESPACES, 0
    while left > 0:
        contract += 1
        for entry in _contract(chance, contract):
            left -= len(entry.postings)
            yield entry


def _contract(chance: random.Random, number: int) -> Iterator[Entry]:
    namespace, vendor = (
        f"team-{chance.randrange(NAMESPACES)}",
        f"vendor-{chance.randrange(VENDORS)}",
    )
    uid, start = f"00000000-0000-4000-8000-{number:012d}", BEGIN + number * 50
    price, draw = chance.randint(10, 90) * 1_000_000, chance.choice((250, 1000, 4000)) * 1000
    sold = Sold(
        uid, f"pod-{number}", f"Job/job-{number}", vendor, f"{vendor}-standard", 3, "node-17"
    )
    for hour in range(chance.choice((1, 1, 2, 4))):
        begin = start + hour * HOUR
        end = begin + chance.randint(HOUR // 10, HOUR)
        full = settlement.price_of(price, draw, HOUR) + 1
        yield settlement.hold(uid, namespace, full, begin, hour)
        rest = full - settlement.price_of(price, draw, end - begin)
        settled = settlement.settle(
            uid, namespace, vendor, begin, end, price, draw, rest, end, sold=sold
        )
        assert settled.entry is not None
        yield settled.entry


def write_journal(folder: Path, postings: int, seed: int = 1) -> int:
    """Write a database with such a journal; gives how many entries it has."""
    connection = sqlite3.connect(folder / "busbar.db", isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = OFF"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    schema.migrate(connection)
    balances: dict[str, int] = {}
    seq, head = 0, GENESIS
    rows: list[tuple[int, str, bytes, str]] = []
    connection.execute("BEGIN")
    for entry in market_entries(postings, seed):
        seq += 1
        encoded = encode(entry)
        head = link(head, seq, encoded)
        rows.append((seq, entry.id, encoded, head))
        for account, amount in entry.postings:
            balances[account] = balances.get(account, 0) + amount
        if len(rows) == BATCH:
            connection.executemany("INSERT INTO journal VALUES (?,?,?,?)", rows)
            rows.clear()
    connection.executemany("INSERT INTO journal VALUES (?,?,?,?)", rows)
    connection.executemany(
        "INSERT INTO balances VALUES (?,?,?)",
        [(account, n, schema.balance_crc(account, n)) for account, n in balances.items()],
    )
    schema.write_meta(connection, schema.Meta("bench", seq=seq, head=head))
    connection.execute("COMMIT")
    connection.close()
    assert all(n >= 0 for account, n in balances.items() if entries.has_floor(account))
    return seq
