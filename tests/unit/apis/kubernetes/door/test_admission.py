"""What the market terms of a manifest must mean, and how a no is told."""

from __future__ import annotations

from typing import Any

import pytest

JOBS = "/apis/busbar.dev/v1alpha1/namespaces/alpha/jobs"
ALIAS = "/apis/strongmoose.dsoderlund.consulting/v1alpha1/namespaces/alpha/jobs"
OFFERS = "/apis/busbar.dev/v1alpha1/offers"


def job(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "j"}, "spec": {"image": "apache/spark", **spec}}


def test_the_first_manifest_word_for_word_names_not_after(operator: Any) -> None:
    manifest = {
        "apiVersion": "strongmoose.dsoderlund.consulting/v1alpha1",
        "kind": "job",
        "metadata": {"name": "my-first-sparkjob", "namespace": "alpha"},
        "spec": {
            "image": "apache/spark",
            "notAfter": "2025-03-25T08:25:58Z",
            "maxEuroPerDTU": 50,
            "scriptPath": "/myjobs/spark/script.py",
            "env": {"INPUT": "/myjobs/data"},
            "restrictions": {"region": "Sweden", "vendor": ["elastx", "safespring"]},
        },
    }
    refused = operator.post(ALIAS, manifest)
    assert refused.status == 422
    assert refused.json["message"] == (
        'job.strongmoose.dsoderlund.consulting "my-first-sparkjob" is invalid: spec.notAfter: '
        'Invalid value: "2025-03-25T08:25:58Z": lies in the past '
        "(it is 2026-11-22T12:00:00Z now); choose a later time"
    )
    assert refused.json["details"]["causes"][0]["field"] == "spec.notAfter"
    manifest["spec"]["notAfter"] = "2027-03-25T08:25:58Z"
    assert operator.post(ALIAS, manifest).status == 201


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"maxEuroPerDTU": "-1"}, "spec.maxEuroPerDTU"),
        ({"maxEuroPerDTU": "-0"}, "spec.maxEuroPerDTU"),
        ({"maxEuroPerDTU": -0.5}, "spec.maxEuroPerDTU"),
        ({"maxEuroPerDTU": "NaN"}, "spec.maxEuroPerDTU"),
        ({"maxEuroPerDTU": "1e400"}, "spec.maxEuroPerDTU"),
        ({"maxEuroPerDTU": 2**63}, "spec.maxEuroPerDTU"),
        ({"maxEuroPerDTU": "0." + "1" * 30}, "spec.maxEuroPerDTU"),
        ({"maxEuroPerDTU": ""}, "spec.maxEuroPerDTU"),
        ({"maxEuroPerDTU": True}, "spec.maxEuroPerDTU"),
        ({"maxEuroPerDTU": [1]}, "spec.maxEuroPerDTU"),
        ({"notAfter": "tomorrow"}, "spec.notAfter"),
        ({"notAfter": "2027-02-30T00:00:00Z"}, "spec.notAfter"),
        ({"notBefore": "2999-01-01T00:00:00Z"}, "spec.notBefore"),
        ({"notBefore": 7}, "spec.notBefore"),
        ({"expectedDuration": "soon"}, "spec.expectedDuration"),
        ({"scriptPath": "script.py"}, "spec.scriptPath"),
        ({"scriptPath": "/bucket"}, "spec.scriptPath"),
        ({"scriptPath": "/../etc/passwd"}, "spec.scriptPath"),
        ({"buckets": ["Not a name"]}, "spec.buckets[0]"),
        ({"resources": {"cpu": "0"}}, "spec.resources.cpu"),
        ({"resources": {"memory": "lots"}}, "spec.resources.memory"),
        ({"resources": {"cpu": "-1"}}, "spec.resources.cpu"),
        ({"backoffLimit": 1000}, "spec.backoffLimit"),
        ({"tolerations": [{"key": "a", "operator": "Like"}]}, "spec.tolerations[0].operator"),
        ({"tolerations": [{"key": "a"}, {}]}, "spec.tolerations[1].operator"),
        ({"tolerations": [{"key": "a", "effect": "Never"}]}, "spec.tolerations[0].effect"),
        ({"tolerations": [{"key": 7}]}, "spec.tolerations[0].key"),
        ({"tolerations": [{"key": "a"}] * 65}, "spec.tolerations"),
        ({"restrictions": {"allOf": [{"attribute": "a"}]}}, "spec.restrictions.allOf[0]"),
        ({"restrictions": {"anyOf": [{}]}}, "spec.restrictions.anyOf[0]"),
        (
            {"restrictions": {"not": {"attribute": "isolation", "above": "x"}}},
            "spec.restrictions.not.above",
        ),
    ],
)
def test_a_job_that_cannot_be_read_is_refused_by_its_field(
    operator: Any, spec: dict[str, Any], field: str
) -> None:
    refused = operator.post(JOBS, job(**spec))
    assert refused.status == 422, refused.body
    assert field in [cause["field"] for cause in refused.json["details"]["causes"]]


