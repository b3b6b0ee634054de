"""Ledger, statements and papers, as typed: what is asked of the cloud and what is shown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.unit.cli.fakes import FakeCloud, Json, Result
from tests.unit.documents.journals import everything

from busbar.cli.errors import Exit
from busbar.store.contract import Transaction
from busbar.store.sqlite import SqliteStore

Busbar = Callable[..., Result]
ENTRIES = "/money/v1/entries"


@pytest.fixture
def journal(cloud: FakeCloud) -> None:
    lines = (msgspec.json.encode(sealed) + b"\n" for sealed in everything())
    cloud.logs[ENTRIES] = b"".join(lines)
    cloud.objects["/money/v1/closings"] = {"closed": ["2026-11"]}


@pytest.fixture
def paid(cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Json]]:
    """What was posted; the cloud enters all of it."""
    asked: list[tuple[str, Json]] = []

    def enter(method: str, path: str, body: Json) -> tuple[int, bytes]:
        asked.append((path.removeprefix("/money/v1/"), body))
        postings = [{"account": "exchange/credits", "euro": "-2"}]
        entry = {"seq": 9, "id": "credit/xyz/k", "repeated": False, "postings": postings}
        return 200, json.dumps(entry).encode()

    monkeypatch.setattr(cloud, "_write", enter)
    return asked


def test_usage_is_csv_of_the_namespace_and_period_asked_for(
    busbar: Busbar, cloud: FakeCloud, journal: None
) -> None:
    result = busbar("ledger", "usage", "-n", "team-a", "--from", "2026-11", "--to", "2026-12-01")
    rows = list(csv.DictReader(io.StringIO(result.out, newline="")))
    assert (result.code, len(rows), rows[0]["BilledCost"]) == (0, 5, "0.499999999")
    _, target, _ = cloud.requests[-1]
    assert target == f"{ENTRIES}?namespace=team-a&from=1793491200000&to=1796083200000"


def test_usage_goes_into_a_file_as_parquet(busbar: Busbar, journal: None, tmp_path: Path) -> None:
    file = tmp_path / "usage.parquet"
    result = busbar("ledger", "usage", "--format", "parquet", "-f", file)
    assert (result.code, result.err) == (0, f"6 rows in {file}\n")
    assert file.read_bytes()[:4] == b"PAR1"


@pytest.mark.parametrize(
    "period", [("--from", "yesterday"), ("--from", "2026-12", "--to", "2026-11")]
)
def test_a_period_that_is_none_is_refused(busbar: Busbar, period: tuple[str, ...]) -> None:
    result = busbar("ledger", "usage", *period)
    assert result.code == Exit.USAGE
    assert result.err.startswith("busbar: --")


def test_an_answer_cut_short_leaves_no_file(
    busbar: Busbar, cloud: FakeCloud, journal: None, tmp_path: Path
) -> None:
    cloud.logs[ENTRIES] = cloud.logs[ENTRIES][:-20]
    file = tmp_path / "usage.csv"
    result = busbar("ledger", "usage", "-f", file)
    assert (result.code, file.exists()) == (Exit.NOT_RUNNING, False)
    assert "ended early" in result.err


async def _fill(path: Path) -> None:
    store = SqliteStore.open(path)
    for sealed in everything():
        await store.commit(Transaction((), (sealed.entry,)))
    await store.close()


def test_the_journal_is_exported_from_the_data_directory(busbar: Busbar, data: Path) -> None:
    import asyncio

    from tests.unit.documents.test_beancount import counted

    asyncio.run(_fill(data / "store"))
    result = busbar("ledger", "export", "--format", "beancount")
    assert result.code == 0
    assert counted(result.out)["Expenses:Credits"] == 3 * 10**9


def test_exporting_what_is_not_there_is_said(busbar: Busbar) -> None:
    result = busbar("ledger", "export")
    assert result.code == Exit.NOT_FOUND
    assert "there is no store" in result.err


def test_a_credit_names_its_reason_and_key(busbar: Busbar, paid: list[tuple[str, Json]]) -> None:
    result = busbar("account", "credit", "2", "--reason", "late start", "--key", "k")
    assert result.code == 0
    assert paid == [
        (
            "credits",
            {"namespace": "xyz", "euro": "2", "reason": "late start", "idempotencyKey": "k"},
        )
    ]
    assert busbar("account", "credit", "2").code == Exit.USAGE


def test_a_correction_refunds_all_or_a_part_or_charges(
    busbar: Busbar, paid: list[tuple[str, Json]]
) -> None:
    common = ("account", "correct", "4", "--reason", "wrong", "--key", "k")
    busbar(*common)
    busbar(*common, "--refund", "0.5")
    busbar(*common, "--charge", "0.5")
    said = {"seq": 4, "reason": "wrong", "idempotencyKey": "k"}
    assert [body for _, body in paid] == [
        said,
        {**said, "euro": "0.5"},
        {**said, "euro": "0.5", "direction": "charge"},
    ]
    assert busbar(*common, "--refund", "1", "--charge", "1").code == Exit.USAGE


def test_vendors_are_paid_and_bonds_changed(busbar: Busbar, paid: list[tuple[str, Json]]) -> None:
    busbar("vendor", "payout", "elastx", "--key", "nov")
    busbar("vendor", "bond", "elastx", "--deposit", "5", "--key", "b")
    assert paid == [
        ("payouts", {"vendor": "elastx", "idempotencyKey": "nov"}),
        (
            "bonds",
            {"vendor": "elastx", "euro": "5", "direction": "deposit", "idempotencyKey": "b"},
        ),
    ]
    assert busbar("vendor", "bond", "elastx").code == Exit.USAGE


def test_a_statement_runs_from_balance_to_balance(busbar: Busbar, journal: None) -> None:
    result = busbar("account", "statement", "--month", "2026-11", "-n", "team-a", "-o", "json")
    told = json.loads(result.out)
    assert (told["opening"], told["closing"]) == ("0", "102.496100307")
    assert told["lines"][-1]["balance"] == told["closing"]
    table = busbar("account", "statement", "--month", "2026-12", "-n", "team-a").out
    assert "Correction: measured wrongly" in table
    assert "Opening balance" in table
    vendor = busbar("vendor", "statement", "elastx", "--month", "2026-11", "-o", "json")
    assert json.loads(vendor.out)["vendor"] == "elastx"
    bond = busbar("vendor", "statement", "elastx", "--bond", "--month", "2026-11", "-o", "json")
    kinds = [line["kind"] for line in json.loads(bond.out)["lines"]]
    assert "slash" in kinds
    assert "settle" not in kinds


@pytest.fixture
def papers(tmp_path: Path) -> tuple[str, ...]:
    for name, country in (("exchange", "SE"), ("other", "DE")):
        party = {"name": name, "country": country, "vatId": f"{country}123456789"}
        (tmp_path / f"{name}.json").write_text(json.dumps(party))
    files = (str(tmp_path / "exchange.json"), "--party", str(tmp_path / "other.json"))
    return ("--month", "2026-11", "--exchange", *files, "--to", str(tmp_path / "out"))


def test_an_invoice_of_a_closed_month_is_written(
    busbar: Busbar, journal: None, papers: tuple[str, ...], tmp_path: Path
) -> None:
    result = busbar("account", "invoice", "-n", "team-a", *papers, "-o", "json")
    told = json.loads(result.out)
    assert (told["net"], told["vat"], told["toPay"]) == ("2.50", "0.00", "0.00")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["team-a-2026-11.pdf", "team-a-2026-11.xml"]
    note = busbar("vendor", "note", "elastx", *papers)
    assert note.code == 0
    assert "elastx-2026-11" in note.out


def test_an_open_month_has_no_invoice(
    busbar: Busbar, cloud: FakeCloud, journal: None, papers: tuple[str, ...]
) -> None:
    cloud.objects["/money/v1/closings"] = {"closed": []}
    result = busbar("account", "invoice", "-n", "team-a", *papers)
    assert result.code == Exit.REFUSED
    assert "busbar ledger close 2026-11" in result.err


def test_a_party_that_is_none_is_refused_by_its_file(
    busbar: Busbar, journal: None, papers: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "other.json").write_text('{"name": "x", "country": "Sweden"}')
    result = busbar("account", "invoice", "-n", "team-a", *papers)
    assert result.code == Exit.USAGE
    assert "other.json" in result.err


def test_account_and_vendor_still_work_without_a_command(busbar: Busbar, cloud: FakeCloud) -> None:
    cloud.add("/apis/busbar.dev/v1alpha1/vendors/elastx", spec={"country": "SE"})
    assert "elastx" in busbar("vendor").out
    assert "SE" in busbar("vendor", "elastx").out
    assert busbar("vendor", "elastx", "--country", "de").code == 0
    assert busbar("account", "--top-up", "5", "statement", "--month", "2026-11").code == Exit.USAGE
