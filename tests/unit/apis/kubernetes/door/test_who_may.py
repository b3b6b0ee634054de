"""Who may do what, asked at the door itself."""

from __future__ import annotations

from typing import Any

import pytest

from busbar.model.objects import Key, Object

ALPHA = "/api/v1/namespaces/alpha"
BETA = "/api/v1/namespaces/beta"
OWN = "/apis/busbar.dev/v1alpha1"


def pod(name: str, node: str = "", namespace: str = "alpha", **meta: Any) -> Object:
    spec: dict[str, Any] = {
        "containers": [
            {
                "name": "c",
                "image": "i",
                "env": [
                    {"name": "A", "valueFrom": {"secretKeyRef": {"name": "named", "key": "k"}}}
                ],
            }
        ]
    }
    if node:
        spec["nodeName"] = node
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", **meta},
        "spec": spec,
        "status": {"phase": "Pending"},
    }


@pytest.fixture
def world(cloud: Any) -> Any:
    """Two tenants, two vendors with an offer each, two nodes with a Pod each."""
    operator = cloud.client()
    for vendor, node in (("elastx", "n1"), ("safespring", "n2")):
        made = operator.post(f"{OWN}/vendors", {"metadata": {"name": vendor}, "spec": {}})
        assert made.status == 201, made.body
        spec = {"vendor": vendor, "pricePerDTU": "0.03"}
        operator.post(f"{OWN}/offers", {"metadata": {"name": f"{vendor}-a"}, "spec": spec})
        labels = {"busbar.dev/vendor": vendor, "topology.kubernetes.io/region": "Sweden"}
        status = {"capacity": {"cpu": "2"}, "allocatable": {"cpu": "2"}}
        body = {"metadata": {"name": node, "labels": labels}, "status": status}
        assert operator.post("/api/v1/nodes", body).status == 201
    for name, node, namespace in (("p1", "n1", "alpha"), ("p2", "n2", "alpha")):
        cloud.put(pod(name, node, namespace), Key("", "pods", namespace, name))
    for name in ("named", "other"):
        operator.post(f"{ALPHA}/secrets", {"metadata": {"name": name}, "stringData": {"k": "v"}})
        operator.post(f"{BETA}/secrets", {"metadata": {"name": name}, "stringData": {"k": "b"}})
    return cloud


@pytest.mark.parametrize(
    ("who", "method", "path"),
    [
        ("alice", "GET", f"{ALPHA}/pods"),
        ("alice", "GET", f"{ALPHA}/secrets/other"),
        ("alice", "GET", f"{OWN}/namespaces/alpha/contracts"),
        ("alice", "GET", f"{OWN}/offers"),
        ("alice", "GET", f"{OWN}/books"),
        ("alice", "GET", "/api/v1/namespaces/alpha"),
        ("elastx", "GET", f"{OWN}/offers/elastx-a"),
        ("elastx", "GET", f"{OWN}/vendors/elastx"),
        ("elastx", "GET", "/api/v1/nodes/n1"),
        ("elastx", "GET", f"{OWN}/clearings"),
        ("n1", "GET", "/api/v1/nodes/n1"),
        ("n1", "GET", f"{ALPHA}/pods/p1"),
        ("n1", "GET", f"{ALPHA}/secrets/named"),
        ("operator", "GET", f"{BETA}/secrets"),
    ],
)
def test_what_is_allowed(world: Any, who: str, method: str, path: str) -> None:
    assert world.client(who).request(method, path).status == 200


