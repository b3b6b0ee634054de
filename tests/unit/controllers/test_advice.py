"""Advice as objects: made with evidence, kept, dismissed, gone; and acted on by who opted in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.controllers.house import House
from tests.unit.controllers.services import deploy, start_all, template

from busbar.advice.board import Seen, SeenPod
from busbar.controllers.advice.controller import ADVICE_KEY, AdviceController
from busbar.controllers.advice.folding import transactions
from busbar.controllers.advice.publishing import keep_ms_of
from busbar.controllers.settings import Settings
from busbar.model.objects import Key, Object, annotate, annotations_of, name_of, spec_of, status_of
from busbar.model.time import DAY, HOUR, MINUTE, parse_instant
from busbar.model.wellknown import ANN_ACT, ANN_ADVISED_FROM, GROUP
from busbar.store.contract import Committed

MIB = 1024**2
ADVICE_MS = 10 * MINUTE


def house(**settings: Any) -> House:
    made = House(advice_ms=ADVICE_MS, **settings)
    made.namespace()
    made.supply()
    made.settle()
    return made


def use(house: House, pod: Object, cpu_milli: int, memory: int, samples: int = 20) -> None:
    """A node has looked at a Pod, and the server sums it up."""
    seen = SeenPod(pod, house.now, {"main": Seen([cpu_milli] * samples, memory)})
    for transaction in transactions(house.store.snapshot_now(), [seen], house.now):
        assert isinstance(house.exchange.commit(transaction), Committed)


def runs_before(
    house: House, name: str = "j", cpu_milli: int = 300, runs: int = 3, gpus: int = 0
) -> None:
    """A Job of this name ran some times, and used little."""
    for _ in range(runs):
        key = house.job(name, resources={"cpu": "2", "memory": "4Gi", "gpus": gpus})
        house.settle()
        pod = house.only_pod()
        house.runs(pod)
        use(house, pod, cpu_milli, 500 * MIB, 100)
        house.ends(house.only_pod())
        house.door.delete(key, house.now)
        house.settle()


def look(house: House, at: int) -> None:
    """Take one look at everything at a time, without living until then."""
    decision = AdviceController(Settings()).reconcile(house.store.snapshot_now(), ADVICE_KEY, at)
    for transaction in decision.transactions:
        assert house.commit(transaction)


def advices(house: House, kind: str = "", resource: str = "advices") -> list[Object]:
    found = house.all(GROUP, resource)
    return [one for one in found if not kind or status_of(one)["type"] == kind]


def only(house: House, kind: str, resource: str = "advices") -> Object:
    (found,) = advices(house, kind, resource)
    return found


# -- what is found ------------------------------------------------------------------------------


def sized_house() -> House:
    made = house()
    runs_before(made)
    made.job("j", resources={"cpu": "2", "memory": "4Gi"})
    made.settle()
    made.runs(made.only_pod())
    made.wait(ADVICE_MS + MINUTE)
    return made


def test_a_job_that_uses_little_is_advised_to_request_less():
    made = sized_house()
    advice = only(made, "RightSize")
    status = status_of(advice)
    assert status["subject"] == {"apiVersion": f"{GROUP}/v1alpha1", "kind": "Job", "name": "j"}
    asked = status["patch"]["spec"]["resources"]
    assert asked == {"cpu": "370m", "memory": "608Mi"}
    assert {"name": "main: memory, peak", "value": "500Mi"} in status["why"]
    hourly = int(status["savingPerHourNano"])
    assert 0 < hourly < 80_000_000
    assert int(status["savingPerMonthNano"]) == hourly * 730
    assert parse_instant(status["expires"], "") > made.now
    assert made.events("RightSize") == [status["what"]]


def test_the_saving_is_what_the_market_charges_less():
    made = sized_house()
    advice = status_of(only(made, "RightSize"))
    saving, better = int(advice["savingPerHourNano"]), advice["patch"]["spec"]["resources"]
    (before,) = [c for c in made.contracts() if status_of(c)["phase"] == "Running"]
    made.job("again", resources=better)
    made.settle()
    (after,) = [c for c in made.contracts() if status_of(c)["phase"] == "Bound"]
    difference = spec_of(before)["drawMicro"] - spec_of(after)["drawMicro"]
    assert saving == pytest.approx(difference * 40, abs=100)  # At 0.04 €/DTU.


def test_less_cpu_saves_nothing_where_the_gpus_draw_more():
    made = House(advice_ms=ADVICE_MS)
    made.namespace()
    made.supply(gpus=2, product="Tesla-T4")
    wanted = {"cpu": "2", "memory": "4Gi", "gpus": 1}
    runs_before(made, gpus=1)
    made.job("j", resources=wanted)
    made.settle()
    made.runs(made.only_pod())
    made.wait(ADVICE_MS + MINUTE)
    assert advices(made, "RightSize") == []


def test_gpus_of_a_heavier_class_are_no_cheaper_place():
    made = House(advice_ms=ADVICE_MS)
    made.namespace()
    made.supply(gpus=2, product="Tesla-T4")
    made.job("j", resources={"gpus": 1}, restrictions={"region": "Sweden"})
    made.settle()
    made.runs(made.only_pod())
    made.supply("big", "heavy", "0.01", "Germany", gpus=2, product="NVIDIA-H100-PCIe")
    made.wait(ADVICE_MS + MINUTE)
    assert advices(made, "CheaperPlace") == []
    made.supply("same", "light", "0.01", "Germany", gpus=2, product="Tesla-T4")
    made.door.delete(Key("", "nodes", "", "big"), made.now)
    made.wait(ADVICE_MS + MINUTE)
    assert "light in Germany" in status_of(only(made, "CheaperPlace"))["what"]


def test_what_ran_out_of_memory_at_once_is_advised_to_request_more():
    made = house()
    made.job("j", resources={"cpu": "1", "memory": "1Gi"})
    made.settle()
    made.runs(made.only_pod())
    made.ends(made.only_pod(), 137, "OOMKilled")
    look(made, made.now)
    status = status_of(only(made, "RightSize"))
    assert status["patch"] == {"spec": {"resources": {"cpu": "1000m", "memory": "1536Mi"}}}
    assert "ran out of memory" in status["what"]
    assert {"name": "main: ended", "value": "OOMKilled"} in status["why"]


def test_nothing_is_said_of_what_is_hardly_known():
    made = house()
    runs_before(made, runs=2)
    made.job("j", resources={"cpu": "2", "memory": "4Gi"})
    made.wait(ADVICE_MS + MINUTE)
    assert [status_of(a) for a in advices(made, "RightSize")] == []


def test_looking_again_writes_nothing_new():
    made = sized_house()
    before = only(made, "RightSize")
    made.wait(2 * ADVICE_MS)
    assert only(made, "RightSize") == before


def test_a_cheaper_vendor_is_named_with_the_restriction_that_keeps_it_out():
    made = house()
    made.supply("h1", "hansecloud", "0.01", "Germany")
    made.job("j", restrictions={"region": "Sweden"}, expectedDuration="5h")
    made.settle()
    made.runs(made.only_pod())
    made.wait(ADVICE_MS + MINUTE)
    status = status_of(only(made, "CheaperPlace"))
    assert "hansecloud in Germany" in status["what"]
    assert "region" in status["what"]
    assert int(status["savingPerHourNano"]) == 30_000_000  # One DTU an hour.


def test_what_does_nothing_is_told_so():
    made = house()
    made.job("j", resources={"cpu": "2", "memory": "4Gi"}, expectedDuration="1d")
    made.settle()
    made.runs(made.only_pod())
    for _ in range(8 * 12):
        made.wait(5 * MINUTE)
        use(made, made.only_pod(), 2, 100 * MIB)
    status = status_of(only(made, "Idle"))
    assert int(status["savingPerHourNano"]) == 2 * 40_000_000
    assert status["command"] == "kubectl -n xyz delete jobs.busbar.dev j"


def test_a_vendor_is_told_of_nodes_that_nobody_buys_and_what_others_got():
    made = house()
    made.supply("d1", "dearcloud", "0.9", "Sweden")
    for n in range(3):
        made.job(f"j{n}")
        made.settle()
        made.runs(made.only_pod())
        made.ends(made.only_pod())
        made.door.delete(Key(GROUP, "jobs", "xyz", f"j{n}"), made.now)
        made.settle()
    look(made, made.now + DAY + HOUR)
    advice = only(made, "Unsold", "vendoradvices")
    assert spec_of(advice)["vendor"] == "dearcloud"
    assert status_of(advice)["patch"] == {"spec": {"pricePerDTU": "0.04"}}


def bought(house: House, hour: int, draw_micro: int) -> None:
    """A contract of one hour that was delivered whole, long settled."""
    start, end = hour * HOUR, (hour + 1) * HOUR
    slot = {"startMs": start, "endMs": end, "priceNano": 40_000_000}
    spec = {"node": "n1", "drawMicro": draw_micro, "slots": [slot], "order": {"name": "p"}}
    status = {"phase": "Closed", "startedMs": start, "finishedMs": end, "settledUntilMs": end}
    house.make(GROUP, "contracts", "xyz", f"c{hour}-{draw_micro}", spec=spec, status=status)


def test_an_unusual_hour_of_spending_is_an_alert_with_its_evidence():
    made = house()
    last = made.now // HOUR - 1
    for hour in range(last - 15 * 24, last + 1):
        bought(made, hour, 1_000_000)
    at = (last + 1) * HOUR + 20 * MINUTE
    look(made, at)
    assert advices(made, "UnusualSpending") == []
    bought(made, last, 4_000_000)
    look(made, at)
    status = status_of(only(made, "UnusualSpending"))
    named = {entry["name"]: entry["value"] for entry in status["why"]}
    assert named["value"] == "0.2 €"
    assert named["expected"] == "0.04 €"
    assert named["usual range"] == "0 to 0.09 €"
    assert named["window"] == "28 days, 10 hours like it"
    assert made.events("UnusualSpending") == [status["what"]]


# -- how long it stands -------------------------------------------------------------------------


def test_advice_that_no_longer_holds_expires():
    made = sized_house()
    made.door.delete(Key(GROUP, "jobs", "xyz", "j"), made.now)
    made.wait(keep_ms_of(ADVICE_MS) + 2 * ADVICE_MS)
    assert advices(made) == []


def test_what_is_dismissed_stays_dismissed_while_it_is_so():
    made = sized_house()
    key = Key(GROUP, "advices", "xyz", name_of(only(made, "RightSize")))
    assert made.door.change(key, lambda obj: {**obj, "spec": {"dismissed": True}})
    made.wait(3 * keep_ms_of(ADVICE_MS))
    assert spec_of(only(made, "RightSize")) == {"dismissed": True}


def test_a_namespace_that_goes_takes_its_advice_along():
    made = sized_house()
    made.door.delete(Key("", "namespaces", "", "xyz"), made.now)
    made.settle()
    made.ends(made.only_pod())
    made.wait(5 * MINUTE)
    assert made.door.get(Key("", "namespaces", "", "xyz")) is None
    assert advices(made) == made.all(GROUP, "useprofiles") == []


def test_a_profile_that_nobody_adds_to_goes_after_four_weeks():
    made = sized_house()
    made.door.delete(Key(GROUP, "jobs", "xyz", "j"), made.now)
    look(made, made.now + 28 * DAY)
    assert made.all(GROUP, "useprofiles")
    look(made, made.now + 30 * DAY)
    assert made.all(GROUP, "useprofiles") == []


# -- acting -------------------------------------------------------------------------------------


def opted_in(act: str = "RightSize", **notes: str) -> dict[str, Any]:
    return {"meta": {"annotations": {ANN_ACT: act, **notes}}}


def next_run(house: House, **more: Any) -> Object:
    spec = {"image": "work", "resources": {"cpu": "2", "memory": "4Gi"}}
    key = house.make(GROUP, "jobs", "xyz", "j", spec=spec, **more)
    house.settle()
    return house.get(key)


def requested(house: House) -> dict[str, str]:
    found: dict[str, str] = spec_of(house.only_pod())["containers"][0]["resources"]["requests"]
    return found


def test_nothing_is_done_for_who_did_not_opt_in():
    made = house()
    runs_before(made)
    job = next_run(made)
    assert spec_of(job)["resources"] == {"cpu": "2", "memory": "4Gi"}
    made.wait(2 * ADVICE_MS)
    assert made.events("AdviceApplied") == []


@pytest.mark.parametrize("by", ["workload", "namespace"])
def test_the_next_run_is_smaller_by_at_most_half(by):
    made = house()
    runs_before(made)
    more = opted_in() if by == "workload" else {}
    if by == "namespace":
        home = Key("", "namespaces", "", "xyz")
        note = {"annotations": {ANN_ACT: "RightSize"}}
        made.door.change(home, lambda obj: {**obj, "metadata": {**obj["metadata"], **note}})
    job = next_run(made, **more)
    assert requested(made) == {"cpu": "1000m", "memory": "2048Mi"}
    before = json.loads(annotations_of(job)[ANN_ADVISED_FROM])["before"]
    assert before == {"spec": {"resources": {"cpu": "2", "memory": "4Gi"}}}
    assert job["metadata"]["generation"] == 2
    (said,) = made.events("AdviceApplied")
    assert "busbar advice revert -n xyz Job j" in said


def test_none_on_a_workload_keeps_it_out():
    made = house()
    runs_before(made)
    home = Key("", "namespaces", "", "xyz")
    note = {"annotations": {ANN_ACT: "RightSize"}}
    made.door.change(home, lambda obj: {**obj, "metadata": {**obj["metadata"], **note}})
    next_run(made, **opted_in("none"))
    assert requested(made) == {"cpu": "2", "memory": "4Gi"}


def test_nothing_ever_grows_by_itself():
    made = house()
    runs_before(made, cpu_milli=1900)
    house_of_more = next_run(made, **opted_in())
    assert requested(made)["cpu"] == "2" or requested(made)["cpu"] == "2000m"
    assert spec_of(house_of_more)["resources"]["memory"] in ("4Gi", "2048Mi")


def test_who_then_runs_out_of_memory_gets_back_what_it_had_and_is_left_alone():
    made = house()
    runs_before(made)
    next_run(made, **opted_in())
    pod = made.only_pod()
    made.runs(pod)
    made.ends(pod, 137, "OOMKilled")
    key = Key(GROUP, "jobs", "xyz", "j")
    assert spec_of(made.get(key))["resources"] == {"cpu": "2", "memory": "4Gi"}
    assert annotations_of(made.get(key)) == {ANN_ACT: "none"}
    assert made.events("AdviceReverted")
    assert made.status(key)["phase"] != "Failed"
    living = [p for p in made.pods() if status_of(p)["phase"] == "Pending"]
    (again,) = living
    assert spec_of(again)["containers"][0]["resources"]["requests"]["memory"] == "4Gi"


def waiting_house(gang: dict[str, Any] | None = None, **more: Any) -> House:
    """A Job waits for its slot, in an hour whose deadline is just before the cheap night."""
    made = House(advice_ms=ADVICE_MS)
    made.namespace()
    rules = [{"from": "22:00", "until": "06:00", "pricePerDTU": "0.01"}]
    rules.append({"from": "18:00", "until": "22:00", "pricePerDTU": "0.03"})
    made.supply(price="0.04", calendar={"timeZone": "UTC", "rules": rules})
    made.settle()
    spec = {
        "image": "work",
        "resources": {"cpu": "1", "memory": "2Gi"},
        "mayWait": True,
        "notAfter": "2026-11-23T21:30:00Z",
        "expectedDuration": "1h",
        **({"gang": gang} if gang else {}),
    }
    made.make(GROUP, "jobs", "xyz", "waits", spec=spec, **more)
    made.settle()
    assert status_of(made.only_contract())["phase"] == "Reserved"
    made.wait(ADVICE_MS + MINUTE)
    return made


def test_a_deadline_that_costs_more_than_it_is_worth():
    made = waiting_house()
    status = status_of(only(made, "LaterDeadline"))
    assert status["patch"] == {"spec": {"notAfter": "2026-11-23T23:30:00Z"}}
    assert int(status["savingPerHourNano"]) == 20_000_000
    assert status["release"] == name_of(made.only_pod())


def test_a_deadline_is_moved_for_who_opted_in_and_the_cheaper_slot_taken():
    made = waiting_house(**opted_in("LaterDeadline"))
    job = made.get(Key(GROUP, "jobs", "xyz", "waits"))
    assert spec_of(job)["notAfter"] == "2026-11-23T23:30:00Z"
    made.wait(MINUTE)
    (contract,) = [c for c in made.contracts() if status_of(c)["phase"] == "Reserved"]
    assert {slot["priceNano"] for slot in spec_of(contract)["slots"]} == {10_000_000}
    assert len(made.pods()) == 1


def test_a_deadline_is_moved_no_further_than_was_allowed():
    made = waiting_house(**opted_in("LaterDeadline", **{"busbar.dev/advice-delay-max": "1h"}))
    job = made.get(Key(GROUP, "jobs", "xyz", "waits"))
    assert spec_of(job)["notAfter"] == "2026-11-23T21:30:00Z"
    assert made.events("AdviceApplied") == []


# -- services -----------------------------------------------------------------------------------


def served(act: str = "") -> tuple[House, Key]:
    """A service whose Pods were looked at for more than a day, and used little."""
    made = House(advice_ms=ADVICE_MS)
    made.namespace()
    made.supply(cpu="64")
    container = {
        "name": "main",
        "image": "web:1",
        "resources": {
            "requests": {"cpu": "2", "memory": "4Gi"},
            "limits": {"cpu": "2", "memory": "8Gi"},
        },
    }
    whole = template()
    whole["spec"]["containers"] = [container]
    meta = {"annotations": {ANN_ACT: act}} if act else {}
    key = deploy(made, meta=meta, template=whole)
    start_all(made)
    pod = made.pods()[0]
    for at in range(0, 26 * HOUR, HOUR):
        seen = SeenPod(pod, made.now - 26 * HOUR + at, {"main": Seen([300] * 64, 500 * MIB)})
        for transaction in transactions(made.store.snapshot_now(), [seen], made.now):
            assert made.commit(transaction)
    return made, key


def test_a_service_is_one_workload_whatever_its_pods_are_called():
    made, _ = served()
    (profile,) = made.all(GROUP, "useprofiles")
    assert status_of(profile)["subject"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "web",
    }
    look(made, made.now)
    status = status_of(only(made, "RightSize"))
    (patched,) = status["patch"]["spec"]["template"]["spec"]["containers"]
    assert patched["resources"]["requests"] == {"cpu": "370m", "memory": "608Mi"}
    assert patched["resources"]["limits"] == {"cpu": "370m", "memory": "8Gi"}
    assert patched["image"] == "web:1"
    # Both Pods shrink; each bought as much of cpu as of memory: two DTU an hour, now 0.37.
    assert int(status["savingPerHourNano"]) == pytest.approx(2 * 1.63 * 40_000_000, abs=10)


def test_the_template_of_a_service_that_opted_in_shrinks_by_half_once_a_day():
    made, key = served("RightSize")
    look(made, made.now)
    deployment = made.get(key)
    (container,) = spec_of(deployment)["template"]["spec"]["containers"]
    assert container["resources"]["requests"] == {"cpu": "1000m", "memory": "2048Mi"}
    assert deployment["metadata"]["generation"] == 2
    look(made, made.now + HOUR)
    assert made.get(key) == deployment
    before = json.loads(annotations_of(deployment)[ANN_ADVISED_FROM])["before"]
    (kept,) = before["spec"]["template"]["spec"]["containers"]
    assert kept["resources"]["requests"] == {"cpu": "2", "memory": "4Gi"}


def test_what_was_dismissed_is_not_acted_on():
    made, key = served()
    look(made, made.now)
    name = name_of(only(made, "RightSize"))
    made.door.change(
        Key(GROUP, "advices", "xyz", name), lambda o: {**o, "spec": {"dismissed": True}}
    )
    made.door.change(key, lambda o: annotate(o, {ANN_ACT: "RightSize"}))
    before = spec_of(made.get(key))
    look(made, made.now + MINUTE)
    assert spec_of(made.get(key)) == before


def test_who_is_in_a_gang_is_not_asked_to_wait_or_move():
    made = waiting_house(gang={"name": "g", "size": 1})
    assert advices(made, "LaterDeadline") == []
