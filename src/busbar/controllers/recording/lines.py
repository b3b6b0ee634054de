"""A book as lines: what each table holds, and how a change of the book becomes changes of lines.

Rows, vendors and holdings are read again only where the book has others than before; rows that are
the same objects are passed over. Next: `cursor.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from busbar.controllers.recording.tables import Numbered, Promised, Table
from busbar.market.book import Book
from busbar.market.choices import holding_to_json
from busbar.market.dealings import Holding
from busbar.market.offers import Supply
from busbar.market.publish import node_to_json, offer_to_json, terms_of_sale

TABLES: Final = ("offers", "nodes", "vendors", "holdings", "commitments")
WEIGHTS: Final = (8, 8, 1, 4, 1)
"""What a line of each table counts: about its length, in lengths of a commitment."""
_Row = tuple[int, Supply]
"""A row, and the number of the offer that it is under."""


class Lines:
    """Follows a book; `take` it first, then ask the tables."""

    def __init__(self, book: Book) -> None:
        self._offers: Table[Supply] = Table(offer_to_json)
        self._nodes: Table[_Row] = Table(_node)
        self._vendors: Table[str] = Table(str)
        self._holdings: Table[Holding] = Table(holding_to_json)
        self._promised = Promised(book.occupancy)
        self._rows: tuple[Supply, ...] = ()
        self._row_numbers: dict[tuple[str, str], int] = {}
        self._terms: dict[tuple[object, ...], tuple[int, int]] = {}
        self._known: frozenset[str] = frozenset()
        self._vendor_numbers: dict[str, int] = {}
        self._held: tuple[Holding, ...] = ()
        self._holding_numbers: dict[Holding, list[int]] = {}

    @property
    def tables(self) -> tuple[Numbered, ...]:
        """Give all tables, in the order of `TABLES`."""
        return self._offers, self._nodes, self._vendors, self._holdings, self._promised

    def follows(self, book: Book) -> bool:
        """Say whether every change up to this book is known."""
        return book.occupancy is self._promised.occupancy and self._promised.is_followed

    def take(self, book: Book) -> None:
        """Take in what is other in a book than in the one before."""
        if book.supplies is not self._rows:
            self._take_rows(book.supplies)
        if book.vendors is not self._known:
            self._take_vendors(book.vendors)
        if book.holdings is not self._held:
            self._take_holdings(book.holdings)

    def _take_rows(self, rows: tuple[Supply, ...]) -> None:
        known, nodes = self._row_numbers, self._nodes
        for row in rows:
            number = known.get((row.node, row.offer))
            if number is None:
                known[row.node, row.offer] = nodes.add((self._put_under(row), row))
                continue
            under, before = nodes.get(number)
            if before is row:
                continue
            if before == row:
                nodes.replace(number, (under, row))
                continue
            offer = self._put_under(row)
            self._take_from(before)
            nodes.put(number, (offer, row))
        if len(known) > len(rows):
            there = {(row.node, row.offer) for row in rows}
            for name in [name for name in known if name not in there]:
                number = known.pop(name)
                self._take_from(nodes.get(number)[1])
                nodes.put(number, None)
        self._rows = rows

    def _put_under(self, row: Supply) -> int:
        """Count a row under its offer, and give the offer's number."""
        terms = terms_of_sale(row)
        number, count = self._terms.get(terms) or (self._offers.add(row), 0)
        self._terms[terms] = number, count + 1
        return number

    def _take_from(self, row: Supply) -> None:
        terms = terms_of_sale(row)
        number, count = self._terms[terms]
        if count > 1:
            self._terms[terms] = number, count - 1
        else:
            del self._terms[terms]
            self._offers.put(number, None)

    def _take_vendors(self, vendors: frozenset[str]) -> None:
        numbers = self._vendor_numbers
        for name in sorted(numbers.keys() - vendors):
            self._vendors.put(numbers.pop(name), None)
        for name in sorted(vendors - numbers.keys()):
            numbers[name] = self._vendors.add(name)
        self._known = vendors

    def _take_holdings(self, holdings: tuple[Holding, ...]) -> None:
        wanted: Mapping[Holding, int] = Counter(holdings)
        numbers = self._holding_numbers
        for gone in [one for one in numbers if len(numbers[one]) > wanted.get(one, 0)]:
            there = numbers[gone]
            while len(there) > wanted.get(gone, 0):
                self._holdings.put(there.pop(), None)
            if not there:
                del numbers[gone]
        for one, count in wanted.items():
            there = numbers.setdefault(one, [])
            while len(there) < count:
                there.append(self._holdings.add(one))
        self._held = holdings


def _node(row: _Row) -> dict[str, object]:
    under, supply = row
    return {"under": under, **node_to_json(supply)}