@pytest.mark.parametrize(
    ("who", "method", "path", "status"),
    [
        ("", "GET", "/api", 401),
        ("", "GET", f"{ALPHA}/pods", 401),
        ("nobody-known", "GET", "/api", 401),
        ("stranger", "GET", f"{ALPHA}/pods", 403),
        ("stranger", "GET", f"{OWN}/offers", 403),
        ("alice", "GET", f"{BETA}/secrets/other", 403),
        ("alice", "GET", f"{BETA}/secrets/not-there", 403),
        ("alice", "GET", f"{BETA}/secrets", 403),
        ("alice", "POST", f"{BETA}/configmaps", 403),
        ("alice", "GET", "/api/v1/secrets", 403),
        ("alice", "GET", "/api/v1/pods", 403),
        ("alice", "GET", "/api/v1/nodes", 403),
        ("alice", "GET", "/api/v1/namespaces/beta", 403),
        ("alice", "POST", "/api/v1/namespaces", 403),
        ("alice", "DELETE", "/api/v1/namespaces/alpha", 403),
        ("alice", "POST", f"{OWN}/offers", 403),
        ("alice", "PUT", f"{OWN}/namespaces/alpha/accounts/account", 403),
        ("alice", "POST", f"{ALPHA}/events", 403),
        ("alice", "POST", f"{ALPHA}/pods/p1/binding", 403),
        ("alice", "PUT", f"{ALPHA}/pods/p1/status", 403),
        ("alice", "PUT", f"{OWN}/namespaces/alpha/jobs/j/status", 403),
        ("bob", "GET", f"{ALPHA}/pods/p1/log", 403),
        ("elastx", "GET", f"{OWN}/offers/safespring-a", 403),
        ("elastx", "DELETE", f"{OWN}/offers/safespring-a", 403),
        ("elastx", "GET", f"{OWN}/vendors/safespring", 403),
        ("elastx", "GET", "/api/v1/nodes/n2", 403),
        ("elastx", "GET", f"{ALPHA}/pods", 403),
        ("elastx", "PUT", "/api/v1/nodes/n2/status", 403),
        ("elastx", "PUT", f"{OWN}/offers/elastx-a/status", 403),
        ("n1", "GET", "/api/v1/nodes/n2", 403),
        ("n1", "GET", f"{ALPHA}/pods/p2", 404),
        ("n1", "GET", f"{ALPHA}/pods/not-there", 404),
        ("n1", "DELETE", f"{ALPHA}/pods/p2", 404),
        ("n1", "GET", f"{ALPHA}/secrets/other", 403),
        ("n1", "GET", f"{BETA}/secrets/named", 403),
        ("n1", "GET", f"{ALPHA}/secrets", 403),
        ("n1", "GET", f"{ALPHA}/serviceaccounts", 403),
        ("n1", "GET", f"{OWN}/offers", 403),
        ("n1", "POST", f"{ALPHA}/pods", 403),
        ("n1", "PATCH", "/api/v1/nodes/n2/status", 403),
        ("n1", "GET", "/apis/coordination.k8s.io/v1/namespaces/alpha/leases/n1", 403),
        ("operator", "POST", f"{OWN}/books", 403),
        ("operator", "DELETE", f"{OWN}/namespaces/alpha/contracts/c", 403),
    ],
)
def test_what_is_refused(world: Any, who: str, method: str, path: str, status: int) -> None:
    reply = world.client(who).request(method, path, {"metadata": {"name": "x"}})
    assert reply.status == status, reply.body
    assert reply.json["kind"] == "Status"
    assert len(reply.json["message"]) > 10


def names(reply: Any) -> list[str]:
    assert reply.status == 200, reply.body
    return [item["metadata"]["name"] for item in reply.json["items"]]


def test_lists_show_only_what_is_the_callers(world: Any) -> None:
    elastx = world.client("elastx")
    assert names(elastx.get(f"{OWN}/offers")) == ["elastx-a"]
    assert names(elastx.get(f"{OWN}/vendors")) == ["elastx"]
    assert names(elastx.get("/api/v1/nodes")) == ["n1"]
    assert names(world.client("alice").get("/api/v1/namespaces")) == ["alpha"]


def test_a_node_must_select_its_own_pods(world: Any) -> None:
    node = world.client("n1")
    refused = node.get("/api/v1/pods")
    assert refused.status == 403
    assert "fieldSelector=spec.nodeName=n1" in refused.json["message"]
    assert node.get("/api/v1/pods", fieldSelector="spec.nodeName=n2").status == 403
    assert node.get("/api/v1/pods", fieldSelector="spec.nodeName!=n1").status == 403
    assert names(node.get("/api/v1/pods", fieldSelector="spec.nodeName=n1")) == ["p1"]


