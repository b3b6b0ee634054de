"""Variables, command and arguments, with everything they refer to."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.agent.conftest import UID, pod

from busbar.agent.hooks.environment import arguments, environment, expand
from busbar.agent.hooks.references import Sources
from busbar.agent.refusals import PodRefused, Reason

SOURCES = Sources(
    {
        ("configmaps", "conf"): {"A": b"1", "B": b"2"},
        ("secrets", "key"): {"token": b"s3cret", "raw": b"\xff"},
    }
)
FACTS = {"podIP": "10.88.0.7", "hostIP": "192.0.2.1"}


def variables(*env: dict[str, Any], **more: Any) -> dict[str, str]:
    container = {"name": "other", "env": list(env), **more}
    return environment(pod(), container, SOURCES, FACTS)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("$(A)", "1"),
        ("x$(A)y$(B)", "x1y2"),
        ("$(NOSUCH)", "$(NOSUCH)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A ${A} $(A", "$A ${A} $(A"),
        ("$$", "$"),
        ("$", "$"),
        ("", ""),
    ],
)
def test_references_are_filled_in(text: str, shown: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == shown


def test_a_variable_may_use_those_before_it_only() -> None:
    found = variables(
        {"name": "A", "value": "1"}, {"name": "B", "value": "$(A)$(C)"}, {"name": "C", "value": "3"}
    )
    assert found == {"A": "1", "B": "1$(C)", "C": "3"}


def test_a_later_source_wins_and_a_named_variable_wins_over_all() -> None:
    found = variables(
        {"name": "A", "value": "mine"},
        envFrom=[
            {"configMapRef": {"name": "conf"}},
            {"prefix": "P_", "secretRef": {"name": "key"}},
        ],
    )
    assert found == {"A": "mine", "B": "2", "P_token": "s3cret", "P_raw": "\ufffd"}


def test_values_come_from_where_they_are_said_to_be() -> None:
    def of(**source: Any) -> dict[str, Any]:
        return {"name": "X", "valueFrom": source}

    assert variables(of(configMapKeyRef={"name": "conf", "key": "A"})) == {"X": "1"}
    assert variables(of(secretKeyRef={"name": "key", "key": "token"})) == {"X": "s3cret"}
    for field, value in (
        ("metadata.name", "p"),
        ("metadata.namespace", "xyz"),
        ("metadata.uid", UID),
        ("metadata.annotations['busbar.dev/epoch']", "1"),
        ("metadata.labels['none']", ""),
        ("spec.nodeName", "n1"),
        ("status.podIP", "10.88.0.7"),
        ("status.hostIP", "192.0.2.1"),
    ):
        assert variables(of(fieldRef={"fieldPath": field})) == {"X": value}, field


@pytest.mark.parametrize(
    ("resource", "divisor", "value"),
    [
        ("limits.cpu", None, "2"),
        ("limits.cpu", "1m", "1500"),
        ("limits.memory", None, str(1 << 30)),
        ("limits.memory", "1Mi", "1024"),
        ("requests.cpu", None, "0"),
    ],
)
def test_resources_are_rounded_up(resource: str, divisor: str | None, value: str) -> None:
    reference = {"resource": resource} | ({"divisor": divisor} if divisor else {})
    found = variables(
        {"name": "X", "valueFrom": {"resourceFieldRef": reference}},
        resources={"limits": {"cpu": "1500m", "memory": "1Gi"}},
    )
    assert found == {"X": value}


@pytest.mark.parametrize("reference", ["configMapKeyRef", "secretKeyRef"])
@pytest.mark.parametrize(("name", "key"), [("nosuch", "k"), ("conf", "nosuch"), ("key", "nosuch")])
def test_what_is_missing_is_waited_for_unless_optional(reference: str, name: str, key: str) -> None:
    source = {"name": name, "key": key}
    with pytest.raises(PodRefused) as caught:
        variables({"name": "X", "valueFrom": {reference: source}})
    assert caught.value.retry
    assert caught.value.reason is Reason.VOLUME_NOT_FOUND
    assert "env[0]" in caught.value.message
    assert variables({"name": "X", "valueFrom": {reference: source | {"optional": True}}}) == {}


@pytest.mark.parametrize("source", [{}, {"fieldRef": {"fieldPath": "spec.containers"}}])
def test_an_unknown_source_is_refused(source: dict[str, Any]) -> None:
    with pytest.raises(PodRefused) as caught:
        variables({"name": "X", "valueFrom": source or {"nosuch": {}}})
    assert caught.value.reason is Reason.INVALID_POD


@pytest.mark.parametrize(
    ("command", "args", "executed"),
    [
        (None, None, ["entry", "cmd"]),
        (None, ["$(A)"], ["entry", "1"]),
        (["own", "$(A)"], None, ["own", "1"]),
        (["own"], ["arg"], ["own", "arg"]),
    ],
)
def test_a_command_replaces_both_and_args_replace_cmd(
    command: list[str] | None, args: list[str] | None, executed: list[str]
) -> None:
    container = {"command": command, "args": args}
    image = {"Entrypoint": ["entry"], "Cmd": ["cmd"]}
    assert arguments(container, {"A": "1"}, image) == executed
