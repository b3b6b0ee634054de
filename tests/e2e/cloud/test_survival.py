"""Parts die, work goes on, and each second is billed once."""

from __future__ import annotations

import os
import signal

from tests.e2e.cloud.conftest import Cloud

from busbar.model.dtu import amount

COUNT = "i=0; while [ $i -lt 12 ]; do i=$((i+1)); echo line $i; sleep 1; done; exit 5"


def test_an_agent_killed_takes_its_workload_up_again(cloud: Cloud) -> None:
    cloud.job("agent-dies", command=["sh", "-c", COUNT])
    node = cloud.until("agent-dies", "phase", "Running")["node"]
    os.kill(cloud.node_pid(node), signal.SIGKILL)
    cloud.busbar("agent", "start", node)
    status = cloud.until("agent-dies", "phase", "Failed")
    assert (status["exitCode"], status["node"]) == (5, node)
    log = cloud.busbar("-n", "xyz", "logs", "agent-dies").stdout
    assert log.splitlines() == [f"line {n}" for n in range(1, 13)]


def test_a_control_plane_killed_comes_back_and_bills_once(cloud: Cloud) -> None:
    cloud.job("cloud-dies", command=["sh", "-c", COUNT])
    cloud.until("cloud-dies", "phase", "Running")
    pid = int((cloud.data / "busbar.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    cloud.busbar("up")
    status = cloud.until("cloud-dies", "phase", "Failed")
    assert status["exitCode"] == 5
    contracts = cloud.get("-n", "xyz", "contracts")["items"]
    mine = [c for c in contracts if c["spec"]["order"]["name"] == status["pod"]]
    assert len(mine) == 1
    ran = mine[0]["status"]["finishedMs"] - mine[0]["status"]["startedMs"]
    assert ran >= 12_000
    price = mine[0]["spec"]["slots"][0]["priceNano"]
    assert mine[0]["status"]["billedNano"] == amount(price, mine[0]["spec"]["drawMicro"], ran)
    assert "holds" in cloud.busbar("verify-ledger").stdout


def test_a_deleted_job_stops_and_pays_only_what_ran(cloud: Cloud) -> None:
    cloud.job("deleted", command=["sleep", "600"])
    pod = cloud.until("deleted", "phase", "Running")["pod"]
    cloud.kubectl("-n", "xyz", "delete", "jobs.busbar.dev", "deleted")
    cloud.kubectl("-n", "xyz", "wait", "--for=delete", f"pod/{pod}", "--timeout=60s")
    cloud.eventually("-n", "xyz", "accounts", "account", field="held", is_="0")
