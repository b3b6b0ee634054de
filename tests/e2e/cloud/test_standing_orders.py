"""A Procurement applied with kubectl: what it holds, what draws on it, what is sold again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from tests.e2e.cloud.conftest import Cloud

NAMESPACE = "keeper"
KEPT = """
apiVersion: busbar.dev/v1alpha1
kind: Procurement
metadata: {name: web, namespace: keeper}
spec:
  units: 2
  resources: {cpu: 500m, memory: 512Mi}
  maxEuroPerDTU: "0.1"
  horizon: 2h
  sellAbove: "0.5"
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: mine, namespace: keeper}
spec:
  restartPolicy: Never
  containers:
  - name: main
    image: busybox
    command: [sh, -c, "echo drawn"]
    resources: {requests: {cpu: 500m, memory: 256Mi}}
"""


@pytest.fixture(scope="module")
def keeper(cloud: Cloud) -> Iterator[Cloud]:
    """A namespace that holds two units; it goes with all that it holds."""
    cloud.kubectl("create", "namespace", NAMESPACE)
    cloud.busbar("account", "-n", NAMESPACE, "--top-up", "5")
    cloud.kubectl("apply", "-f", "-", text=KEPT)
    cloud.eventually("-n", NAMESPACE, "procurement", "web", field="phase", is_="Held")
    yield cloud
    cloud.kubectl("delete", "namespace", NAMESPACE)


def test_its_row_says_what_is_held_and_for_how_much(keeper: Cloud) -> None:
    head, row = keeper.kubectl("-n", NAMESPACE, "get", "procurements", "-o", "wide").splitlines()
    assert head.split()[:2] == ["NAME", "PHASE"]
    for title in ("UNITS", "HELD NOW", "HELD HOURS", "MISSING HOURS", "COMMITTED €"):
        assert title in head
    status = keeper.get("-n", NAMESPACE, "procurement", "web")["status"]
    assert (status["units"], status["unitsNow"], status["unitHours"]) == (2, 2, 6)
    assert status.get("missing", 0) == 0
    assert float(status["committed"]) > 0
    assert status["committed"] in row
    described = keeper.kubectl("-n", NAMESPACE, "describe", "procurement", "web")
    assert "Every hour is held until" in described
    assert "Procured" in described
    contracts = keeper.kubectl("-n", NAMESPACE, "get", "contracts", "-o", "wide").splitlines()
    phases = [row.split()[1] for row in contracts[1:]]
    assert (phases.count("Held"), phases.count("Reserved")) == (2, 4)


def test_a_pod_draws_on_it_as_was_quoted_and_pays_nothing_more(keeper: Cloud) -> None:
    file = keeper.data / "mine.yaml"
    file.write_text(POD)
    quote = json.loads(keeper.busbar("quote", str(file), "-o", "json").stdout)
    (draw,) = quote["now"]["draws"]
    assert (quote["now"]["cost"], draw["procurement"]) == ("0", "web")
    keeper.kubectl("apply", "-f", str(file))
    keeper.eventually("-n", NAMESPACE, "pod", "mine", field="phase", is_="Succeeded")
    assert keeper.kubectl("-n", NAMESPACE, "logs", "mine").strip() == "drawn"
    assert "Draws on web" in keeper.kubectl("-n", NAMESPACE, "describe", "pod", "mine")
    end = time.monotonic() + 60
    while (found := _receipt(keeper))["contracts"][0]["closed"] != "Completed":
        assert time.monotonic() < end, found
    (contract,) = found["contracts"]
    assert contract["debit"] == "0"
    assert found["total"]["agrees"]


def _receipt(cloud: Cloud) -> dict[str, list[dict[str, str]]]:
    found = cloud.busbar("receipt", "mine", "-n", NAMESPACE, "-o", "json").stdout
    receipt: dict[str, list[dict[str, str]]] = json.loads(found)
    return receipt


def test_what_is_not_used_is_in_the_book_of_all_at_its_ask(keeper: Cloud) -> None:
    end = time.monotonic() + 60
    while "resale-" not in (seen := keeper.busbar("market").stdout):
        assert time.monotonic() < end, seen
    (row,) = (line for line in seen.splitlines() if "resale-" in line)
    assert "0.5" in row.split()
    assert NAMESPACE not in row


def test_who_cannot_draw_on_it_is_told_why(keeper: Cloud) -> None:
    large = POD.replace("name: mine", "name: large").replace("cpu: 500m", 'cpu: "64"')
    keeper.kubectl("apply", "-f", "-", text=large)
    told = ("wait", "--for=condition=PodScheduled=false", "pod/large", "--timeout=30s")
    keeper.kubectl("-n", NAMESPACE, *told)
    said = keeper.busbar("market", "why", f"{NAMESPACE}/large").stdout
    assert "web: it asks for more than is held there and not in use" in " ".join(said.split())
    keeper.kubectl("-n", NAMESPACE, "delete", "pod", "large")
