"""Who a Pod's containers are, and which ids they cannot have."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.agent.conftest import pod

from busbar.agent.hooks.security import Identity, check, fs_group, identity, only_user
from busbar.agent.refusals import PodRefused, Reason


def who(
    whole: dict[str, Any] | None = None, own: dict[str, Any] | None = None, image: str = "app"
) -> Identity:
    made = pod(securityContext=whole or {})
    return identity(made, {**made["spec"]["containers"][0], "securityContext": own or {}}, image)


def test_the_image_decides_where_nothing_is_said() -> None:
    assert who() == Identity("app", None, (), False, False)


def test_the_pod_decides_for_all_and_a_container_for_itself() -> None:
    whole = {"runAsUser": 1000, "runAsGroup": 2000, "runAsNonRoot": True}
    assert who(whole) == Identity("1000", 2000, (), False, True)
    own = {"runAsUser": 0, "runAsGroup": 0, "runAsNonRoot": False}
    assert who(whole, own) == Identity("0", 0, (), False, False)


def test_a_group_goes_with_the_images_user() -> None:
    assert who({"runAsGroup": 5})[:2] == ("app", 5)


def test_further_groups_are_the_pods_and_that_of_its_volumes() -> None:
    whole = {"supplementalGroups": [4, 5], "fsGroup": 5}
    assert who(whole).groups == (4, 5)
    assert who({"fsGroup": 0}).groups == (0,)
    assert fs_group(pod(securityContext=whole)) == 5
    assert fs_group(pod()) is None


def test_a_strict_policy_leaves_the_images_groups_out() -> None:
    assert who({"supplementalGroupsPolicy": "Strict"}).only_these_groups
    assert not who({"supplementalGroupsPolicy": "Merge"}).only_these_groups


@pytest.mark.parametrize("number", [-1, 65_536, 1_000_620_000])
@pytest.mark.parametrize("field", ["runAsUser", "runAsGroup", "fsGroup", "supplementalGroups"])
def test_an_id_that_no_pod_has_is_refused_by_its_field(field: str, number: int) -> None:
    value = [number] if field == "supplementalGroups" else number
    with pytest.raises(PodRefused, match=rf"^spec\.securityContext\.{field}: {number} ") as caught:
        check(pod(securityContext={field: value}))
    assert caught.value.reason is Reason.INVALID_POD
    assert not caught.value.retry


def test_a_containers_field_is_named_as_its_own() -> None:
    inits = [{"name": "one", "image": "i", "securityContext": {"runAsUser": 70_000}}]
    with pytest.raises(PodRefused, match=r"^spec\.containers\[one\]\.securityContext\.runAsUser"):
        check(pod(initContainers=inits))


def test_the_last_id_is_one() -> None:
    assert who({"runAsUser": 65_535}).user == "65535"


@pytest.mark.parametrize(
    ("image", "pods", "inits", "user"),
    [
        ("185", None, (), 185),
        ("185:0", None, (185,), 185),
        ("app", 1000, (None,), 1000),
        ("65535", None, (), 65_535),
        # Others are there as well, and what they make should be theirs.
        ("185", None, (186,), None),
        ("185", None, (0,), None),
        # Root may become anybody.
        ("", None, (), None),
        ("0", None, (), None),
        ("1000", 0, (), None),
        # Only the image's files say who that is.
        ("app", None, (), None),
        ("65536", None, (), None),
        ("\u0661", None, (), None),
    ],
)
def test_a_pod_has_one_user_where_all_its_containers_are_the_same_one_by_number(
    image: str, pods: int | None, inits: tuple[int | None, ...], user: int | None
) -> None:
    contexts = [{} if uid is None else {"runAsUser": uid} for uid in inits]
    made = pod(
        initContainers=[
            {"name": f"i{index}", "image": "busybox", "securityContext": context}
            for index, context in enumerate(contexts)
        ],
        securityContext={} if pods is None else {"runAsUser": pods},
    )
    assert only_user(made, {"busybox": image}) == user
