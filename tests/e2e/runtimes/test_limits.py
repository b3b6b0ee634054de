"""What a workload may use: its share, and no more."""

from __future__ import annotations

from pathlib import Path

from tests.contract.runtimes.promises import UID
from tests.e2e.runtimes.conftest import RuncStage

from busbar.agent.runtimes.contract import pod_part
from busbar.agent.runtimes.runc.cgroups import Cgroups, weight_of

MIB = 1 << 20


def setting(stage: RuncStage, id_: str, hierarchy: str, old: str, new: str) -> str:
    """Read a control group's file, in whichever version this machine has."""
    root = Path("/sys/fs/cgroup")
    if Cgroups().unified:
        return (root / f"busbar-{stage.tag}" / pod_part(id_) / id_ / new).read_text().strip()
    place = root / hierarchy / f"busbar-{stage.tag}" / pod_part(id_) / id_
    return (place / old).read_text().strip()


def group_of(stage: RuncStage, id_: str) -> str:
    """Give a container's control group, below its Pod's."""
    return f"/busbar-{stage.tag}/{pod_part(id_)}/{id_}"


def buy(stage: RuncStage, **requests: str) -> None:
    """Let the Pod request this."""
    stage.pod_spec = {"containers": [{"name": "one", "resources": {"requests": requests}}]}


async def test_a_fork_bomb_is_held(stage: RuncStage) -> None:
    script = "i=0; while [ $i -lt 100 ]; do sleep 1000 & i=$((i+1)); done"
    id_ = await stage.start(script, pids_limit=20)
    await stage.until(lambda: "fork" in stage.said())
    assert len(Cgroups().processes(group_of(stage, id_))) <= 20


async def test_memory_beyond_the_limit_ends_the_container(stage: RuncStage) -> None:
    script = "head -c 200000000 /dev/zero | tail"
    status, _ = await stage.ended(f"exec sh -c '{script}; exit 137'", memory_limit_bytes=32 * MIB)
    assert (status.exit_code, status.reason) == (137, "OOMKilled")


async def test_the_first_process_killed_for_memory_ends_with_137(stage: RuncStage) -> None:
    id_ = await stage.start("", layers=(stage.layer,), memory_limit_bytes=32 * MIB)
    await stage.runtime.wait(id_)
    await stage.runtime.remove(id_)
    words = ("dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1")
    spec = stage.command(
        "0a0a0a0a-1111-4222-8333-444444444444", *words, memory_limit_bytes=32 * MIB
    )
    await stage.runtime.start(spec)
    status = await stage.runtime.wait(spec.id)
    assert status is not None
    assert (status.exit_code, status.reason) == (137, "OOMKilled")


async def test_an_ordinary_137_is_no_lack_of_memory(stage: RuncStage) -> None:
    status, _ = await stage.ended("exit 137", memory_limit_bytes=32 * MIB)
    assert (status.exit_code, status.reason) == (137, "")


async def test_limits_are_set_in_the_control_group(stage: RuncStage) -> None:
    id_ = await stage.start(
        "sleep 1000", cpu_milli=250, cpu_limit_milli=500, memory_limit_bytes=64 * MIB
    )
    quota = setting(stage, id_, "cpu", "cpu.cfs_quota_us", "cpu.max")
    assert quota.split()[0] == "50000"
    memory = setting(stage, id_, "memory", "memory.limit_in_bytes", "memory.max")
    assert int(memory) == 64 * MIB
    assert setting(stage, id_, "pids", "pids.max", "pids.max") == "4096"
    if not Cgroups().unified:
        assert setting(stage, id_, "cpu", "cpu.shares", "") == "256"


async def test_use_is_counted(stage: RuncStage) -> None:
    id_ = await stage.start("i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; sleep 1000")
    await stage.until(lambda: Cgroups().use(group_of(stage, id_)).cpu_ms > 20)
    used = await stage.runtime.use(id_)
    assert used.cpu_ms > 20
    assert used.memory_peak_bytes > 10_000


async def test_containers_of_a_pod_have_no_more_together_than_it_bought(stage: RuncStage) -> None:
    """Each stays within what it could have alone; the one that goes beyond is named."""
    buy(stage, memory="64Mi")
    words = f"( head -c {20 * MIB} /dev/zero; sleep 1000 ) | tail -c {20 * MIB}"
    first = await stage.start(words, name="one", memory_limit_bytes=64 * MIB)
    await stage.until(lambda: Cgroups().use(group_of(stage, first)).memory_peak_bytes > 20 * MIB)
    words = f"head -c {60 * MIB} /dev/zero | tail -c {60 * MIB}; exit 137"
    status, _ = await stage.ended(words, name="two", memory_limit_bytes=64 * MIB)
    assert status.reason == "OOMKilled"
    still = await stage.runtime.status(first)
    assert still is not None
    assert still.state == "running"


async def test_without_limits_of_their_own_containers_have_the_pods(stage: RuncStage) -> None:
    buy(stage, memory="32Mi")
    status, _ = await stage.ended("exec dd if=/dev/zero of=/dev/null bs=200M count=1")
    assert (status.exit_code, status.reason) == (137, "OOMKilled")


async def test_a_pod_competes_with_what_it_bought(stage: RuncStage) -> None:
    buy(stage, cpu="2")
    await stage.start("sleep 1000", cpu_milli=250)
    root, pods = Path("/sys/fs/cgroup"), f"busbar-{stage.tag}/{pod_part(UID)}"
    if Cgroups().unified:
        assert (root / pods / "cpu.weight").read_text().strip() == str(weight_of(2000))
    else:
        assert (root / "cpu" / pods / "cpu.shares").read_text().strip() == "2048"


async def test_the_working_set_is_what_a_container_holds(stage: RuncStage) -> None:
    buy(stage, memory="256Mi")
    held = await stage.start("head -c 40000000 /dev/zero | tail -c 39999999 | (read x; sleep 1000)")
    await stage.until(lambda: Cgroups().use(group_of(stage, held)).memory_bytes > 20 * MIB)
    used = await stage.runtime.use(held)
    assert used.memory_bytes <= used.memory_peak_bytes <= 256 * MIB
