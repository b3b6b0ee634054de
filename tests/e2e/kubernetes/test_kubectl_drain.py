"""`kubectl drain`, unmodified: it asks again until the notice is over, and then it is done."""

from __future__ import annotations

from typing import Any

import pytest

from busbar.model.objects import Key, Object

NODE = Key("", "nodes", "", "n1")
POD = Key("", "pods", "alpha", "works")
CONTRACT = Key("busbar.dev", "contracts", "alpha", "works-1")


def stored(key: Key, api: str, kind: str, **fields: Any) -> Object:
    meta = {"name": key.name, "uid": key.name, **fields.pop("meta", {})}
    if key.namespace:
        meta["namespace"] = key.namespace
    return {"apiVersion": api, "kind": kind, "metadata": meta, **fields}


@pytest.fixture(params=["1.32", "1.20"])
def drain(request: pytest.FixtureRequest, served: Any, kubectl: Any, kubectl_1_20: Any) -> Any:
    """A kubectl, and a node on which a Pod runs under a contract."""
    used = kubectl if request.param == "1.32" else kubectl_1_20
    served.put(stored(NODE, "v1", "Node", spec={}, status={}), NODE)
    contract = {"spec": {"vendor": "elastx", "node": "n1"}, "status": {"phase": "Running"}}
    served.put(stored(CONTRACT, "busbar.dev/v1alpha1", "Contract", **contract), CONTRACT)
    meta = {"annotations": {"busbar.dev/contract": CONTRACT.name}}
    spec = {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]}
    running = {"phase": "Running"}
    served.put(stored(POD, "v1", "Pod", meta=meta, spec=spec, status=running), POD)
    return used


def test_a_drain_waits_for_the_notice_and_ends_with_it(drain: Any, served: Any) -> None:
    early = drain("drain", "n1", "--force", "--timeout=2s")
    assert early.code != 0
    assert "a notice as agreed" in early.text
    assert served.get(NODE)["spec"]["unschedulable"] is True
    pod = served.get(POD)
    assert pod["metadata"]["annotations"]["busbar.dev/reclaim"] == "with-notice"
    assert "deletionTimestamp" not in pod["metadata"]
    # The notice is over: the contract's controller and the agent have ended both.
    closed = served.get(CONTRACT)
    served.put({**closed, "status": {"phase": "Closed"}}, CONTRACT)
    served.put({**pod, "status": {"phase": "Failed"}}, POD)
    assert "pod/works evicted" in drain.ok("drain", "n1", "--force")
    assert served.get(POD) is None


def test_a_vendor_cordons_its_own_node_and_marks_it(kubectl: Any, served: Any) -> None:
    labels = {"labels": {"busbar.dev/vendor": "elastx"}}
    served.put(stored(NODE, "v1", "Node", meta=labels, spec={}, status={}), NODE)
    elastx = kubectl.as_("elastx")
    elastx.ok("annotate", "node", "n1", "busbar.dev/reclaim=with-notice")
    elastx.ok("cordon", "n1")
    node = served.get(NODE)
    assert node["metadata"]["annotations"]["busbar.dev/reclaim"] == "with-notice"
    assert node["spec"]["unschedulable"] is True
    assert elastx("label", "node", "n1", "a=b").code != 0
