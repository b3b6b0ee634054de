"""An account that runs dry: no new contracts, running ones end with their term, told before.

That what runs ends with the *slot* in which its money is gone, at a balance of any size, takes
hours: tests/unit/controllers/test_contracts.py has it. Here the first term is made short.
"""

from __future__ import annotations

import json
import time

from tests.e2e.cloud.conftest import Cloud

from busbar.model.money import format_euro, parse_euro

NAMESPACE = "thin"
TERM_SECONDS = 20
POD = f"""
apiVersion: v1
kind: Pod
metadata:
  name: runs
  namespace: {NAMESPACE}
  annotations: {{busbar.dev/expected-duration: {TERM_SECONDS}s}}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: busybox
    command: [sh, -c, "trap 'exit 0' TERM; sleep 600 & wait"]
    resources: {{requests: {{cpu: 500m, memory: 64Mi}}}}
"""


def test_new_orders_are_refused_and_what_runs_ends_with_its_term_told_before(
    cloud: Cloud,
) -> None:
    cloud.kubectl("create", "namespace", NAMESPACE)
    file = cloud.data / "runs.yaml"
    file.write_text(POD)
    cost = json.loads(cloud.busbar("quote", str(file), "-o", "json").stdout)["now"]["cost"]
    # Less than a second of it beyond the term: whatever the hour, no second slot can be paid.
    enough = parse_euro(cost, "cost") + 10
    cloud.busbar("account", "-n", NAMESPACE, "--top-up", format_euro(enough))
    cloud.kubectl("apply", "-f", str(file))
    cloud.eventually("-n", NAMESPACE, "pod", "runs", field="phase", is_="Running")

    cloud.kubectl("apply", "-f", "-", text=POD.replace("name: runs", "name: late"))
    refused = ("wait", "--for=condition=PodScheduled=false", "pod/late", "--timeout=30s")
    cloud.kubectl("-n", NAMESPACE, *refused)
    reason = "jsonpath={.status.conditions[?(@.type=='PodScheduled')].reason}"
    told = cloud.kubectl("-n", NAMESPACE, "get", "pod", "late", "-o", reason)
    assert told == "InsufficientFunds"
    late = cloud.kubectl("-n", NAMESPACE, "describe", "pod", "late")
    assert "Top up the namespace's account" in " ".join(late.split())

    ahead = _until_event(cloud, "ContractEnding")
    assert ahead["message"].startswith("Ends at ")
    ended = _until_event(cloud, "BalanceExhausted")
    assert ahead["firstTimestamp"] <= ended["firstTimestamp"]
    gone = ("wait", "--for=delete", "pod/runs", "--timeout=60s")
    cloud.kubectl("-n", NAMESPACE, *gone)
    (contract,) = cloud.get("-n", NAMESPACE, "contracts")["items"]
    assert contract["status"]["reason"] == "BalanceExhausted"
    assert contract["status"]["billedNano"] <= enough
    ran = contract["status"]["finishedMs"] - contract["status"]["startedMs"]
    assert ran > (TERM_SECONDS - 10) * 1000
    assert "✓" in cloud.busbar("receipt", "runs", "-n", NAMESPACE).stdout
    cloud.kubectl("-n", NAMESPACE, "delete", "pod", "late")
    cloud.kubectl("delete", "namespace", NAMESPACE)


def _until_event(cloud: Cloud, reason: str) -> dict[str, str]:
    """Wait for an Event on the Pod that runs."""
    end = time.monotonic() + 90
    while True:
        events = cloud.get("-n", NAMESPACE, "events", f"--field-selector=reason={reason}")["items"]
        found = [e for e in events if e["involvedObject"]["name"] == "runs"]
        if found:
            return dict(found[0])
        assert time.monotonic() < end, f"no Event {reason}"
