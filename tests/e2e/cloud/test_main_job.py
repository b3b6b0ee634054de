"""The main job, as the README tells it."""

from __future__ import annotations

import json
import re

from tests.e2e.cloud.conftest import Cloud


def test_the_job_is_bought_where_it_may_run_and_the_funnel_says_why_not_cheaper(
    cloud: Cloud,
) -> None:
    status = cloud.status("my-first-sparkjob")
    assert status["phase"] == "Succeeded"
    assert status["vendor"] in ("elastx", "safespring")
    assert any("hansecloud" in clause and "Sweden" in clause for clause in status["funnel"])
    assert "hansecloud" in cloud.story


def test_the_result_is_in_the_bucket_and_was_shown(cloud: Cloud) -> None:
    exports = cloud.busbar("-n", "xyz", "bucket", "--credentials").stdout
    cloud.environment |= dict(re.findall(r"^export (\S+)=(\S+)$", exports, re.MULTILINE))
    listed = cloud.run("aws", "s3", "ls", "--recursive", "s3://myjobs/out/wordcount/").stdout
    assert re.search(r"top/part-\S+\.csv", listed)
    assert "words/_SUCCESS" in listed
    assert "_temporary" not in listed
    assert re.search(r"^word\s+count", cloud.story, re.MULTILINE)


def test_the_receipt_balances_and_the_ledger_holds(cloud: Cloud) -> None:
    document = json.loads(
        cloud.busbar("-n", "xyz", "receipt", "my-first-sparkjob", "-o", "json").stdout
    )
    assert document["total"]["agrees"] is True
    assert float(document["total"]["debit"]) > 0
    assert document["contracts"][0]["closed"] == "Completed"
    assert "holds" in cloud.busbar("verify-ledger").stdout


def test_a_second_quickstart_finds_all_in_place(cloud: Cloud) -> None:
    story = cloud.busbar("quickstart", seconds=300).stdout
    assert "is in the image store already" in story
    assert "✓" in story


def test_the_manifest_word_for_word_is_refused_with_its_field(cloud: Cloud) -> None:
    said = cloud.kubectl("apply", "-f", "examples/quickstart/job.yaml", code=None)
    assert "spec.notAfter" in said
    assert "past" in said
