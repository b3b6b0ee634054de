"""What binds a vendor after it has edited its offer."""

from __future__ import annotations

from busbar.market.agreed import (
    REMEMBERED_MAX,
    Terms,
    better,
    binding,
    longer,
    remembered,
    stated,
)
from busbar.market.calendar import Calendar, Piece, Rule
from busbar.model.time import HOUR, MINUTE

EVENINGS = Calendar(4, "UTC", (Rule(frozenset(range(7)), 18 * 60, 20 * 60, None),))


def spec(price: str = "0.04", **more) -> dict:
    return {"vendor": "elastx", "pricePerDTU": price, **more}


def offer(*versions: tuple[int, dict]) -> dict:
    """An Offer whose versions were seen at these times."""
    obj: dict = {}
    for since, said in versions:
        obj = {**obj, "spec": said}
        obj = {**obj, "status": {"terms": remembered(obj, since)}}
    return obj


def binds(obj: dict, at: int, notice: int = HOUR, not_before: int = 0) -> int | None:
    """The price in nano-euro that binds, of a contract made at 5 under the first version."""
    agreed = stated(spec(), 5)
    found = binding(agreed, obj, notice, not_before, at)
    return None if found is None else found.calendar.base_nano


def test_an_edit_binds_once_the_notice_has_passed_since_it_was_seen():
    edited = offer((1, spec()), (100, spec("0.05")))
    assert binds(edited, 100 + HOUR - 1) == 40_000_000
    assert binds(edited, 100 + HOUR) == 50_000_000


def test_the_latest_of_several_edits_whose_notice_has_passed_binds():
    edited = offer((1, spec()), (100, spec("0.05")), (200, spec("0.06")))
    assert binds(edited, 150 + HOUR) == 50_000_000
    assert binds(edited, 200 + HOUR) == 60_000_000


def test_an_edit_that_nobody_has_seen_yet_binds_nobody():
    assert binds({**offer((1, spec())), "spec": spec("9")}, 100 * HOUR) == 40_000_000


def test_no_edit_binds_before_the_minimum_term_is_over():
    edited = offer((1, spec()), (100, spec("0.05")))
    assert binds(edited, 2 * HOUR, not_before=3 * HOUR) == 40_000_000
    assert binds(edited, 3 * HOUR, not_before=3 * HOUR) == 50_000_000


def test_without_a_notice_only_what_the_offer_says_now_counts():
    assert binds(offer((1, spec()), (100, spec("0.05"))), 50, notice=0) is None
    assert binding(None, offer((1, spec())), HOUR, 0, 50) is None


def test_an_offer_made_anew_under_its_name_is_an_edit_like_others():
    again = offer((300, spec("0.09")))
    assert binds(again, 300 + HOUR - 1) == 40_000_000
    assert binds(again, 300 + HOUR) == 90_000_000


def test_what_is_stated_is_read_back_whole():
    said = spec(calendar={"timeZone": "UTC"}, refuses={"longerThan": "2h", "images": ["x"]})
    found = binding(stated(said, 5), {}, HOUR, 0, 6)
    assert found == Terms("elastx", Calendar(40_000_000, "UTC"), 2 * HOUR)


def test_nothing_is_remembered_of_edits_that_change_no_terms():
    same = offer((1, spec()), (2, spec(paused=True)), (3, spec(nodeSelector={"a": "b"})))
    assert [entry["sinceMs"] for entry in same["status"]["terms"]] == [1]


def test_of_too_many_versions_the_one_replaced_soonest_is_forgotten():
    times = [n * HOUR for n in range(REMEMBERED_MAX)]
    times.insert(5, 4 * HOUR + MINUTE)
    crowded = offer(*((at, spec(f"0.{at // MINUTE + 1:06d}")) for at in times))
    kept = [entry["sinceMs"] for entry in crowded["status"]["terms"]]
    assert len(kept) == REMEMBERED_MAX
    assert (kept[0], kept[-1]) == (times[0], times[-1])
    assert 4 * HOUR not in kept or 4 * HOUR + MINUTE not in kept


def test_of_two_calendars_the_lower_open_ask_counts_at_each_instant():
    cheap_mornings = Calendar(9, "UTC", (Rule(frozenset(range(7)), 0, 17 * 60, 3),))
    found = better((EVENINGS, cheap_mornings), 16 * HOUR + MINUTE, 19 * HOUR)
    assert found == [
        Piece(16 * HOUR + MINUTE, 17 * HOUR, 3),
        Piece(17 * HOUR, 18 * HOUR, 4),
        Piece(18 * HOUR, 19 * HOUR, 9),
    ]


def test_closed_in_both_is_closed():
    assert better((EVENINGS, Calendar(None)), 18 * HOUR, 19 * HOUR) == [
        Piece(18 * HOUR, 19 * HOUR, None)
    ]


def test_the_longer_of_two_longest_runs_counts():
    assert longer((HOUR, 2 * HOUR)) == 2 * HOUR
    assert longer((HOUR, None)) is None
