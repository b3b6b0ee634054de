"""Clearings of a large market, worked out again from the public record: door and commands."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.unit.cli.fakes import BUSBAR, FakeCloud, Result
from tests.unit.controllers.house import House
from tests.unit.server.market_world import MEMBER, call, knows, questions_of

from busbar.controllers.recording import cursor
from busbar.model.objects import Key, name_of
from busbar.model.wellknown import GROUP
from busbar.server.market.app import create_app
from busbar.store.contract import Put, Transaction

Busbar = Callable[..., Result]
NODES = 2_010
"""More than the object of a clearing holds."""


class Exchange:
    """A house behind the market's door, where the command line finds it."""

    def __init__(self, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self.house = House(record_weight_max=6_000)
        self.house.supply()
        self.house.namespace()
        node = self.house.all("", "nodes")[0]
        for number in range(NODES):
            name = f"m{number}"
            meta = {**node["metadata"], "name": name, "uid": name}
            put = Put(Key("", "nodes", "", name), {**node, "metadata": meta})
            self.house.store.commit_now(Transaction((put,)))
        self.app = create_app(questions_of(self.house), self.house.store, knows(MEMBER))
        self._cloud = cloud
        self._answer = cloud.answer
        self.changed: dict[str, bytes | None] = {}
        monkeypatch.setattr(cloud, "answer", self.answer)

    def answer(self, method: str, target: str, raw: str | None) -> tuple[int, bytes]:
        parts = urlsplit(target)
        name = parts.path.rpartition("/")[2]
        if not parts.path.startswith("/market/"):
            return self._answer(method, target, raw)
        if name in self.changed:
            body = self.changed[name]
            return (404, b"{}") if body is None else (200, body)
        found = call(self.app, method, parts.path, query=parts.query.encode())
        return found.status, found.body

    def clear(self, count: int = 1) -> list[str]:
        """Have clearings, and show them as the Kubernetes door does."""
        for _ in range(count):
            self.house.pod(f"p{len(self.house.pods())}")
            self.house.settle()
        found = self.house.all(GROUP, "clearings")
        for one in found:
            name = name_of(one)
            self._cloud.add(f"{BUSBAR}/clearings/{name}", status=dict(one["status"]))
        return [name_of(one) for one in found]

    def edit(self, name: str, change: Callable[[dict[str, Any]], object]) -> None:
        """Serve another record than the one that was written."""
        body = self.house.store.record_now(name)
        assert body is not None
        said = json.loads(body)
        change(said)
        self.changed[name] = gzip.compress(json.dumps(said).encode())


@pytest.fixture
def exchange(cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> Exchange:
    monkeypatch.setattr(cursor, "STRETCH_MIN", 6_000)
    monkeypatch.setattr(cursor, "FIRST_LAP", 1)
    monkeypatch.setattr(cursor, "WHOLE_MAX", 0)
    return Exchange(cloud, monkeypatch)


def test_clearings_of_a_large_market_are_replayed_from_their_records(
    busbar: Busbar, exchange: Exchange
) -> None:
    first, second, third = exchange.clear(3)
    status = exchange.house.status(Key(GROUP, "clearings", "", first))
    assert status["omitted"]
    assert status["supply"] == [] if "supply" in status else True
    found = busbar("market", "replay")
    assert found.code == 0, found.out
    for name in (first, second, third):
        assert f"{name}  1        0          agrees" in found.out
    assert "3 of 3 clearings follow from their books" in found.err
    assert "records were read" in found.err


def test_a_clearing_lately_after_a_start_cannot_be_replayed_yet(
    busbar: Busbar, exchange: Exchange
) -> None:
    (name,) = exchange.clear()
    found = busbar("market", "replay")
    assert found.code == 0
    assert f"{name}  0        0          cannot be replayed yet" in found.out
    assert "its book has not been shown whole by the records up to now" in found.out
    assert "1 cannot be replayed yet" in found.err


def test_a_record_that_was_changed_is_found(busbar: Busbar, exchange: Exchange) -> None:
    _, second, third = exchange.clear(3)
    exchange.edit(second, lambda said: said["clearing"].update(seed=1))
    found = busbar("market", "replay", third)
    assert found.code == 1
    assert "THE RECORD DOES NOT HOLD" in found.out
    assert f"the record {second} is not the one that {third} follows" in found.out
    exchange.changed.clear()
    exchange.edit(third, lambda said: said["clearing"].update(seed=1))
    found = busbar("market", "replay", third)
    assert found.code == 1
    assert "the clearing pins the SHA-256" in found.out


def test_a_byte_that_was_changed_is_found(busbar: Busbar, exchange: Exchange) -> None:
    *_, third = exchange.clear(3)
    packed = bytearray(call(exchange.app, "GET", f"/market/v1/records/{third}").body)
    packed[len(packed) // 2] ^= 1
    exchange.changed[third] = bytes(packed)
    found = busbar("market", "replay", third)
    assert found.code == 1
    assert f"the record {third} cannot be unpacked" in found.out


def test_a_record_that_is_missing_is_named(busbar: Busbar, exchange: Exchange) -> None:
    _, second, third = exchange.clear(3)
    exchange.changed[second] = None
    found = busbar("market", "replay", third)
    assert found.code == 1
    assert f"the record {second} is missing" in found.out


def test_a_clearing_that_says_other_than_its_record_is_found(
    busbar: Busbar, exchange: Exchange, cloud: FakeCloud
) -> None:
    *_, third = exchange.clear(3)
    cloud.objects[f"{BUSBAR}/clearings/{third}"]["status"]["matched"] = 2
    found = busbar("market", "replay", third)
    assert found.code == 1
    assert "the clearing and its record have different matched" in found.out


def test_a_wrong_match_in_the_record_is_found(
    busbar: Busbar, exchange: Exchange, cloud: FakeCloud
) -> None:
    *_, third = exchange.clear(3)
    del cloud.objects[f"{BUSBAR}/clearings/{third}"]
    price = {"priceNano": 1}
    exchange.edit(third, lambda s: s["clearing"]["matches"][0]["segments"][0].update(price))
    found = busbar("market", "replay", third)
    assert found.code == 1
    assert "DISAGREES" in found.out
    assert "pays 0.000000001 €/DTU; by the rule 0.04 €/DTU" in found.out


def test_the_record_is_taken_along_and_replayed_without_a_cloud(
    busbar: Busbar, exchange: Exchange, cloud: FakeCloud, tmp_path: Path
) -> None:
    folder = tmp_path / "taken"
    names = exchange.clear(2)
    found = busbar("market", "record", "--save", folder)
    digest = exchange.house.status(Key(GROUP, "clearings", "", names[-1]))["digest"]
    said = f"2 records saved, 2 in all; the last is {names[-1]}, SHA-256 {digest}\n"
    assert (found.code, found.out) == (0, said)
    names = exchange.clear(2)
    assert "2 records saved, 4 in all" in busbar("market", "record", "--save", folder).out
    assert "0 records saved, 4 in all" in busbar("market", "record", "--save", folder).out
    cloud.requests.clear()
    found = busbar("market", "replay", "--from", folder)
    assert (found.code, cloud.requests) == (0, [])
    assert "4 of 4 clearings follow from their books" in found.err
    assert gzip.decompress((folder / f"{names[0]}.json.gz").read_bytes()).startswith(b'{"format":1')
    (folder / f"{names[2]}.json.gz").unlink()
    found = busbar("market", "replay", "--from", folder, names[3])
    assert found.code == 1
    assert f"the record {names[2]} is missing" in found.out


def test_what_is_no_folder_of_records_is_said(busbar: Busbar, tmp_path: Path) -> None:
    found = busbar("market", "replay", "--from", tmp_path)
    assert found.code == 2
    assert "fill a folder with --save" in found.err
    (tmp_path / "index.json").write_text('{"records": ["../x"]}')
    found = busbar("market", "replay", "--from", tmp_path)
    assert found.code == 2
    assert "is not the index of saved records" in found.err
    assert busbar("market", "replay", "--from", tmp_path, "-f", tmp_path).code == 2


def test_a_cloud_without_clearings_has_no_record(
    busbar: Busbar, exchange: Exchange, tmp_path: Path
) -> None:
    found = busbar("market", "record", "--save", tmp_path / "x")
    assert found.out == "no clearing has been recorded yet\n"
