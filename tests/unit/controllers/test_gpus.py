"""GPUs from the manifest to the bill: what a class weighs is on the contract, and stays there."""

from __future__ import annotations

from typing import Any

from tests.unit.controllers.house import House
from tests.unit.controllers.services import deploy, start_all, template
from tests.unit.controllers.test_moves import live_on, moved, nodes
from tests.unit.controllers.test_procurement import procure

from busbar.controllers.settings import Settings
from busbar.model.dtu import MICRO
from busbar.model.gpus import read_gpu_classes
from busbar.model.objects import Key, annotations_of, name_of, spec_of, status_of
from busbar.model.time import HOUR, MINUTE
from busbar.model.wellknown import ANN_CONTRACT, GROUP
from busbar.simulator.exchange import Exchange


def open_house(product: str = "Tesla-T4", gpus: int = 8, **settings: Any) -> House:
    house = House(**settings)
    house.namespace(euro=1000)
    house.supply(cpu="64", gpus=gpus, product=product)
    return house


def served(gpus: int = 1) -> dict[str, Any]:
    made = template()
    resources = made["spec"]["containers"][0]["resources"]
    resources["requests"]["nvidia.com/gpu"] = str(gpus)
    return made


def test_a_job_asks_for_gpus_of_a_class_and_is_billed_what_they_draw():
    house = open_house()
    house.supply("n2", "heavy", price="0.01", gpus=8, product="NVIDIA-A100-SXM4-40GB")
    wanted = {"cpu": "1", "memory": "2Gi", "gpus": 2}
    house.job(resources=wanted, restrictions={"allOf": [{"gpuClass": "T4"}]})
    house.settle()
    container = spec_of(house.only_pod())["containers"][0]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "2"
    spec = spec_of(house.only_contract())
    assert (spec["node"], spec["gpus"], spec["drawMicro"]) == ("n1", 2, 16 * MICRO)
    house.runs(house.only_pod())
    house.wait(30 * MINUTE)
    house.ends(house.only_pod())
    house.settle()
    billed = status_of(house.only_contract())["billedNano"]
    assert 315_000_000 < int(billed) <= 325_000_000, "half an hour of 16 DTU/h at 0.04 €"


def test_a_weight_that_changes_leaves_contracts_as_they_were():
    house = open_house()
    house.job("before", resources={"gpus": 1})
    house.settle()
    house.runs(house.only_pod())
    house.exchange.stop()
    heavier = Settings(gpus=read_gpu_classes({"T4": 20}, ""))
    house.exchange = house.door.exchange = Exchange(house.world, house.store, heavier)
    house.exchange.start()
    house.wait(2 * HOUR)
    house.job("after", resources={"gpus": 1})
    house.settle()
    before, after = sorted(house.contracts(), key=lambda c: spec_of(c)["slots"][0]["startMs"])
    assert len(spec_of(before)["slots"]) > 2, "it has rolled since"
    assert spec_of(before)["drawMicro"] == 8 * MICRO
    assert spec_of(after)["drawMicro"] == 20 * MICRO


def test_a_pod_that_draws_on_held_gpus_draws_what_they_weigh():
    house = open_house()
    procure(house, resources={"cpu": "2", "memory": "4Gi", "gpus": 1})
    house.job(resources={"cpu": "1", "memory": "1Gi", "gpus": 1})
    house.settle()
    name = annotations_of(house.only_pod())[ANN_CONTRACT]
    contract = house.get(Key(GROUP, "contracts", "xyz", name))
    assert spec_of(contract)["drawMicro"] == 8 * MICRO
    assert spec_of(contract)["slots"][0]["priceNano"] == 0


def test_parts_of_held_gpus_are_sold_again_at_their_weight():
    house = open_house(gpus=1)
    unit = {"cpu": "60", "memory": "8Gi", "gpus": 1}
    procure(house, resources=unit, block="4h", horizon="4h", term="4h", sellAbove="0.01")
    house.namespace("abc")
    container = {"name": "c", "image": "i", "resources": {"requests": {"nvidia.com/gpu": "1"}}}
    spec = {"containers": [container], "restartPolicy": "Never"}
    house.make("", "pods", "abc", "p", spec=spec, status={"phase": "Pending"})
    house.settle()
    (bought,) = [c for c in house.contracts() if c["metadata"]["namespace"] == "abc"]
    assert spec_of(bought)["drawMicro"] == 8 * MICRO


def test_a_service_does_not_move_to_gpus_of_another_class_however_cheap_they_are():
    house = open_house()
    deploy(house, template=served())
    start_all(house)
    house.supply("n2", "heavy", price="0.01", cpu="64", gpus=8, product="NVIDIA-A100-SXM4-40GB")
    house.wait(HOUR)
    live_on(house, 30 * MINUTE)
    assert (nodes(house), moved(house)) == (["n1", "n1"], [])


def test_it_does_to_gpus_of_its_class():
    house = open_house()
    deploy(house, template=served())
    start_all(house)
    house.supply("n2", "cheap", price="0.01", cpu="64", gpus=8, product="Tesla-T4")
    house.wait(HOUR)
    live_on(house, 30 * MINUTE)
    assert nodes(house) == ["n2", "n2"]


def test_who_asks_for_gpus_that_nobody_has_is_told_so():
    house = open_house(product="", gpus=0)
    job = house.job(resources={"gpus": 1})
    house.settle()
    status = house.status(job)
    assert status["reason"] == "NotEnoughGpu"
    assert "1 without enough GPUs (1 requested)" in status["message"]
    assert name_of(house.only_pod()) == status["pod"]
