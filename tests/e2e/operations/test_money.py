"""Money entered by an operator, read by a member, and by other people's programs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from beancount import loader
from tests.e2e.cloud.conftest import Cloud


def test_credits_and_corrections_are_read_alike_by_everybody(cloud: Cloud, tmp_path: Path) -> None:
    cloud.kubectl("create", "namespace", "books")
    for _ in range(2):
        cloud.busbar("account", "-n", "books", "--top-up", "50", "--key", "march")
    given = cloud.busbar(
        *("account", "credit", "5", "-n", "books", "--reason", "late start", "--key", "k"),
        *("-o", "json"),
    )
    seq = str(json.loads(given.stdout)["seq"])
    cloud.busbar("account", "correct", seq, "--refund", "2", "--reason", "too much", "--key", "c")
    member = tmp_path / "member"
    cloud.busbar("token", "--member", "books", "--write", str(member))
    as_member = ("--kubeconfig", str(member))
    rows = list(
        csv.DictReader(
            io.StringIO(cloud.busbar(*as_member, "ledger", "usage", "-n", "books").stdout)
        )
    )
    assert [(row["ChargeCategory"], row["BilledCost"]) for row in rows] == [
        ("Credit", "-5.000000000"),
        ("Adjustment", "2.000000000"),
    ]
    refused = cloud.busbar(*as_member, "ledger", "usage", code=5)
    assert "only an operator may read the whole journal" in refused.stderr
    refused = cloud.busbar(
        *as_member, "account", "credit", "5", "-n", "books", "--reason", "please", code=5
    )
    assert "only an operator" in refused.stderr
    exported = cloud.busbar("ledger", "export").stdout
    _, errors, _ = loader.load_string(exported)
    assert errors == []
    assert "balance Liabilities:Consumers:Books:Available  -53.000000000 ~ 0 EUR" in exported


def test_a_month_that_has_not_ended_is_not_closed(cloud: Cloud) -> None:
    refused = cloud.busbar("ledger", "close", "2999-01", code=5)
    assert "has not ended" in refused.stderr
    cloud.busbar("ledger", "close", "2020-01")
    assert "2020-01" in cloud.busbar("ledger", "close").stdout
    assert "the ledger holds" in cloud.busbar("verify-ledger").stdout
