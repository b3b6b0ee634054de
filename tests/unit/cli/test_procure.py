"""`busbar procure`: standing orders made, changed, shown and stopped."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.unit.cli.fakes import BUSBAR, FakeCloud, Result

Busbar = Callable[..., Result]
WEB = f"{BUSBAR}/namespaces/xyz/procurements/web"
CONTRACT = f"{BUSBAR}/namespaces/xyz/contracts/web-1"


def test_it_is_made_from_options(busbar: Busbar, cloud: FakeCloud) -> None:
    result = busbar("procure", "web", "--units", "2", "--cpu", "1", "--region", "Sweden")
    assert result.code == 0, result.err
    method, _, body = next(r for r in cloud.requests if r[0] == "POST")
    assert method == "POST"
    assert body["spec"] == {
        "units": 2,
        "resources": {"cpu": "1"},
        "restrictions": {"region": ["Sweden"]},
    }


def test_one_that_is_there_is_changed_where_something_is_stated(
    busbar: Busbar, cloud: FakeCloud
) -> None:
    cloud.add(WEB, spec={"units": 2, "block": "4h"}, status={})
    assert busbar("procure", "web", "--max-euro-per-dtu", "0.05").code == 0
    changed = [r for r in cloud.requests if r[0] == "PATCH"]
    assert [body for _, _, body in changed] == [{"spec": {"maxEuroPerDTU": "0.05"}}]


def test_what_makes_no_sense_is_refused_before_it_is_sent(busbar: Busbar, cloud: FakeCloud) -> None:
    cloud.add(WEB, spec={"block": "4h"}, status={})
    result = busbar("procure", "web", "--horizon", "2h")
    assert result.code == 2
    assert "spec.block" in result.err
    assert not [r for r in cloud.requests if r[0] == "PATCH"]


def test_its_hours_are_shown_with_place_and_price(busbar: Busbar, cloud: FakeCloud) -> None:
    cloud.add(WEB, spec={}, status={"phase": "Filling", "message": "0.05 is above the cap"})
    cloud.add(
        CONTRACT,
        spec={
            "procurement": "web",
            "vendor": "elastx",
            "node": "n1",
            "cpuMilli": 1000,
            "memoryBytes": 2**30,
            "slots": [{"startMs": 0, "endMs": 3_600_000, "priceNano": 40_000_000}],
        },
        status={"phase": "Held"},
    )
    table = busbar("procure", "web")
    assert "1970-01-01T00:00:00Z" in table.out
    assert "0.04" in table.out
    assert "above the cap" in table.err
    document = json.loads(busbar("procure", "web", "-o", "json").out)
    assert len(document["contracts"]) == 1


def test_the_list_says_what_is_missing(busbar: Busbar, cloud: FakeCloud) -> None:
    cloud.add(WEB, spec={}, status={"phase": "Waiting", "missing": 4, "reason": "PriceAboveCap"})
    out = busbar("procure").out
    assert "web" in out
    assert "PriceAboveCap" in out


def test_stopping_deletes_the_wish_and_not_what_was_bought(
    busbar: Busbar, cloud: FakeCloud
) -> None:
    cloud.add(WEB, spec={}, status={})
    assert busbar("procure", "web", "--stop").code == 0
    assert [r[1] for r in cloud.requests if r[0] == "DELETE"] == [WEB]


def test_options_without_a_name_are_refused(busbar: Busbar) -> None:
    assert busbar("procure", "--units", "2").code == 2