@pytest.mark.parametrize("price", [0, 50, 0.035, "0.035", "1000000000"])
def test_prices_are_decimals(operator: Any, price: Any) -> None:
    assert operator.post(JOBS, job(maxEuroPerDTU=price)).status == 201


def test_a_deadline_that_passed_later_does_not_hinder_other_changes(
    cloud: Any, operator: Any
) -> None:
    operator.post(JOBS, job(notAfter="2026-11-22T13:00:00Z"))
    cloud.now += 2 * 3600 * 1000
    labelled = operator.merge(f"{JOBS}/j", {"metadata": {"labels": {"a": "b"}}})
    assert labelled.status == 200
    moved = operator.merge(f"{JOBS}/j", {"spec": {"notAfter": "2026-11-22T13:30:00Z"}})
    assert moved.status == 422


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"pricePerDTU": "-1"}, "spec.pricePerDTU"),
        ({"calendar": {"timeZone": "Mars/Olympus"}}, "spec.calendar.timeZone"),
        ({"calendar": {"timeZone": "../../etc/passwd"}}, "spec.calendar.timeZone"),
        ({"calendar": {"timeZone": "x" * 100_000}}, "spec.calendar.timeZone"),
        (
            {"calendar": {"rules": [{"from": "08:00", "until": "17:00", "pricePerDTU": "x"}]}},
            "spec.calendar.rules[0].pricePerDTU",
        ),
        (
            {"calendar": {"exceptions": [{"date": "2026-02-30"}]}},
            "spec.calendar.exceptions[0].date",
        ),
        ({"calendar": {"rules": [{"from": "08:00", "until": "08:00"}]}}, "spec.calendar.rules[0]"),
        ({"reclaimNotice": "x"}, "spec.reclaimNotice"),
        ({"attributes": {"region": "Sweden"}}, "spec.attributes.region"),
        ({"limits": {"perNamespace": {"share": "200%"}}}, "spec.limits.perNamespace.share"),
        ({"limits": {"perNamespace": {"cpu": "-1"}}}, "spec.limits.perNamespace.cpu"),
        ({"refuses": {"longerThan": "soon"}}, "spec.refuses.longerThan"),
        ({"refuses": {"features": ["Fun"]}}, "spec.refuses.features"),
        ({"attributes": {"a b": "c"}}, "spec.attributes.a b"),
    ],
)
def test_an_offer_that_cannot_be_read_is_refused_by_its_field(
    operator: Any, change: dict[str, Any], field: str
) -> None:
    spec = {"vendor": "v", "pricePerDTU": "1", **change}
    refused = operator.post(OFFERS, {"metadata": {"name": "o"}, "spec": spec})
    assert refused.status == 422, refused.body
    fields = [cause["field"] for cause in refused.json["details"]["causes"]]
    assert any(one.startswith(field) for one in fields), fields


@pytest.mark.parametrize(
    ("note", "value"),
    [
        ("busbar.dev/max-euro-per-dtu", "free"),
        ("busbar.dev/not-after", "2020-01-01T00:00:00Z"),
        ("busbar.dev/not-before", "2999-01-01T00:00:00Z"),
        ("busbar.dev/not-before", "soon"),
        ("busbar.dev/expected-duration", "-5m"),
        ("busbar.dev/may-wait", "maybe"),
        ("busbar.dev/gang-size", "0"),
        ("busbar.dev/gang", "not a name"),
        ("busbar.dev/restrictions", "{"),
        ("busbar.dev/restrictions", '{"a": []}'),
    ],
)
def test_the_market_terms_of_a_plain_pod_are_read_too(operator: Any, note: str, value: str) -> None:
    meta = {"name": "p", "annotations": {note: value}}
    spec = {"containers": [{"name": "c", "image": "i"}]}
    refused = operator.post("/api/v1/namespaces/alpha/pods", {"metadata": meta, "spec": spec})
    assert refused.status == 422
    assert f"metadata.annotations[{note}]" in refused.json["message"]


