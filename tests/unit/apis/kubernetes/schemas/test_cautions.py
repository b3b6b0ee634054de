"""What is taken with a warning: it does not do what its author may expect."""

from __future__ import annotations

from typing import Any

import pytest

from busbar.apis.kubernetes.schemas.cautions import cautions
from busbar.model.objects import Object


def pod(**fields: Any) -> Object:
    return {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "c", **fields}]}}


def test_what_does_as_it_says_is_taken_in_silence() -> None:
    asked = {"requests": {"memory": "1Gi"}, "limits": {"memory": "1024Mi", "cpu": "4"}}
    assert cautions(pod(resources=asked, livenessProbe={"exec": {}})) == ()
    assert cautions(pod(resources={"limits": {"memory": "1Gi"}})) == ()
    assert cautions({"apiVersion": "v1", "kind": "ConfigMap", "data": {}}) == ()
    assert cautions({"apiVersion": "busbar.dev/v1alpha1", "kind": "Job", "spec": {}}) == ()


@pytest.mark.parametrize("hook", ["preStop", "postStart"])
def test_a_hook_that_is_not_run_is_named(hook: str) -> None:
    found = cautions(pod(lifecycle={hook: {"exec": {"command": ["x"]}}}))
    assert found == (f"spec.containers[0].lifecycle.{hook}: is not run here",)


@pytest.mark.parametrize("name", ["memory", "ephemeral-storage"])
def test_a_limit_that_buys_nothing_is_named(name: str) -> None:
    asked = {"requests": {name: "1Gi"}, "limits": {name: "2Gi"}}
    (said,) = cautions(pod(resources=asked))
    assert said.startswith(f"spec.containers[0].resources.limits.{name}: ")
    assert "(1Gi), not 2Gi" in said


def test_a_jobs_template_is_looked_at_too() -> None:
    template = {"spec": {"initContainers": [{"name": "i", "lifecycle": {"preStop": {"x": 1}}}]}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": template}}
    assert cautions(job) == (
        "spec.template.spec.initContainers[0].lifecycle.preStop: is not run here",
    )


def test_an_amount_that_is_none_is_for_others_to_refuse() -> None:
    asked = {"requests": {"memory": "much"}, "limits": {"memory": "2Gi"}}
    assert cautions(pod(resources=asked)) == ()
