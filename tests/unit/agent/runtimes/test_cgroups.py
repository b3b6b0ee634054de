"""Control groups of both versions, in trees that stand for the kernel's."""

from __future__ import annotations

from pathlib import Path

from busbar.agent.runtimes.contract import Use
from busbar.agent.runtimes.runc.cgroups import Cgroups, shares_of, weight_of


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def unified(root: Path) -> Cgroups:
    put(root, "cgroup.controllers", "cpu memory pids\n")
    put(root, "b/c/cpu.stat", "usage_usec 1234567\nuser_usec 1\nsystem_usec 2\n")
    put(root, "b/c/memory.peak", "4096\n")
    put(root, "b/c/memory.current", "3072\n")
    put(root, "b/c/memory.stat", "anon 1024\ninactive_file 1024\nactive_file 1024\n")
    put(root, "b/c/cgroup.procs", "11\n12\n")
    (root / "b/d").mkdir()
    return Cgroups(root)


def mixed(root: Path) -> Cgroups:
    put(root, "cpuacct/b/c/cpuacct.usage", "1234567890\n")
    put(root, "memory/b/c/memory.max_usage_in_bytes", "4096\n")
    put(root, "memory/b/c/memory.usage_in_bytes", "3072\n")
    put(root, "memory/b/c/memory.stat", "inactive_file 0\ntotal_inactive_file 1024\n")
    put(root, "memory/b/c/cgroup.procs", "11\n")
    put(root, "pids/b/c/cgroup.procs", "12\n")
    (root / "pids/b/d").mkdir()
    (root / "unified").mkdir()
    (root / "cpu").symlink_to("cpuacct")
    return Cgroups(root)


def test_use_is_read_alike(tmp_path: Path) -> None:
    for make in (unified, mixed):
        groups = make(tmp_path / make.__name__)
        assert groups.use("/b/c") == Use(1234, 4096, 2048)
        assert groups.use("/b/nosuch") == Use(0, 0, 0)


def test_groups_and_processes_are_found_in_every_hierarchy(tmp_path: Path) -> None:
    for make in (unified, mixed):
        groups = make(tmp_path / make.__name__)
        assert groups.groups("/b") == {"c", "d"}
        assert groups.processes("/b/c") == {11, 12}
        assert groups.groups("/nosuch") == set()
        assert groups.processes("/nosuch") == set()


def test_kills_for_memory_are_counted_where_each_version_counts_them(tmp_path: Path) -> None:
    new, old = unified(tmp_path / "new"), mixed(tmp_path / "old")
    assert new.oom_files("/b/c") == [f"{tmp_path}/new/b/c/memory.events"]
    assert old.oom_files("/b/c") == [f"{tmp_path}/old/memory/b/c/memory.oom_control"]


def test_empty_groups_are_removed_with_their_children(tmp_path: Path) -> None:
    (tmp_path / "new/b/e/inner").mkdir(parents=True)
    (tmp_path / "old/pids/b/e/inner").mkdir(parents=True)
    for groups in (unified(tmp_path / "new"), mixed(tmp_path / "old")):
        groups.remove("/b/e")
        groups.remove("/b/e")
        assert "e" not in groups.groups("/b")


def test_a_pod_is_limited_in_version_2(tmp_path: Path) -> None:
    groups = unified(tmp_path)
    put(tmp_path, "b/p/memory.swap.max", "max\n")
    groups.limit("/b/p", 2000, 1 << 30)
    read = {p.name: p.read_text() for p in (tmp_path / "b/p").iterdir()}
    assert read == {"cpu.weight": "79", "memory.max": str(1 << 30), "memory.swap.max": "0"}
    for place in (tmp_path, tmp_path / "b"):
        assert (place / "cgroup.subtree_control").read_text() == "+memory"  # Written one by one.


def test_a_pod_is_limited_in_version_1(tmp_path: Path) -> None:
    groups = mixed(tmp_path)
    put(tmp_path, "memory/b/p/memory.memsw.limit_in_bytes", "9223372036854771712\n")
    groups.limit("/b/p", 250, 1 << 30)
    memory = tmp_path / "memory/b/p"
    assert (memory / "memory.limit_in_bytes").read_text() == str(1 << 30)
    assert (memory / "memory.memsw.limit_in_bytes").read_text() == str(1 << 30)
    assert (tmp_path / "cpu/b/p/cpu.shares").read_text() == "256"


def test_a_kernel_without_accounting_of_swap_has_no_limit_of_it(tmp_path: Path) -> None:
    groups = mixed(tmp_path)
    groups.limit("/b/p", 250, 1 << 30)
    assert not (tmp_path / "memory/b/p/memory.memsw.limit_in_bytes").exists()


def test_shares_have_a_floor_and_weights_follow_them() -> None:
    assert [shares_of(milli) for milli in (0, 1, 1000, 4000)] == [2, 2, 1024, 4096]
    assert [weight_of(milli) for milli in (0, 1000, 10**9)] == [1, 39, 10_000]