def test_a_vendor_writes_only_offers_in_its_own_name(world: Any) -> None:
    elastx = world.client("elastx")
    theirs = {"metadata": {"name": "new"}, "spec": {"vendor": "safespring", "pricePerDTU": "1"}}
    assert elastx.post(f"{OWN}/offers", theirs).status == 403
    ours = {"metadata": {"name": "new"}, "spec": {"vendor": "elastx", "pricePerDTU": "1"}}
    assert elastx.post(f"{OWN}/offers", ours).status == 201
    assert elastx.merge(f"{OWN}/offers/new", {"spec": {"pricePerDTU": "2"}}).status == 200
    assert elastx.merge(f"{OWN}/offers/new", {"spec": {"vendor": "safespring"}}).status == 403
    assert elastx.merge(f"{OWN}/offers/safespring-a", {"spec": {"paused": True}}).status == 403
    assert elastx.delete(f"{OWN}/offers/new").status == 200


def test_a_node_reports_on_itself_but_does_not_change_what_it_is(world: Any) -> None:
    node = world.client("n1")
    status = "/api/v1/nodes/n1/status"
    conditions = [{"type": "Ready", "status": "True"}]
    assert node.merge(status, {"status": {"conditions": conditions}}).status == 200
    assert node.merge(status, {"status": {"allocatable": {"cpu": "1"}}}).status == 200
    grown = node.merge(status, {"status": {"allocatable": {"cpu": "64"}}})
    assert grown.status == 403
    assert "status.allocatable.cpu" in grown.json["message"]
    for change in (
        {"labels": {"topology.kubernetes.io/region": "Norway"}},
        {"labels": {"busbar.dev/vendor": "safespring"}},
        {"labels": {"busbar.dev/gpu-class": "H100"}},
        {"labels": {"nvidia.com/gpu.product": "NVIDIA-H100-PCIe"}},
        {"annotations": {"busbar.dev/speed-rating-micro": "9000000"}},
    ):
        assert node.merge("/api/v1/nodes/n1", {"metadata": change}).status == 403
    assert node.merge("/api/v1/nodes/n2/status", {"status": {}}).status == 403


def test_a_node_may_say_that_it_became_slower_and_never_faster_than_it_joined(
    world: Any, operator: Any
) -> None:
    rating, joined = "busbar.dev/speed-rating-micro", "busbar.dev/joined-rating-micro"
    notes = {rating: "900000", joined: "900000"}
    assert operator.merge("/api/v1/nodes/n1", {"metadata": {"annotations": notes}}).status == 200
    node = world.client("n1")
    for value, status in (
        ("700000", 200),
        ("900000", 200),
        ("900001", 403),
        ("49999", 403),
        ("-1", 403),
        ("fast", 403),
        (None, 403),
    ):
        change = {
            "annotations": {rating: value, "busbar.dev/speed-rated-at": "2026-11-22T11:00:00Z"}
        }
        answer = node.merge("/api/v1/nodes/n1", {"metadata": change})
        assert answer.status == status, (value, answer.body)
    change = {"annotations": {joined: "9000000"}}
    assert node.merge("/api/v1/nodes/n1", {"metadata": change}).status == 403
    change = {"annotations": {"busbar.dev/speed-rated-at": "yesterday"}}
    assert node.merge("/api/v1/nodes/n1", {"metadata": change}).status == 403


def test_a_node_reports_on_its_pods_alone(world: Any) -> None:
    node = world.client("n1")
    change = {"status": {"phase": "Running"}}
    assert node.merge(f"{ALPHA}/pods/p1/status", change).json["status"]["phase"] == "Running"
    assert node.merge(f"{ALPHA}/pods/p2/status", change).status == 404
    assert node.merge(f"{ALPHA}/pods/p1", {"metadata": {"labels": {"a": "b"}}}).status == 403


def test_a_node_removes_a_pod_only_when_its_end_was_asked_for(world: Any) -> None:
    node, at = world.client("n1"), f"{ALPHA}/pods/p1"
    final = {"gracePeriodSeconds": 0}
    assert node.delete(at, final).status == 403
    marked = world.client("alice").delete(at).json
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
    assert marked["metadata"]["deletionTimestamp"] == "2026-11-22T12:00:30Z"
    assert node.delete(at, final).status == 200
    assert world.client("alice").get(at).status == 404


