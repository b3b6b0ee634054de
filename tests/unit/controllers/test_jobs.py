"""Jobs of busbar.dev: from the manifest to a Pod, and back to the Job's status."""

from __future__ import annotations

from tests.unit.controllers.house import House

from busbar.model.objects import Key, condition, name_of, spec_of
from busbar.model.time import HOUR, MINUTE, SECOND, slot_of
from busbar.model.wellknown import GROUP

MANIFEST = {
    "image": "apache/spark",
    "maxEuroPerDTU": 50,
    "scriptPath": "/myjobs/spark/script.py",
    "env": {"INPUT": "/myjobs/data"},
    "restrictions": {"region": "Sweden", "vendor": ["elastx", "safespring"]},
}


def open_house(**settings) -> House:
    house = House(**settings)
    house.namespace()
    house.supply()
    return house


def test_a_job_becomes_a_pod_with_its_buckets_and_market_terms():
    house = open_house()
    job = house.job(**MANIFEST, notAfter=house.at(2 * HOUR), buckets=["more"])
    house.settle()
    pod = house.only_pod()
    container = spec_of(pod)["containers"][0]
    assert container["env"] == [{"name": "INPUT", "value": "/myjobs/data"}]
    assert container["resources"]["requests"] == container["resources"]["limits"]
    assert [m["mountPath"] for m in container["volumeMounts"]] == ["/myjobs", "/more"]
    assert spec_of(pod)["volumes"][0]["csi"] == {
        "driver": "bucket.busbar.dev",
        "volumeAttributes": {"bucket": "myjobs"},
    }
    notes = pod["metadata"]["annotations"]
    assert notes["busbar.dev/max-euro-per-dtu"] == "50"
    assert notes["busbar.dev/region"] == "Sweden"
    assert notes["busbar.dev/vendor"] == "elastx,safespring"
    assert notes["busbar.dev/script"] == "/myjobs/spark/script.py"
    assert pod["metadata"]["ownerReferences"][0]["name"] == "j"
    assert spec_of(pod)["restartPolicy"] == "Never"
    assert house.status(job)["pod"] == name_of(pod)


def test_a_job_with_notbefore_has_its_slot_at_once_and_starts_with_it_not_before():
    house = open_house()
    job = house.job(notBefore=house.at(90 * MINUTE), expectedDuration="1h")
    house.settle()
    contract = house.only_contract()
    starts = spec_of(contract)["slots"][0]["startMs"]
    assert starts == slot_of(house.now + 90 * MINUTE).end
    assert (house.status(job)["phase"], house.status(job)["reason"]) == ("Waiting", "Reserved")
    house.wait(starts - house.now - MINUTE)
    assert not spec_of(house.only_pod()).get("nodeName")
    house.wait(2 * MINUTE)
    assert spec_of(house.only_pod())["nodeName"] == "n1"


def test_the_disk_that_a_job_reserves_is_on_its_contract():
    house = House()
    house.namespace()
    house.supply(disk="50Gi")
    house.job(resources={"cpu": "1", "memory": "2Gi", "ephemeralStorage": "20Gi"})
    house.settle()
    container = spec_of(house.only_pod())["containers"][0]
    assert container["resources"]["requests"]["ephemeral-storage"] == "20Gi"
    assert spec_of(house.only_contract())["ephemeralBytes"] == 20 * 1024**3


def test_restrictions_reach_the_pod_in_their_normal_form():
    house = open_house()
    house.job(restrictions={"region": "Sweden", "anyOf": [{"disk": "ssd"}, {"disk": "nvme"}]})
    house.settle()
    notes = house.only_pod()["metadata"]["annotations"]
    assert notes["busbar.dev/region"] == "Sweden"
    assert notes["busbar.dev/restrictions"] == '{"attribute":"disk","in":["nvme","ssd"]}'


