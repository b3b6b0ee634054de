"""docs/advice.md says what is so."""

from __future__ import annotations

from pathlib import Path

from busbar.advice import idle, places, profile, sizing, unusual
from busbar.advice.finding import ABOUT, AdviceType
from busbar.apis.kubernetes.admission.reading import ADVICE_ACTS
from busbar.controllers.advice.acting import ACTING, NONE

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "advice.md").read_text()


def test_every_type_is_documented_and_no_other():
    rows = [line.split("|")[1:3] for line in PAGE.splitlines() if line.startswith("| `")]
    assert [cells[0].strip(" `") for cells in rows] == [kind.value for kind in AdviceType]
    for (_, about), kind in zip(rows, AdviceType, strict=True):
        assert about.strip().startswith(ABOUT[kind])


def test_what_may_be_done_by_itself_is_what_the_door_lets_be_written():
    assert (*(kind.value for kind in ACTING), NONE) == ADVICE_ACTS
    done = [line for line in PAGE.splitlines() if line.startswith("| `") and "| no |" not in line]
    assert [line.split("`")[1] for line in done] == [kind.value for kind in ACTING]


def test_the_numbers_are_those_of_the_code():
    for said in (
        f"the {profile.PERCENT}th percentile, with {sizing.CPU_HEADROOM_PERCENT} % head-room",
        f"with {sizing.MEMORY_HEADROOM_PERCENT} %, at least 64 MiB",
        f"an hour of looks ({sizing.SAMPLES_MIN})",
        f"further away than {unusual.LIMIT} robust standard deviations",
        f"all but one in {unusual.RARE} hours",
        f"less than {idle.CPU_PERCENT} % of the cpu",
        ", ".join(map(str, places.LATER_HOURS[:-1])),
    ):
        assert said in PAGE, said
