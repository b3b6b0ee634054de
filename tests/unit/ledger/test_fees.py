"""Fees: by day, namespace, vendor and volume; the most specific schedule counts."""

from __future__ import annotations

import pytest

from busbar.ledger.fees import Fee, fee_for
from busbar.model.errors import InvalidField
from busbar.model.fees import parse_percent, parse_schedule
from busbar.model.time import DAY, parse_instant

NOW = parse_instant("2026-12-01T00:00:00Z", "")
EURO = 10**9


def schedule(name="s", since="2026-11-01T00:00:00Z", percent="2", generation=3, **spec):
    meta = {"name": name, "generation": generation}
    return parse_schedule({"metadata": meta, "spec": {"from": since, "percent": percent, **spec}})


def fee(*schedules, namespace="xyz", vendor="elastx", volume=0, now=NOW) -> Fee:
    return fee_for(schedules, namespace, vendor, volume, now, 20_000)


def test_without_a_schedule_the_default_holds():
    assert fee() == Fee(20_000)


def test_a_schedule_holds_from_its_day_until_its_end():
    one = schedule(percent="1", until="2026-12-31T00:00:00Z")
    assert fee(one) == Fee(10_000, "s/3")
    assert fee(one, now=one.start - 1).ppm == 20_000
    assert fee(one, now=one.start).ppm == 10_000
    assert fee(one, now=NOW + 30 * DAY).ppm == 20_000


def test_the_latest_that_has_begun_holds():
    first, second = schedule("a", percent="1"), schedule("b", "2026-11-15T00:00:00Z", "3")
    assert fee(first, second).schedule == "b/3"
    assert fee(second, first, now=second.start - 1).schedule == "a/3"


def test_a_namespaces_own_goes_before_a_vendors_and_that_before_all():
    everybody = schedule("all", "2026-11-30T00:00:00Z")
    vendors = schedule("vendor", vendors=["elastx"])
    own = schedule("own", namespaces=["xyz"])
    assert fee(everybody, vendors, own).schedule == "own/3"
    assert fee(everybody, vendors, own, namespace="other").schedule == "vendor/3"
    assert fee(everybody, vendors, own, namespace="other", vendor="v").schedule == "all/3"


@pytest.mark.parametrize(("euro", "ppm"), [(0, 20_000), (99, 20_000), (100, 15_000), (5000, 5_000)])
def test_a_volume_lowers_the_fee(euro, ppm):
    tiers = [{"above": "100", "percent": "1.5"}, {"above": 1000, "percent": "0.5"}]
    assert fee(schedule(tiers=tiers), volume=euro * EURO).ppm == ppm


@pytest.mark.parametrize("value", ["50.0001", "1.00005", "-1", "NaN", "1e400", None, "two"])
def test_what_is_no_percentage_is_refused_with_its_path(value):
    with pytest.raises(InvalidField, match=r"spec\.percent"):
        parse_percent(value, "spec.percent")


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"until": "2026-10-01T00:00:00Z"}, r"spec\.until"),
        ({"tiers": [{"above": "0", "percent": "1"}]}, r"spec\.tiers\[0\]\.above"),
        (
            {"tiers": [{"above": "5", "percent": "1"}, {"above": "5", "percent": "1"}]},
            r"spec\.tiers\[1\]\.above",
        ),
        ({"tiers": [{"above": "5", "percent": "60"}]}, r"spec\.tiers\[0\]\.percent"),
    ],
)
def test_what_cannot_be_a_schedule_is_refused_with_its_path(spec, path):
    with pytest.raises(InvalidField, match=path):
        schedule(**spec)