def test_a_job_that_tolerates_a_taint_runs_on_the_nodes_that_have_it():
    house = open_house()
    taint = {"key": "dedicated", "value": "batch", "effect": "NoSchedule"}
    key = Key("", "nodes", "", "n1")
    assert house.door.change(key, lambda o: {**o, "spec": {**spec_of(o), "taints": [taint]}})
    plain = house.job("plain")
    same = {"key": "dedicated", "value": "batch"}
    hardy = house.job("hardy", tolerations=[same, {"operator": "Exists", "effect": "NoExecute"}])
    house.settle()
    assert house.status(plain)["reason"] == "TaintNotTolerated"
    assert house.status(hardy)["node"] == "n1"
    (pod,) = (pod for pod in house.pods() if spec_of(pod).get("nodeName"))
    assert spec_of(pod)["tolerations"] == [same, {"operator": "Exists", "effect": "NoExecute"}]


def test_a_contract_names_its_order_and_whose_it_is_by_uid():
    house = open_house()
    job = house.get(house.job())
    house.settle()
    order = spec_of(house.only_contract())["order"]
    assert order["uid"] == house.only_pod()["metadata"]["uid"]
    assert (order["ownerName"], order["ownerUid"]) == ("j", job["metadata"]["uid"])


def test_a_deadline_in_the_past_expires_the_job_at_once_and_names_the_field():
    house = open_house()
    job = house.job(**MANIFEST, notAfter="2025-03-25T08:25:58Z")
    house.settle()
    status = house.status(job)
    assert status["phase"] == "Expired"
    assert "notAfter 2025-03-25T08:25:58Z has passed" in status["message"]
    assert house.pods() == []
    assert house.contracts() == []


def test_an_order_that_nobody_meets_shows_why_and_the_funnel():
    house = open_house()
    job = house.job(restrictions={"region": "Norway"})
    house.settle()
    status = house.status(job)
    assert status["phase"] == "Pending"
    assert status["reason"] == "RegionNotAllowed"
    assert status["funnel"]
    assert house.events("FailedScheduling")


def test_an_invalid_spec_fails_with_the_fields_path():
    house = open_house()
    job = house.job(scriptPath="script.py")
    house.settle()
    status = house.status(job)
    assert (status["phase"], status["reason"]) == ("Failed", "InvalidSpec")
    assert "spec.scriptPath" in status["message"]


def test_a_job_runs_succeeds_and_shows_vendor_price_and_cost():
    house = open_house()
    job = house.job()
    house.settle()
    assert house.status(job)["reason"] == "Starting"
    pod = house.only_pod()
    house.runs(pod)
    assert house.status(job)["phase"] == "Running"
    house.wait(15 * MINUTE)
    house.ends(pod)
    status = house.status(job)
    assert status["phase"] == "Succeeded"
    assert status["vendor"] == "elastx"
    assert status["pricePerDTU"] == "0.04"
    assert status["cost"] == "0.01"
    assert status["exitCode"] == 0
    assert (condition(house.get(job), "Complete") or {})["status"] == "True"
    assert house.held() == 0


def test_a_failure_carries_the_agents_reason_and_the_exit_code():
    house = open_house()
    job = house.job()
    house.settle()
    house.ends(house.only_pod(), code=3)
    status = house.status(job)
    assert (status["phase"], status["reason"], status["exitCode"]) == ("Failed", "ExitCode", 3)
    assert (condition(house.get(job), "Failed") or {})["status"] == "True"


def test_a_reason_of_the_agent_is_passed_through():
    house = open_house()
    job = house.job()
    house.settle()
    house.ends(house.only_pod(), reason="ScriptNotFound", message="no key spark/script.py")
    status = house.status(job)
    assert status["reason"] == "ScriptNotFound"
    assert status["message"] == "no key spark/script.py"
    assert status["cost"] == "0"


def test_a_failure_is_retried_after_a_pause_up_to_the_backoff_limit():
    house = open_house()
    job = house.job(backoffLimit=1)
    house.settle()
    first = house.only_pod()
    house.runs(first)
    house.ends(first, code=1)
    assert house.status(job)["reason"] == "BackOff"
    house.wait(12 * SECOND)
    assert len(house.pods()) == 2
    second = next(p for p in house.pods() if name_of(p) == house.status(job)["pod"])
    house.runs(second)
    house.ends(second, code=1)
    status = house.status(job)
    assert (status["phase"], status["failures"]) == ("Failed", 2)


