"""Which OCI runtime is there, how it is asked, and what makes it unfit."""

from __future__ import annotations

from pathlib import Path

import pytest

from busbar.agent.runtimes.contract import PodSandbox
from busbar.agent.runtimes.runc import engines
from busbar.agent.runtimes.runc.selfcheck import judged

SANDBOX = PodSandbox("self-check", "10.88.0.10", "/run/net", 1 << 20, 1 << 20)
GOOD = """Uid:\t0\t0\t0\t0
Gid:\t0\t0\t0\t0
Groups:\t
CapInh:\t0000000000000000
CapPrm:\t00000000000005fb
CapEff:\t00000000000005fb
CapBnd:\t00000000000005fb
CapAmb:\t0000000000000000
NoNewPrivs:\t1
Seccomp:\t2
Seccomp_filters:\t1
         0    1048576      65536
Pids: 64
Memory: 67108864
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the only folder in which programs are looked for; empty."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(folder: Path, name: str) -> None:
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


def groups(folder: Path, controllers: str | None) -> Path:
    """Make the control groups of a machine; None: it has those of one version only."""
    if controllers is not None:
        (folder / "unified").mkdir(parents=True)
        (folder / "unified/cgroup.controllers").write_text(controllers)
    return folder


def test_what_is_not_installed_is_none(programs: Path) -> None:
    assert engines.installed(engines.CRUN) is None


def test_both_take_the_same_command(programs: Path, tmp_path: Path) -> None:
    for name in (engines.RUNC, engines.CRUN):
        program(programs, name)
        engine = engines.installed(name, groups(tmp_path / name, None))
        assert engine is not None
        command = engine.command(tmp_path, tmp_path / "c", "id")
        assert command[0] == str(programs / name)
        assert command[command.index("run") :][:2] == ["run", "--detach"]
        assert command[-1] == "id"


@pytest.mark.parametrize(
    ("name", "controllers", "hidden"),
    [
        ("crun", "hugetlb\n", ["unified"]),
        ("crun", "\n", []),
        ("crun", None, []),
        ("runc", "hugetlb\n", []),
    ],
)
def test_crun_does_not_see_groups_of_both_versions(
    programs: Path, tmp_path: Path, name: str, controllers: str | None, hidden: list[str]
) -> None:
    program(programs, name)
    engine = engines.installed(name, groups(tmp_path / "cgroup", controllers))
    assert engine is not None
    assert [Path(path).name for path in engine.hides] == hidden


def test_another_program_at_its_path_is_another_version(programs: Path, tmp_path: Path) -> None:
    program(programs, "crun")
    engine = engines.installed("crun", tmp_path)
    assert engine is not None
    before = engine.version
    (programs / "crun").write_text("#!/bin/sh\nexit 1\n")
    assert engine.version != before


def test_a_container_as_it_should_be_gives_no_complaint() -> None:
    assert judged(GOOD, SANDBOX) == ""


def test_a_kernel_that_does_not_count_filters_gives_no_complaint() -> None:
    assert judged(GOOD.replace("Seccomp_filters:\t1\n", ""), SANDBOX) == ""


@pytest.mark.parametrize(
    ("was", "now", "complaint"),
    [
        ("Seccomp:\t2", "Seccomp:\t0", "Seccomp is 0"),
        ("NoNewPrivs:\t1", "NoNewPrivs:\t0", "NoNewPrivs is 0"),
        ("NoNewPrivs:\t1\n", "", "NoNewPrivs is not said"),
        ("CapEff:\t00000000000005fb", "CapEff:\t000001ffffffffff", "CapEff is 000001ffffffffff"),
        ("CapInh:\t0000000000000000", "CapInh:\t00000000000005fb", "CapInh is 00000000000005fb"),
        ("Groups:\t", "Groups:\t27", "Groups is 27"),
        ("1048576", "0", "the ids of its user namespace are not the Pod's"),
        ("Pids: 64", "Pids: max", "Pids is max"),
        ("Memory: 67108864", "Memory:", "Memory is "),
        ("Pids: 64", "Pids: 64\nWritten: /proc/sys", "written: /proc/sys"),
    ],
)
def test_what_is_not_as_it_should_be_is_named(was: str, now: str, complaint: str) -> None:
    assert judged(GOOD.replace(was, now), SANDBOX) == complaint
