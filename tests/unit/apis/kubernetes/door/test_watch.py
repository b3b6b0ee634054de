"""Watches: where they start, what comes into view, bookmarks, and who is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from busbar.apis.kubernetes.settings import Settings

CMS = "/api/v1/namespaces/alpha/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def body(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}}


def latest(operator: Any) -> str:
    return str(operator.get(CMS).json["metadata"]["resourceVersion"])


def test_a_watch_without_revision_begins_with_what_is_there(operator: Any) -> None:
    operator.post(CMS, body("a"))
    watch = operator.watch(CMS)
    assert watch.event() == ("ADDED", "a")
    operator.post(CMS, body("b"))
    assert watch.event() == ("ADDED", "b")
    watch.hang_up()


def test_a_watch_goes_on_after_its_revision(operator: Any) -> None:
    operator.post(CMS, body("a"))
    watch = operator.watch(CMS, resourceVersion=latest(operator))
    operator.merge(f"{CMS}/a", {"data": {"x": "1"}})
    operator.delete(f"{CMS}/a")
    assert [watch.event(), watch.event()] == [("MODIFIED", "a"), ("DELETED", "a")]
    watch.hang_up()


def test_objects_come_into_view_and_leave_it(operator: Any) -> None:
    operator.post(CMS, body("a", tier="db"))
    watch = operator.watch(CMS, labelSelector="tier=web", resourceVersion=latest(operator))
    operator.merge(f"{CMS}/a", {"metadata": {"labels": {"tier": "web"}}})
    operator.merge(f"{CMS}/a", {"data": {"x": "1"}})
    left = operator.merge(f"{CMS}/a", {"metadata": {"labels": {"tier": "db"}}}).json
    operator.delete(f"{CMS}/a")
    operator.post(CMS, body("b", tier="web"))
    assert watch.event() == ("ADDED", "a")
    assert watch.event() == ("MODIFIED", "a")
    gone = watch.line()
    assert gone["type"] == "DELETED"
    assert gone["object"]["metadata"]["labels"] == {"tier": "web"}
    assert gone["object"]["metadata"]["resourceVersion"] == left["metadata"]["resourceVersion"]
    assert watch.event() == ("ADDED", "b")
    watch.hang_up()


def test_a_watch_of_one_namespace_hears_nothing_of_another(cloud: Any, operator: Any) -> None:
    watch = cloud.client("alice").watch(CMS, resourceVersion=latest(operator))
    operator.post("/api/v1/namespaces/beta/configmaps", body("theirs"))
    operator.post(CMS, body("ours"))
    assert watch.event() == ("ADDED", "ours")
    watch.hang_up()


def test_initial_events_end_with_a_bookmark_that_says_so(operator: Any) -> None:
    operator.post(CMS, body("a"))
    watch = operator.watch(
        CMS,
        sendInitialEvents="true",
        resourceVersionMatch="NotOlderThan",
        allowWatchBookmarks="true",
    )
    assert watch.event() == ("ADDED", "a")
    bookmark = watch.line()
    assert bookmark["type"] == "BOOKMARK"
    meta = bookmark["object"]["metadata"]
    assert meta["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert meta["resourceVersion"] == latest(operator)
    operator.post(CMS, body("b"))
    assert watch.event() == ("ADDED", "b")
    watch.hang_up()


def test_too_old_a_revision_is_told_as_an_event(cloud: Any, operator: Any) -> None:
    for name in "abc":
        operator.post(CMS, body(name))
    cloud.run(cloud.store.compact(cloud.run(cloud.store.revision())))
    watch = operator.watch(CMS, resourceVersion="1")
    event = watch.line()
    assert (watch.status, event["type"], event["object"]["code"]) == (200, "ERROR", 410)
    assert watch.line() is None


def test_a_revision_of_the_future_is_refused(operator: Any) -> None:
    assert operator.get(CMS, watch="1", resourceVersion="99999").status == 410


def test_table_watches_name_the_columns_once(operator: Any) -> None:
    operator.post(CMS, body("a"))
    operator.post(CMS, body("b"))
    watch = operator.watch(CMS, accept=TABLE)
    first, second = watch.line()["object"], watch.line()["object"]
    assert (first["kind"], second["kind"]) == ("Table", "Table")
    assert first["columnDefinitions"]
    assert not second["columnDefinitions"]
    assert second["rows"][0]["cells"][0] == "b"
    watch.hang_up()


def test_the_alias_is_watched_under_its_own_kind(operator: Any) -> None:
    alias = "/apis/strongmoose.dsoderlund.consulting/v1alpha1/namespaces/alpha/jobs"
    job = {"metadata": {"name": "j"}, "spec": {"image": "i"}}
    operator.post("/apis/busbar.dev/v1alpha1/namespaces/alpha/jobs", job)
    watch = operator.watch(alias)
    assert watch.line()["object"]["kind"] == "job"
    watch.hang_up()


def test_a_client_that_leaves_is_let_go(cloud: Any, operator: Any) -> None:
    watch = operator.watch(CMS)
    watch.read()
    assert len(cloud.app.door.watchers) == 1
    watch.hang_up()
    assert len(cloud.app.door.watchers) == 0


def tick(cloud: Any) -> None:
    cloud.run(cloud.app.door.watchers.tick())


def test_an_idle_watch_gets_bookmarks_of_what_happened_elsewhere(cloud: Any, operator: Any) -> None:
    watch = operator.watch(CMS, allowWatchBookmarks="true", resourceVersion=latest(operator))
    watch.read()
    operator.post("/api/v1/namespaces/beta/configmaps", body("elsewhere"))
    seen = latest(operator)
    tick(cloud)
    cloud.now += Settings().bookmark_seconds * 1000
    tick(cloud)
    bookmark = watch.line()
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["metadata"] == {"resourceVersion": seen}
    watch.hang_up()


def test_a_watch_ends_at_its_time(cloud: Any, operator: Any) -> None:
    watch = operator.watch(CMS, timeoutSeconds="5", resourceVersion=latest(operator))
    watch.read()
    cloud.now += 4_000
    tick(cloud)
    assert not watch.task.done()
    cloud.now += 1_000
    tick(cloud)
    assert watch.line() is None


def test_a_watcher_that_takes_nothing_is_cut_off(cloud: Any, operator: Any) -> None:
    watch = operator.watch(CMS, resourceVersion=latest(operator))
    watch.read()
    watch.connection.takes.clear()
    operator.post(CMS, body("a"))
    cloud.now += Settings().watch_stall_seconds * 1000
    tick(cloud)
    assert not watch.task.done()
    cloud.now += 1
    tick(cloud)
    tick(cloud)
    assert watch.task.done()
    assert len(cloud.app.door.watchers) == 0


def test_a_watcher_behind_the_history_is_told_to_list_again(cloud: Any, operator: Any) -> None:
    watch = operator.watch(CMS, resourceVersion=latest(operator))
    watch.read()
    watch.connection.takes.clear()
    for name in "abc":
        operator.post(CMS, body(name))
    cloud.run(cloud.store.compact(cloud.run(cloud.store.revision())))
    operator.post(CMS, body("d"))
    cloud.run(cloud.store.compact(cloud.run(cloud.store.revision())))
    watch.connection.takes.set()
    seen = []
    while (event := watch.line()) is not None:
        seen.append((event["type"], event["object"].get("code")))
    assert seen[-1] == ("ERROR", 410)


def test_closing_the_door_ends_its_watches(cloud: Any, operator: Any) -> None:
    watch = operator.watch(CMS, resourceVersion=latest(operator))
    watch.read()
    cloud.app.close()
    assert watch.line() is None


def test_one_user_holds_only_so_many_watches(cloud: Any, operator: Any) -> None:
    few = cloud.app.door.settings._replace(watches_per_user_max=1)
    object.__setattr__(cloud.app.door, "settings", few)
    watch = operator.watch(CMS, resourceVersion=latest(operator))
    refused = operator.get(CMS, watch="1")
    assert (refused.status, refused.json["reason"]) == (429, "TooManyRequests")
    watch.hang_up()
    second = operator.watch(CMS, resourceVersion=latest(operator))
    assert second.status == 200
    second.hang_up()


@pytest.fixture(autouse=True)
def _nobody_left(cloud: Any) -> Iterator[None]:
    yield
    assert len(cloud.app.door.watchers) == 0