def test_a_lost_node_moves_the_job_away_from_it():
    house = open_house()
    house.supply("n2")
    job = house.job()
    house.settle()
    pod = house.only_pod()
    house.runs(pod)
    lost = spec_of(house.only_pod())["nodeName"]
    house.alive.discard(lost)
    house.wait(30 * SECOND)
    status = house.status(job)
    assert status["node"] not in ("", lost)
    fresh = next(p for p in house.pods() if name_of(p) == status["pod"])
    assert fresh["metadata"]["annotations"]["busbar.dev/avoid-nodes"] == lost
    assert status["failures"] == 0


def test_a_job_that_keeps_losing_nodes_fails_after_a_bound():
    house = open_house(losses_max=1)
    job = house.job()
    for _ in range(2):
        house.settle()
        pod = next(p for p in house.pods() if name_of(p) == house.status(job)["pod"])
        house.wait(6 * MINUTE)
        house.ends(pod, reason="LeaseLost", message="cut off")
    status = house.status(job)
    assert (status["phase"], status["reason"]) == ("Failed", "NodeLost")


def test_a_deadline_that_passes_stops_the_pod_and_bills_until_then():
    house = open_house()
    job = house.job(notAfter=house.at(10 * MINUTE))
    house.settle()
    pod = house.only_pod()
    house.runs(pod)
    house.wait(10 * MINUTE)
    assert house.status(job)["phase"] == "Expired"
    assert house.only_pod()["metadata"]["deletionTimestamp"]
    house.ends(pod, reason="Deleted", message="the Pod was deleted")
    assert house.pods() == []
    assert house.only_contract()["status"]["reason"] == "Expired"
    assert house.held() == 0


def test_a_pod_deleted_by_a_user_is_made_again():
    house = open_house()
    job = house.job()
    house.settle()
    pod = house.only_pod()
    house.door.delete(Key("", "pods", "xyz", name_of(pod)), house.now)
    house.ends(pod, reason="Deleted", message="the Pod was deleted")
    assert name_of(house.only_pod()) != name_of(pod)
    assert house.status(job)["phase"] == "Pending"
    assert [c["status"]["phase"] for c in house.contracts()].count("Closed") == 1


def test_a_finished_job_is_removed_after_its_ttl_with_its_pods():
    house = open_house()
    job = house.job(ttlSecondsAfterFinished=30)
    house.settle()
    house.ends(house.only_pod())
    house.wait(31 * SECOND)
    assert house.door.get(job) is None
    assert house.pods() == []
    assert house.only_contract()["status"]["phase"] == "Closed"


def test_a_job_that_may_wait_is_reserved_in_the_cheapest_slot_and_bound_when_it_begins():
    house = House()
    house.namespace()
    rules = [{"from": "13:00", "until": "14:00", "pricePerDTU": "0.01"}]
    house.supply(calendar={"timeZone": "UTC", "rules": rules})
    job = house.job(mayWait=True, notAfter=house.at(5 * HOUR), expectedDuration="30m")
    house.settle()
    assert house.status(job)["phase"] == "Waiting"
    assert "nodeName" not in spec_of(house.only_pod())
    assert house.held() == 5_000_000
    house.wait(40 * MINUTE)
    assert house.only_contract()["status"]["phase"] == "Bound"
    assert spec_of(house.only_pod())["nodeName"] == "n1"
    assert house.status(job)["pricePerDTU"] == "0.01"


def test_the_job_collection_of_the_kubernetes_batch_group_is_left_alone():
    house = open_house()
    house.job()
    house.settle()
    assert house.all("batch", "jobs") == []
    assert [name_of(job) for job in house.all(GROUP, "jobs")] == ["j"]
