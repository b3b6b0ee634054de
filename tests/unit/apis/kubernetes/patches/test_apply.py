"""Server-side apply, told as a script of appliers and what they see."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from busbar.apis.kubernetes.patches import writes
from busbar.apis.kubernetes.patches.apply import merge, prune
from busbar.apis.kubernetes.patches.fields import fields_of
from busbar.apis.kubernetes.patches.writes import Fresh, Prepared, Request, create, patch, update
from busbar.apis.kubernetes.schemas.refusals import Refusal
from busbar.apis.kubernetes.schemas.registry import Served, registry
from busbar.model.objects import Object

NOW = 1_790_000_000_000
FRESH = Fresh("d", "6ea0f3a4-0000-4000-8000-000000000000", "x7z4k")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Cluster:
    """One object and those who write it; a second passes with every write."""

    def __init__(self, kind: str = "ConfigMap", group: str = "", version: str = "v1") -> None:
        served = registry().by_kind(group, version, kind)
        assert served is not None
        self.served: Served = served
        self.obj: Object | None = None
        self.now = NOW
        self.revision = 0

    def apply(
        self, manager: str, content: dict[str, Any], *, force: bool = False, subresource: str = ""
    ) -> Prepared | Refusal:
        resource = self.served.resource
        body = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": "x"},
            **deepcopy(content),
        }
        by = Request(manager, self.tick(), force=force)
        return self.keep(
            patch(
                self.served,
                writes.APPLY_PATCH,
                body,
                self.obj,
                by,
                name="x",
                fresh=FRESH,
                subresource=subresource,
            )
        )

    def create(self, manager: str, content: dict[str, Any]) -> Prepared | Refusal:
        body = {"metadata": {"name": "x"}, **deepcopy(content)}
        return self.keep(create(self.served, body, FRESH, Request(manager, self.tick())))

    def merge(
        self, manager: str, content: dict[str, Any], *, subresource: str = ""
    ) -> Prepared | Refusal:
        by = Request(manager, self.tick())
        return self.keep(
            patch(
                self.served,
                writes.MERGE_PATCH,
                content,
                self.obj,
                by,
                name="x",
                fresh=FRESH,
                subresource=subresource,
            )
        )

    def replace(self, manager: str, body: Object) -> Prepared | Refusal:
        assert self.obj is not None
        return self.keep(
            update(self.served, deepcopy(body), self.obj, Request(manager, self.tick()))
        )

    def tick(self) -> int:
        self.now += 1_000
        return self.now

    def keep(self, result: Prepared | Refusal) -> Prepared | Refusal:
        if isinstance(result, Prepared) and result.changed:
            self.revision += 1
            self.obj = deepcopy(result.obj)
            self.obj["metadata"]["resourceVersion"] = str(self.revision)
        return result

    def field(self, name: str) -> Any:
        assert self.obj is not None
        return self.obj.get(name)

    def owned(self, manager: str, operation: str = "Apply", subresource: str = "") -> Any:
        assert self.obj is not None
        for entry in self.obj["metadata"].get("managedFields", ()):
            who = (entry["manager"], entry["operation"], entry.get("subresource", ""))
            if who == (manager, operation, subresource):
                return entry["fieldsV1"]
        return None


def done(result: Prepared | Refusal) -> Prepared:
    assert isinstance(result, Prepared), result
    return result


def refused(result: Prepared | Refusal) -> Refusal:
    assert isinstance(result, Refusal), result
    return result


def test_an_apply_creates_what_is_not_there() -> None:
    cluster = Cluster()
    result = done(cluster.apply("alice", {"data": {"a": "1"}}))
    assert result.created
    assert cluster.field("data") == {"a": "1"}
    assert cluster.owned("alice") == {"f:data": {"f:a": {}}}
    meta = cluster.field("metadata")
    assert (meta["name"], meta["namespace"], meta["uid"]) == ("x", "d", FRESH.uid)


def test_the_same_apply_again_changes_nothing() -> None:
    cluster = Cluster()
    done(cluster.apply("alice", {"data": {"a": "1"}}))
    before = deepcopy(cluster.obj)
    assert not done(cluster.apply("alice", {"data": {"a": "1"}})).changed
    assert cluster.obj == before


def test_what_an_applier_leaves_out_goes() -> None:
    cluster = Cluster()
    done(cluster.apply("alice", {"data": {"a": "1", "b": "2"}}))
    done(cluster.apply("alice", {"data": {"b": "2"}}))
    assert cluster.field("data") == {"b": "2"}
    done(cluster.apply("alice", {}))
    assert cluster.field("data") is None
    assert cluster.owned("alice") is None


def test_two_appliers_own_their_own() -> None:
    cluster = Cluster()
    done(cluster.apply("alice", {"data": {"a": "1"}}))
    done(cluster.apply("bob", {"data": {"b": "2"}}))
    assert cluster.field("data") == {"a": "1", "b": "2"}
    done(cluster.apply("alice", {}))
    assert cluster.field("data") == {"b": "2"}


def test_what_both_state_stays_until_both_leave_it_out() -> None:
    cluster = Cluster()
    done(cluster.apply("alice", {"data": {"a": "1"}}))
    done(cluster.apply("bob", {"data": {"a": "1"}}))
    done(cluster.apply("alice", {}))
    assert cluster.field("data") == {"a": "1"}
    done(cluster.apply("bob", {}))
    assert cluster.field("data") is None


def test_another_value_is_a_conflict_in_the_words_of_kubectl() -> None:
    cluster = Cluster()
    done(cluster.apply("alice", {"data": {"a": "1"}}))
    refusal = refused(cluster.apply("bob", {"data": {"a": "2"}}))
    assert (refusal.code, refusal.reason) == (409, "Conflict")
    assert (
        refusal.message == 'Apply failed with 1 conflict: conflict with "alice" using v1: .data.a'
    )
    cause = refusal.causes[0]
    assert cause.reason == "FieldManagerConflict"
    assert cause.field == ".data.a"
    assert cause.message == 'conflict with "alice" using v1'


def test_several_conflicts_are_listed() -> None:
    cluster = Cluster()
    done(cluster.apply("alice", {"data": {"a": "1", "b": "1"}}))
    done(cluster.apply("bob", {"data": {"c": "1"}}))
    message = refused(cluster.apply("carol", {"data": {"a": "2", "b": "2", "c": "2"}})).message
    assert message == (
        "Apply failed with 3 conflicts: "
        'conflicts with "alice" using v1:\n- .data.a\n- .data.b\n'
        'conflict with "bob" using v1: .data.c'
    )


def test_force_takes_over() -> None:
    cluster = Cluster()
    done(cluster.apply("alice", {"data": {"a": "1", "b": "1"}}))
    done(cluster.apply("bob", {"data": {"a": "2"}}, force=True))
    assert cluster.field("data") == {"a": "2", "b": "1"}
    assert cluster.owned("alice") == {"f:data": {"f:b": {}}}
    done(cluster.apply("alice", {"data": {"b": "1"}}))
    assert cluster.field("data")["a"] == "2"


def test_an_ordinary_write_takes_a_field_without_asking() -> None:
    cluster = Cluster()
    done(cluster.apply("alice", {"data": {"a": "1"}}))
    done(cluster.merge("editor", {"data": {"a": "2"}}))
    assert cluster.owned("alice") is None
    assert cluster.owned("editor", "Update") == {"f:data": {"f:a": {}}}
    refused(cluster.apply("alice", {"data": {"a": "1"}}))


def test_an_applier_gives_a_field_up_to_others_by_agreeing() -> None:
    cluster = Cluster()
    done(cluster.create("creator", {"data": {"a": "1"}}))
    done(cluster.apply("alice", {"data": {"a": "1"}}))
    done(cluster.apply("alice", {}))
    assert cluster.field("data") == {"a": "1"}


def test_what_nobody_owns_stays() -> None:
    cluster = Cluster()
    done(cluster.apply("alice", {"data": {"a": "1"}}))
    assert cluster.obj is not None
    cluster.obj["data"]["controller"] = "9"
    done(cluster.apply("alice", {"data": {"a": "2"}}))
    assert cluster.field("data") == {"a": "2", "controller": "9"}


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": list(containers), **spec}}


def test_containers_are_merged_by_name() -> None:
    cluster = Cluster("Pod")
    done(cluster.apply("alice", pod({"name": "a", "image": "1"}, {"name": "b", "image": "1"})))
    done(cluster.apply("bob", pod({"name": "b", "image": "1"})))
    refusal = refused(cluster.apply("bob", pod({"name": "b", "image": "2"})))
    assert '.spec.containers[name="b"].image' in refusal.message


def test_defaults_have_no_owner_and_no_apply_removes_them() -> None:
    cluster = Cluster("Pod")
    done(cluster.apply("alice", pod({"name": "a", "image": "1"})))
    assert cluster.field("spec")["restartPolicy"] == "Always"
    assert "f:restartPolicy" not in cluster.owned("alice")["f:spec"]
    before = deepcopy(cluster.obj)
    assert not done(cluster.apply("alice", pod({"name": "a", "image": "1"}))).changed
    assert cluster.obj == before


def test_a_port_without_protocol_is_the_port_with_the_default() -> None:
    cluster = Cluster("Pod")
    manifest = pod({"name": "a", "image": "1", "ports": [{"containerPort": 80}]})
    done(cluster.apply("alice", manifest))
    assert not done(cluster.apply("alice", manifest)).changed
    assert len(cluster.field("spec")["containers"][0]["ports"]) == 1


def test_an_item_of_which_another_owns_a_part_stays_with_its_key() -> None:
    shape = Cluster("Pod").served.shape
    live = pod({"name": "a"}, {"name": "b", "image": "1", "workingDir": "/", "tty": True})
    last = fields_of(shape, pod({"name": "b", "image": "1", "workingDir": "/"}))
    kept = {"f:spec": {"f:containers": {'k:{"name":"b"}': {"f:image": {}}}}}
    left = prune(shape, live, last, kept)
    assert left == pod({"name": "a"}, {"name": "b", "image": "1", "tty": True})


def test_an_item_goes_with_all_that_nobody_owns_in_it() -> None:
    shape = Cluster("Pod").served.shape
    live = pod({"name": "a"}, {"name": "b", "image": "1", "tty": True})
    last = fields_of(shape, pod({"name": "b", "image": "1"}))
    kept = fields_of(shape, pod({"name": "a"}))
    assert prune(shape, live, last, kept) == pod({"name": "a"})


def test_new_items_come_in_the_order_of_the_manifest_and_others_keep_their_places() -> None:
    shape = Cluster("Pod").served.shape
    live = pod(*({"name": name} for name in "xaybz"))
    merged = merge(shape, live, pod(*({"name": name} for name in "nba")))
    names = [container["name"] for container in merged["spec"]["containers"]]
    assert names == ["x", "n", "b", "z", "a", "y"]
    assert merge(shape, merged, pod(*({"name": name} for name in "nba"))) == merged


def test_sets_are_merged_by_value() -> None:
    cluster = Cluster()
    done(cluster.apply("alice", {"metadata": {"name": "x", "finalizers": ["a/1", "a/2"]}}))
    done(cluster.apply("bob", {"metadata": {"name": "x", "finalizers": ["b/1"]}}))
    assert cluster.field("metadata")["finalizers"] == ["a/1", "a/2", "b/1"]
    done(cluster.apply("alice", {"metadata": {"name": "x", "finalizers": ["a/2"]}}))
    assert cluster.field("metadata")["finalizers"] == ["a/2", "b/1"]


def test_status_is_applied_at_its_own_endpoint() -> None:
    cluster = Cluster("Job", "busbar.dev", "v1alpha1")
    done(cluster.apply("alice", {"spec": {"image": "i"}, "status": {"phase": "Running"}}))
    assert cluster.field("status") is None
    done(cluster.apply("meter", {"status": {"phase": "Running"}}, subresource="status"))
    assert cluster.field("status") == {"phase": "Running"}
    assert cluster.owned("meter", subresource="status") == {"f:status": {"f:phase": {}}}
    refusal = refused(cluster.apply("bob", {"status": {"phase": "Done"}}, subresource="status"))
    assert 'conflict with "meter" with subresource "status" using' in refusal.message
    assert not done(cluster.apply("alice", {"spec": {"image": "i"}})).changed


def test_ordinary_status_writes_are_tracked_apart() -> None:
    cluster = Cluster("Job", "busbar.dev", "v1alpha1")
    done(cluster.create("creator", {"spec": {"image": "i"}}))
    done(cluster.merge("meter", {"status": {"phase": "Running"}}, subresource="status"))
    assert cluster.owned("meter", "Update", "status") == {"f:status": {"f:phase": {}}}
    assert "f:status" not in cluster.owned("creator", "Update")


def test_moving_from_client_side_apply_meets_no_conflict() -> None:
    cluster = Cluster()
    before = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}
    notes = {"annotations": {LAST_APPLIED: json.dumps(before)}}
    done(
        cluster.create(
            "kubectl-client-side-apply", {"metadata": {"name": "x", **notes}, "data": {"a": "1"}}
        )
    )
    refused(cluster.apply("alice", {"data": {"a": "2"}}))
    done(cluster.apply("kubectl", {"data": {"a": "2"}}))
    assert cluster.field("data") == {"a": "2"}
    annotation = cluster.field("metadata")["annotations"][LAST_APPLIED]
    assert json.loads(annotation)["data"] == {"a": "2"}


def test_a_client_may_rewrite_who_owns_what() -> None:
    cluster = Cluster()
    done(cluster.create("kubectl-client-side-apply", {"data": {"a": "1"}}))
    assert cluster.obj is not None
    obj = deepcopy(cluster.obj)
    obj["metadata"]["managedFields"][0].update(manager="kubectl", operation="Apply")
    done(cluster.replace("kubectl", obj))
    assert cluster.owned("kubectl") == {"f:data": {"f:a": {}}}
    done(cluster.apply("kubectl", {}))
    assert cluster.field("data") is None


def test_entries_that_a_client_wrote_and_nobody_can_read_are_left_out() -> None:
    cluster = Cluster()
    done(cluster.create("creator", {"data": {"a": "1"}}))
    assert cluster.obj is not None
    obj = deepcopy(cluster.obj)
    entry = obj["metadata"]["managedFields"][0]
    obj["metadata"]["managedFields"] = [
        {**entry, "fieldsV1": {"nonsense": {}}},
        {**entry, "manager": "b", "operation": "Guess"},
        {**entry, "manager": "c"},
    ]
    done(cluster.replace("editor", obj))
    assert [e["manager"] for e in cluster.field("metadata")["managedFields"]] == ["c"]


def test_an_empty_entry_resets_who_owns_what() -> None:
    cluster = Cluster()
    done(cluster.create("creator", {"data": {"a": "1"}}))
    assert cluster.obj is not None
    obj = deepcopy(cluster.obj)
    obj["metadata"]["managedFields"] = [{}]
    done(cluster.replace("editor", obj))
    assert cluster.field("metadata").get("managedFields") is None


def test_managers_are_bounded() -> None:
    cluster = Cluster()
    done(cluster.create("creator", {"data": {"a": "0"}}))
    for number in range(30):
        done(cluster.merge(f"editor-{number}", {"data": {f"k{number}": "1"}}))
    entries = cluster.field("metadata")["managedFields"]
    assert len(entries) == 11
    assert "f:k0" in cluster.owned("ancient-changes", "Update")["f:data"]
    assert cluster.owned("editor-29", "Update") == {"f:data": {"f:k29": {}}}


def test_appliers_are_bounded() -> None:
    cluster = Cluster()
    for number in range(60):
        done(cluster.apply(f"applier-{number}", {"data": {f"k{number}": "1"}}))
    refusal = refused(cluster.apply("one-more", {"data": {"z": "1"}}))
    assert "field managers" in refusal.message


def test_the_time_of_an_entry_is_when_it_last_took_something() -> None:
    cluster = Cluster()
    done(cluster.create("editor", {"data": {"a": "1"}}))
    done(cluster.merge("other", {"data": {"b": "1"}}))
    done(cluster.merge("editor", {"data": {"a": "2"}}))
    entries = {e["manager"]: e["time"] for e in cluster.field("metadata")["managedFields"]}
    assert entries["other"] < entries["editor"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"data": {"a": 1}}, "data.a: Invalid value: 1: must be a string"),
        ({"colour": "red"}, ".colour: field not declared in schema"),
        ({"metadata": {"name": "y"}}, "does not match the name on the URL"),
        ({"metadata": {"name": "x", "managedFields": []}}, "managedFields must be nil"),
        ({"kind": "Secret"}, 'the kind in the data ("Secret")'),
        ({"kind": None}, "apiVersion and kind must be set"),
    ],
)
def test_manifests_that_cannot_be_applied(content: dict[str, Any], said: str) -> None:
    refusal = refused(Cluster().apply("alice", content))
    assert refusal.code == 400
    assert said in refusal.message


@pytest.mark.parametrize(
    ("containers", "said"),
    [
        ([{"name": "a", "image": "1"}] * 2, 'duplicate entries for key [name="a"]'),
        ([{"image": "1"}], "an item has no name"),
    ],
)
def test_items_that_cannot_be_told_apart(containers: list[dict[str, Any]], said: str) -> None:
    refusal = refused(Cluster("Pod").apply("alice", pod(*containers)))
    assert refusal.code == 400
    assert said in refusal.message


def test_an_apply_needs_a_manager() -> None:
    assert "fieldManager" in refused(Cluster().apply("", {})).message


def test_an_apply_may_insist_on_a_version() -> None:
    cluster = Cluster()
    done(cluster.apply("alice", {"data": {"a": "1"}}))
    stale = {"metadata": {"name": "x", "resourceVersion": "999"}, "data": {"a": "2"}}
    assert refused(cluster.apply("alice", stale)).reason == "Conflict"
    current = {"metadata": {"name": "x", "resourceVersion": "1"}, "data": {"a": "2"}}
    done(cluster.apply("alice", current))
    assert refused(Cluster().apply("alice", current)).code == 404


def test_an_invalid_result_is_refused() -> None:
    cluster = Cluster("Pod")
    assert refused(cluster.apply("alice", pod())).code == 422
    assert cluster.obj is None


def test_a_map_that_loses_its_last_entry_goes() -> None:
    shape = Cluster("Pod").served.shape
    live = {"metadata": {"labels": {"a": "1"}}, "spec": {}}
    last = {"f:metadata": {"f:labels": {"f:a": {}}}}
    stale = {"f:metadata": {"f:labels": {"f:gone": {}}}}
    assert prune(shape, live, last, stale) == {"spec": {}}
    itself = {"f:metadata": {"f:labels": {".": {}, "f:gone": {}}}}
    assert prune(shape, live, last, itself) == {"metadata": {"labels": {}}, "spec": {}}


def test_what_is_gone_is_owned_by_nobody() -> None:
    cluster = Cluster()
    done(cluster.apply("alice", {"data": {"a": "1", "b": "1"}}))
    done(cluster.merge("editor", {"data": {"c": "1", "d": "1"}}))
    done(cluster.merge("editor", {"data": {"a": None, "c": None}}))
    assert cluster.owned("alice") == {"f:data": {"f:b": {}}}
    assert cluster.owned("editor", "Update") == {"f:data": {"f:d": {}}}


def test_removing_takes_nothing() -> None:
    cluster = Cluster()
    done(cluster.create("editor", {"data": {"a": "1", "b": "1"}}))
    before = cluster.field("metadata")["managedFields"][0]["time"]
    done(cluster.merge("editor", {"data": {"a": None}}))
    assert cluster.field("metadata")["managedFields"][0]["time"] == before


def test_an_apply_that_only_moves_times_changes_nothing() -> None:
    cluster = Cluster("Secret")
    done(cluster.apply("bob", {"stringData": {"b": "1"}}))
    done(cluster.apply("alice", {"data": {"a": "QQ=="}}))
    assert not done(cluster.apply("bob", {"stringData": {"b": "1"}})).changed