def test_a_node_holds_its_own_lease(world: Any) -> None:
    node = world.client("n1")
    leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
    lease = {"metadata": {"name": "n1"}, "spec": {"holderIdentity": "n1"}}
    assert node.post(leases, lease).status == 201
    assert node.merge(f"{leases}/n1", {"spec": {"leaseDurationSeconds": 10}}).status == 200
    assert node.post(leases, {"metadata": {"name": "n2"}}).status == 403
    assert node.get(leases).status == 403


def event(about: dict[str, str], namespace: str = "alpha") -> dict[str, Any]:
    return {
        "metadata": {"generateName": "e-", "namespace": namespace},
        "involvedObject": about,
        "reason": "Pulled",
        "message": "m",
        "type": "Normal",
    }


def test_a_node_reports_events_about_its_pods_alone(world: Any) -> None:
    node = world.client("n1")
    mine = {"kind": "Pod", "namespace": "alpha", "name": "p1", "uid": "uid-p1"}
    assert node.post(f"{ALPHA}/events", event(mine)).status == 201
    for about in ({**mine, "name": "p2", "uid": "uid-p2"}, {**mine, "uid": "older"}):
        assert node.post(f"{ALPHA}/events", event(about)).status == 403
    elsewhere = {**mine, "namespace": "beta"}
    assert node.post(f"{BETA}/events", event(elsewhere, "beta")).status == 403


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"metadata": {"annotations": {"busbar.dev/epoch": "9"}}}, "busbar.dev/epoch"),
        ({"metadata": {"annotations": {"busbar.dev/contract": "c"}}}, "busbar.dev/contract"),
        ({"metadata": {"annotations": {"busbar.dev/avoid-nodes": "n"}}}, "busbar.dev/avoid-nodes"),
        ({"metadata": {"annotations": {"busbar.dev/losses": "0"}}}, "busbar.dev/losses"),
        ({"spec": {"nodeName": "n1"}}, "spec.nodeName"),
        ({"spec": {"hostNetwork": True}}, "spec.hostNetwork"),
        ({"spec": {"hostPID": True}}, "spec.hostPID"),
        ({"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}}, "hostPath"),
        (
            {
                "spec": {
                    "containers": [
                        {"name": "c", "image": "i", "securityContext": {"privileged": True}}
                    ]
                }
            },
            "privileged",
        ),
    ],
)
def test_a_member_assigns_nothing_that_is_the_exchanges(
    world: Any, change: dict[str, Any], named: str
) -> None:
    alice = world.client("alice")
    plain = {"metadata": {"name": "mine"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    wanted = {
        "metadata": {**plain["metadata"], **change.get("metadata", {})},
        "spec": {**plain["spec"], **change.get("spec", {})},
    }
    refused = alice.post(f"{ALPHA}/pods", wanted)
    assert refused.status == 403, refused.body
    assert named in refused.json["message"]
    template = {**wanted, "spec": {**wanted["spec"], "restartPolicy": "Never"}}
    job = {"metadata": {"name": "j"}, "spec": {"template": template}}
    refused = alice.post("/apis/batch/v1/namespaces/alpha/jobs", job)
    assert refused.status == 403, refused.body
    assert named in refused.json["message"]


def test_a_member_cannot_write_status_into_being(world: Any) -> None:
    alice = world.client("alice")
    made = alice.post(
        f"{ALPHA}/pods",
        {
            "metadata": {"name": "mine"},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
            "status": {"phase": "Succeeded"},
        },
    )
    assert made.json["status"]["phase"] == "Pending"
    changed = alice.merge(f"{ALPHA}/pods/mine", {"status": {"phase": "Succeeded"}})
    assert changed.json["status"]["phase"] == "Pending"


def test_keys_to_the_door_are_written_by_operators_alone(world: Any) -> None:
    secret = {"metadata": {"name": "t"}, "type": "busbar.dev/bearer-token"}
    refused = world.client("alice").post(f"{ALPHA}/secrets", secret)
    assert refused.status == 403
    assert "busbar.dev/bearer-token" in refused.json["message"]
    assert world.client().post(f"{ALPHA}/secrets", secret).status == 201


def test_what_a_contract_was_made_for_does_not_change(world: Any) -> None:
    alice = world.client("alice")
    containers = [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}]
    alice.post(f"{ALPHA}/pods", {"metadata": {"name": "mine"}, "spec": {"containers": containers}})
    larger = [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "64"}}}]
    refused = alice.merge(f"{ALPHA}/pods/mine", {"spec": {"containers": larger}})
    assert (refused.status, refused.json["reason"]) == (422, "Invalid")


