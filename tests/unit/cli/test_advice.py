"""`busbar advice`: read, done, dismissed, taken back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.cli.conftest import Busbar
from tests.unit.cli.fakes import BUSBAR, FakeCloud

HOME = f"{BUSBAR}/namespaces/xyz"
JOB = {"apiVersion": "busbar.dev/v1alpha1", "kind": "Job", "name": "j"}
SMALLER = {"spec": {"resources": {"cpu": "370m", "memory": "608Mi"}}}


def advise(cloud: FakeCloud, name: str = "right-size-j", **status: Any) -> None:
    said = {
        "type": "RightSize",
        "subject": JOB,
        "what": "Request less.",
        "why": [{"name": "samples", "value": "300 in 3 runs"}],
        "savingPerHourNano": "65200000",
        "saving": "47.60",
        "since": "2026-11-23T12:00:00Z",
        "command": "in the manifest, request less",
        "patch": SMALLER,
        **status,
    }
    cloud.add(f"{HOME}/advices/{name}", spec={}, status=said)


def test_the_list_has_what_saves_most_first(cloud: FakeCloud, busbar: Busbar) -> None:
    advise(cloud, "little", savingPerHourNano="1")
    advise(cloud, "much")
    done = busbar("advice", "-n", "xyz")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == ["NAME", "much", "little"]
    assert busbar("advice").out == busbar("-n", "xyz", "advice", "list").out


def test_what_is_dismissed_is_shown_when_asked_for(cloud: FakeCloud, busbar: Busbar) -> None:
    advise(cloud)
    assert busbar("advice", "dismiss", "right-size-j").code == 0
    assert cloud.objects[f"{HOME}/advices/right-size-j"]["spec"] == {"dismissed": True}
    empty = busbar("advice", "-o", "json")
    assert json.loads(empty.out) == []
    assert len(json.loads(busbar("advice", "--dismissed", "-o", "json").out)) == 1


def test_no_advice_is_said(busbar: Busbar) -> None:
    assert "nothing is known to be better" in busbar("advice").err


def test_one_is_shown_with_its_evidence(cloud: FakeCloud, busbar: Busbar) -> None:
    advise(cloud)
    shown = busbar("advice", "show", "right-size-j").out
    assert "300 in 3 runs" in shown
    assert "busbar advice apply right-size-j" in shown


def test_applying_patches_what_it_is_about(cloud: FakeCloud, busbar: Busbar) -> None:
    advise(cloud)
    cloud.add(f"{HOME}/jobs/j", spec={"image": "i"})
    assert json.loads(busbar("advice", "apply", "right-size-j", "--dry-run").out) == SMALLER
    assert not [r for r in cloud.requests if r[0] == "PATCH"]
    assert busbar("advice", "apply", "right-size-j").code == 0
    assert ("PATCH", f"{HOME}/jobs/j", SMALLER) in cloud.requests


def test_a_slot_that_is_to_be_given_up_is(cloud: FakeCloud, busbar: Busbar) -> None:
    advise(cloud, release="j-abc")
    cloud.add(f"{HOME}/jobs/j")
    busbar("advice", "apply", "right-size-j")
    assert cloud.requests[-1][:2] == ("DELETE", "/api/v1/namespaces/xyz/pods/j-abc")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("apply", "nosuch"), 4, "there is no advice nosuch in namespace xyz"),
        (("dismiss", "nosuch"), 4, "there is no advice nosuch in namespace xyz"),
        (("show", "nosuch", "--vendor"), 4, "there is no advice nosuch for vendors"),
        (("apply", "alert"), 5, "this cannot be done by a patch; look"),
        (("revert", "Job", "j"), 4, "nothing was done by itself to Job j in namespace xyz"),
        (("revert", "Nonsense", "j"), 2, "Nonsense is no kind of workload"),
        (("revert", "Job", "odd"), 5, "of Job odd cannot be read; change it back by hand"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    cloud: FakeCloud, busbar: Busbar, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    advise(cloud, "alert", patch=None, command="look")
    cloud.add(f"{HOME}/jobs/odd", metadata={"annotations": {"busbar.dev/advised-from": "{"}})
    done = busbar("advice", *arguments)
    assert done.code == code
    assert sentence in done.err
    assert done.err.count("\n") == 1


def test_reverting_gives_back_what_was_and_keeps_it_so(cloud: FakeCloud, busbar: Busbar) -> None:
    before = {"spec": {"resources": {"cpu": "2", "memory": "4Gi"}}}
    note = json.dumps({"type": "RightSize", "at": "2026-11-23T12:00:00Z", "before": before})
    cloud.add(f"{HOME}/jobs/j", metadata={"annotations": {"busbar.dev/advised-from": note}})
    assert busbar("advice", "revert", "Job", "j").code == 0
    notes = {"busbar.dev/advised-from": None, "busbar.dev/act-on-advice": "none"}
    body = {**before, "metadata": {"annotations": notes}}
    assert ("PATCH", f"{HOME}/jobs/j", body) in cloud.requests


def test_a_vendors_advice_is_elsewhere(cloud: FakeCloud, busbar: Busbar) -> None:
    offer = {"apiVersion": "busbar.dev/v1alpha1", "kind": "Offer", "name": "o"}
    patch = {"spec": {"pricePerDTU": "0.03"}}
    cloud.add(f"{BUSBAR}/vendoradvices/unsold-o", status={"subject": offer, "patch": patch})
    cloud.add(f"{BUSBAR}/offers/o")
    assert "unsold-o" in busbar("advice", "--vendor").out
    busbar("advice", "apply", "unsold-o", "--vendor")
    assert ("PATCH", f"{BUSBAR}/offers/o", patch) in cloud.requests