def test_a_job_that_could_never_be_a_whole_gang_is_refused(operator: Any) -> None:
    note = "busbar.dev/gang-size"
    template = {
        "metadata": {"annotations": {note: "3"}},
        "spec": {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"},
    }
    jobs = "/apis/batch/v1/namespaces/alpha/jobs"
    job = {"metadata": {"name": "j"}, "spec": {"template": template, "parallelism": 2}}
    refused = operator.post(jobs, job)
    assert refused.status == 422
    assert f"spec.template.metadata.annotations[{note}]" in refused.json["message"]
    assert "spec.parallelism, which is 2" in refused.json["message"]
    assert operator.post(jobs, {**job, "spec": {**job["spec"], "parallelism": 3}}).status == 201


def test_expressions_and_node_affinity_are_taken_and_kept(operator: Any) -> None:
    wanted = {
        "region": "Sweden",
        "allOf": [
            {"certification": ["ISO27001"]},
            {"attribute": "isolation", "atLeast": "sandbox"},
        ],
        "not": {"zone": "se-2"},
    }
    made = operator.post(JOBS, job(restrictions=wanted))
    assert (made.status, made.json["spec"]["restrictions"]) == (201, wanted)
    term = {"matchExpressions": [{"key": "disk", "operator": "Gt", "values": ["3"]}]}
    required = {"nodeSelectorTerms": [term]}
    key = "requiredDuringSchedulingIgnoredDuringExecution"
    spec = {
        "containers": [{"name": "c", "image": "i"}],
        "affinity": {"nodeAffinity": {key: required}},
    }
    body = {"metadata": {"name": "p"}, "spec": spec}
    assert operator.post("/api/v1/namespaces/alpha/pods", body).status == 201
    term["matchExpressions"][0]["values"] = ["high"]
    body["metadata"]["name"] = "q"
    refused = operator.post("/api/v1/namespaces/alpha/pods", body)
    assert refused.status == 422
    assert f"{key}.nodeSelectorTerms[0].matchExpressions[0].values" in refused.json["message"]


@pytest.mark.parametrize("lacks", ["mayWait", "expectedDuration"])
def test_work_in_pieces_needs_a_length_and_leave_to_wait(operator: Any, lacks: str) -> None:
    spec = {"image": "i", "mayWait": True, "mayBeInterrupted": True, "expectedDuration": "3h"}
    jobs = "/apis/busbar.dev/v1alpha1/namespaces/alpha/jobs"
    short = {"metadata": {"name": "j"}, "spec": {k: v for k, v in spec.items() if k != lacks}}
    refused = operator.post(jobs, short)
    assert refused.status == 422
    assert "spec.mayBeInterrupted" in refused.json["message"]
    assert f"needs spec.{lacks}" in refused.json["message"]
    assert operator.post(jobs, {**short, "spec": spec}).status == 201


def test_a_namespace_has_one_account(operator: Any) -> None:
    accounts = "/apis/busbar.dev/v1alpha1/namespaces/alpha/accounts"
    assert operator.post(accounts, {"metadata": {"name": "second"}, "spec": {}}).status == 422
    budget = {"metadata": {"name": "account"}, "spec": {"budget": "-5"}}
    assert operator.post(accounts, budget).status == 422
    assert operator.post(accounts, {"metadata": {"name": "account"}, "spec": {}}).status == 201


def test_generations_count_changes_of_the_spec(operator: Any) -> None:
    assert operator.post(JOBS, job()).json["metadata"]["generation"] == 1
    labelled = operator.merge(f"{JOBS}/j", {"metadata": {"labels": {"a": "b"}}}).json
    assert labelled["metadata"]["generation"] == 1
    status = operator.merge(f"{JOBS}/j/status", {"status": {"phase": "Running"}}).json
    assert (status["metadata"]["generation"], status["status"]["phase"]) == (1, "Running")
    changed = operator.merge(f"{JOBS}/j", {"spec": {"mayWait": True}}).json
    assert changed["metadata"]["generation"] == 2