def test_a_service_account_is_a_member_of_its_namespace(world: Any) -> None:
    alice = world.client("alice")
    alice.post(f"{ALPHA}/serviceaccounts", {"metadata": {"name": "robot"}})
    at = f"{ALPHA}/serviceaccounts/robot"
    token = alice.post(f"{at}/token", {"spec": {"expirationSeconds": 600}}).json["status"]["token"]
    robot = world.client(token)
    assert robot.get(f"{ALPHA}/pods").status == 200
    assert robot.get(f"{BETA}/pods").status == 403
    head, payload, signature = token.split(".")
    forged = world.client(f"{head}.{payload}.{signature[::-1]}")
    assert forged.get(f"{ALPHA}/pods").status == 401
    unsigned = world.client(f"eyJhbGciOiJub25lIn0.{payload}.")
    assert unsigned.get(f"{ALPHA}/pods").status == 401
    world.now += 601_000
    assert robot.get(f"{ALPHA}/pods").status == 401


def test_a_token_dies_with_its_account(world: Any) -> None:
    alice = world.client("alice")
    alice.post(f"{ALPHA}/serviceaccounts", {"metadata": {"name": "robot"}})
    at = f"{ALPHA}/serviceaccounts/robot"
    robot = world.client(alice.post(f"{at}/token", {}).json["status"]["token"])
    assert robot.get(f"{ALPHA}/pods").status == 200
    alice.delete(at)
    alice.post(f"{ALPHA}/serviceaccounts", {"metadata": {"name": "robot"}})
    assert robot.get(f"{ALPHA}/pods").status == 401


def test_a_token_for_others_does_not_open_this_door(world: Any) -> None:
    alice = world.client("alice")
    alice.post(f"{ALPHA}/serviceaccounts", {"metadata": {"name": "robot"}})
    asked = {"spec": {"audiences": ["vault"]}}
    made = alice.post(f"{ALPHA}/serviceaccounts/robot/token", asked)
    assert world.client(made.json["status"]["token"]).get(f"{ALPHA}/pods").status == 401


def test_can_i(world: Any) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

    def asked(who: str, **attributes: str) -> bool:
        reply = world.client(who).post(path, {"spec": {"resourceAttributes": attributes}})
        assert reply.status == 201, reply.body
        return bool(reply.json["status"]["allowed"])

    assert asked("alice", verb="create", resource="pods", namespace="alpha")
    assert not asked("alice", verb="create", resource="pods", namespace="beta")
    assert not asked("alice", verb="*", resource="*", namespace="alpha")
    assert asked("operator", verb="*", resource="*")
    assert not asked("operator", verb="delete", group="busbar.dev", resource="contracts")


def test_rules_and_whoami(world: Any) -> None:
    rules = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    listed = world.client("alice").post(rules, {"spec": {"namespace": "alpha"}}).json["status"]
    assert any("pods" in rule["resources"] for rule in listed["resourceRules"])
    me = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    info = world.client("alice").post(me, {}).json["status"]["userInfo"]
    assert info["username"] == "alice"
    assert "busbar:namespace:alpha" in info["groups"]


def test_a_refused_write_tells_nothing_of_a_foreign_object(world: Any) -> None:
    node, at = world.client("n1"), f"{ALPHA}/pods/p2/status"
    wrong_uid = {"metadata": {"name": "p2", "uid": "guess"}, "status": {}}
    stale = {"metadata": {"name": "p2", "resourceVersion": "1"}, "status": {}}
    for body in (wrong_uid, stale, {"metadata": {"name": "other"}}):
        assert node.put(at, body).status == 404
        assert node.merge(at, body).status == 404
    report = {"metadata": {"name": "e", "namespace": "alpha"}, "involvedObject": {"kind": "Pod"}}
    world.client().post(f"{ALPHA}/events", {**report, "message": "m", "reason": "r"})
    assert node.merge(f"{ALPHA}/events/e", {"metadata": {"uid": "guess"}}).status == 404
