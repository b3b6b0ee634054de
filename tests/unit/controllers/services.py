"""Services for controller tests: Deployments, and agents that start their Pods."""

from __future__ import annotations

from typing import Any

from tests.unit.controllers.house import House

from busbar.controllers.parts.pods import is_final, node_of
from busbar.model.objects import Key, Object, condition, is_deleting, name_of, spec_of
from busbar.model.time import SECOND, format_instant


def open_house(**settings: Any) -> House:
    house = House(**settings)
    house.namespace()
    house.supply(cpu="64")
    return house


def template(image: str = "web:1", cpu: str = "250m", **notes: str) -> dict[str, Any]:
    container = {"name": "c", "image": image, "resources": {"requests": {"cpu": cpu}}}
    return {
        "metadata": {"labels": {"app": "web"}, **({"annotations": notes} if notes else {})},
        "spec": {"containers": [container], "restartPolicy": "Always"},
    }


def deploy(house: House, name: str = "web", meta: dict[str, Any] | None = None, **spec: Any) -> Key:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    whole = {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": template(),
        "strategy": rolling,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        **spec,
    }
    key = house.make("apps", "deployments", "xyz", name, meta=meta, spec=whole)
    house.settle()
    return key


def edit(house: House, key: Key, **spec: Any) -> None:
    assert house.door.change(key, lambda obj: {**obj, "spec": {**spec_of(obj), **spec}})
    house.settle()


def live(house: House) -> list[Object]:
    return [p for p in house.pods() if not is_final(p) and not is_deleting(p)]


def start_all(house: House) -> None:
    """Let agents start what is bound, and end what shall end, until nothing changes."""
    for _ in range(20):
        before = house.store.snapshot_now().revision
        for pod in house.pods():
            if is_deleting(pod) and node_of(pod):
                if not is_final(pod):
                    assert house.report(pod, "Failed", meter={"finishedMs": house.now})
            elif node_of(pod) and condition(pod, "Ready") is None:
                make_ready(house, pod)
        house.exchange.work()
        house.wait(SECOND)
        if house.store.snapshot_now().revision == before:
            return


def make_ready(house: House, pod: Object) -> None:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": format_instant(house.now)}
    meter = {"startedMs": house.now, "observedMs": house.now}
    assert house.report(pod, "Running", meter=meter, conditions=[ready])


def sets(house: House) -> dict[str, tuple[int, int]]:
    """Give image → (wanted, available) of every ReplicaSet."""
    found = {}
    for one in house.all("apps", "replicasets"):
        image = spec_of(one)["template"]["spec"]["containers"][0]["image"]
        available = one.get("status", {}).get("availableReplicas", 0)
        found[image] = (spec_of(one)["replicas"], available)
    return found


def only_set(house: House) -> Key:
    (one,) = house.all("apps", "replicasets")
    return Key("apps", "replicasets", "xyz", name_of(one))
