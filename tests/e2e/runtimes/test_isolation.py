"""What a workload can see and do: nothing beyond its own Pod."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.contract.runtimes.promises import OTHER, UID, pod
from tests.e2e.runtimes.conftest import RuncStage

from busbar.agent.runtimes.contract import Mount, RuntimeFailed
from busbar.agent.runtimes.runc.config import CAPABILITIES

NUMBERS = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6}
NUMBERS |= {"SETUID": 7, "SETPCAP": 8, "NET_BIND_SERVICE": 10}


def fields(text: str) -> dict[str, str]:
    """Read what /proc/PID/status says."""
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


async def test_root_inside_is_nobody_outside(stage: RuncStage) -> None:
    id_ = await stage.start("id -u; sleep 1000")
    pid = stage.started(id_)["pid"]
    await stage.until(lambda: stage.said() != "")
    assert stage.said() == "0\n"
    outside = fields(Path(f"/proc/{pid}/status").read_text())
    assert all(int(uid) >= 1 << 20 for uid in outside["Uid"].split())
    assert all(int(gid) >= 1 << 20 for gid in outside["Gid"].split())


async def test_two_pods_share_no_ids_on_the_machine(stage: RuncStage) -> None:
    pids = [stage.started(await stage.start("sleep 1000", uid))["pid"] for uid in (UID, OTHER)]
    owners = {fields(Path(f"/proc/{pid}/status").read_text())["Uid"].split()[0] for pid in pids}
    assert len(owners) == 2


async def test_no_capability_beyond_the_list_and_no_new_privileges(stage: RuncStage) -> None:
    _, said = await stage.ended("cat /proc/self/status")
    seen = fields(said)
    allowed = sum(1 << NUMBERS[name.removeprefix("CAP_")] for name in CAPABILITIES)
    for kind in ("CapEff", "CapPrm", "CapBnd"):
        assert int(seen[kind], 16) == allowed, kind
    assert int(seen["CapInh"], 16) == 0
    assert int(seen["CapAmb"], 16) == 0
    assert seen["NoNewPrivs"] == "1"
    assert seen["Seccomp"] == "2"


async def test_a_user_of_the_image_has_no_capability(stage: RuncStage) -> None:
    _, said = await stage.ended("cat /proc/self/status", user="app")
    assert int(fields(said)["CapEff"], 16) == 0
    assert int(fields(said)["CapPrm"], 16) == 0


@pytest.mark.parametrize(
    "script",
    [
        "mount -t tmpfs tmpfs /tmp",
        "umount /proc",
        "unshare -U true",
        "unshare -m true",
        "unshare -n true",
        "chroot / true",
        "mknod /tmp/sda b 8 0",
        "echo 1 > /proc/sys/kernel/panic",
        "echo 1 > /proc/sys/net/ipv4/ip_forward",
        "echo b > /proc/sysrq-trigger",
        "[ $(date -s 2020-01-01 +%s > /dev/null; date +%Y) = 2020 ]",
        "ip link add x type dummy",
        "ip addr add 10.88.0.99/32 dev eth0",
        "nc -l -p 53 -e true & ping -c 1 127.0.0.1",
        "mkdir /sys/fs/cgroup/pids/x",
        "echo x > /sys/kernel/uevent_helper",
    ],
)
async def test_what_would_reach_the_machine_is_refused(stage: RuncStage, script: str) -> None:
    status, said = await stage.ended(f"({script}) 2>&1 && exit 99; exit 42")
    assert status.exit_code == 42, said


async def test_masked_paths_show_nothing(stage: RuncStage) -> None:
    _, said = await stage.ended("exec 2> /dev/null; cat /proc/kcore /proc/keys; ls /sys/firmware")
    assert said == ""


async def test_devices_are_the_harmless_ones(stage: RuncStage) -> None:
    _, said = await stage.ended("ls /dev")
    harmless = "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"
    assert set(said.split()) <= set(harmless.split())


async def test_a_workload_sees_its_own_processes_only(stage: RuncStage) -> None:
    await stage.start("sleep 1000", OTHER)
    _, said = await stage.ended("ls -d /proc/[0-9]*")
    assert len(said.split()) <= 3


async def test_the_root_may_be_read_only(stage: RuncStage) -> None:
    status, said = await stage.ended("touch /x 2>&1; echo $?", read_only_root=True)
    assert status.exit_code == 0
    assert "Read-only" in said


async def test_what_one_run_writes_neither_the_image_nor_the_next_run_sees(
    stage: RuncStage,
) -> None:
    before = sorted(path.name for path in stage.layer.iterdir())
    status, _ = await stage.ended("touch /x && rm /etc/group && [ -e /x ]")
    assert status.exit_code == 0
    status, _ = await stage.ended("[ ! -e /x ] && [ -e /etc/group ]", attempt=1)
    assert status.exit_code == 0
    assert sorted(path.name for path in stage.layer.iterdir()) == before


async def test_files_of_the_image_belong_to_root_inside(stage: RuncStage) -> None:
    _, said = await stage.ended("stat -c %u:%g /etc/passwd /bin /")
    assert said.split() == ["0:0"] * 3


async def test_an_image_may_have_many_layers(stage: RuncStage, tmp_path: Path) -> None:
    layers = [stage.layer]
    for number in range(120):
        layers.append(tmp_path / "layers" / f"{number:064d}")
        layers[-1].mkdir(parents=True)
        (layers[-1] / f"file{number}").touch()
    status, said = await stage.ended("ls -d /file* | wc -l", layers=tuple(layers))
    assert (status.exit_code, said.strip()) == (0, "120")


async def test_volumes_are_bound_for_writing_or_reading(stage: RuncStage, tmp_path: Path) -> None:
    for name in ("rw", "ro"):
        (tmp_path / name).mkdir(mode=0o777)
        (tmp_path / name).chmod(0o777)
    mounts = (Mount(tmp_path / "rw", "/data/rw"), Mount(tmp_path / "ro", "/data/ro", True))
    script = "echo a > /data/rw/f; echo b > /data/ro/f; true"
    status, said = await stage.ended(script, mounts=mounts)
    assert status.exit_code == 0
    assert (tmp_path / "rw/f").read_text() == "a\n"
    assert (tmp_path / "rw/f").stat().st_uid >= 1 << 20
    assert "Read-only" in said
    assert not (tmp_path / "ro/f").exists()


async def test_a_deeper_volume_is_not_hidden_by_a_shallow_one(
    stage: RuncStage, tmp_path: Path
) -> None:
    for name in ("outer", "inner"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)
        (tmp_path / name / name).touch()
    mounts = (Mount(tmp_path / "inner", "/a/b"), Mount(tmp_path / "outer", "/a"))
    _, said = await stage.ended("ls /a /a/b", mounts=mounts)
    assert "inner" in said
    assert "outer" in said


@pytest.mark.parametrize(
    ("user", "shown"),
    [
        ("", "0 0 0"),
        ("app", "1234 2345 2345 3456"),
        ("1234", "1234 2345 2345 3456"),
        ("app:extra", "1234 3456 3456"),
        ("77", "77 0 0"),
        ("77:88", "77 88 88"),
    ],
)
async def test_users_are_those_of_the_image(stage: RuncStage, user: str, shown: str) -> None:
    _, said = await stage.ended("echo $(id -u) $(id -g) $(id -G)", user=user)
    assert said.strip() == shown


async def test_groups_are_those_of_the_image_and_those_asked_for(stage: RuncStage) -> None:
    """The group of a volume, set group id included, counts for what the workload makes in it."""
    base = (await stage.runtime.prepare(pod(UID, "xyz"))).gid_base
    shared = stage.directory.parent / "shared"
    shared.mkdir()
    os.chown(shared, base, base + 2000)
    shared.chmod(0o2770)
    script = "echo $(id -u) $(id -g) $(id -G); touch /v/x && stat -c %u:%g /v/x"
    more = {"user": "1000", "group": 3000, "groups": (2000, 4000)}
    _, said = await stage.ended(script, mounts=(Mount(shared, "/v"),), **more)
    assert said.split("\n")[:2] == ["1000 3000 3000 2000 4000", "1000:2000"]


async def test_who_must_not_be_root_is_refused_as_root(stage: RuncStage) -> None:
    with pytest.raises(RuntimeFailed, match="runAsNonRoot") as caught:
        await stage.start("true", not_root=True)
    assert caught.value.not_executable


@pytest.mark.parametrize("user", ["nobody-here", "app:nogroup", "70000", "1:70000", "-1"])
async def test_an_unknown_user_is_the_authors_fault(stage: RuncStage, user: str) -> None:
    with pytest.raises(RuntimeFailed) as caught:
        await stage.start("true", user=user)
    assert caught.value.not_executable
    assert await stage.runtime.list() == ()


async def test_environment_hostname_and_directory_are_as_asked(stage: RuncStage) -> None:
    script = 'echo "$A|$HOME|$(hostname)|$(pwd)"; cat /etc/hostname; grep -c host-1 /etc/hosts'
    more = {"environment": {"A": "b c"}, "hostname": "host-1", "working_directory": "/tmp"}
    more["etc"] = {"hostname": "host-1\n", "hosts": "127.0.0.1 localhost\n10.0.0.1 host-1\n"}
    _, said = await stage.ended(script, **more)
    assert said.splitlines() == ["b c|/root|host-1|/tmp", "host-1", "1"]


async def test_no_signal_is_ignored_from_the_start(stage: RuncStage) -> None:
    await stage.runtime.prepare(pod())
    spec = stage.command(UID, "cat", "/proc/self/status")  # No shell: those ignore some themselves.
    await stage.runtime.start(spec)
    await stage.runtime.wait(spec.id)
    # Those above 31 are the C library's own.
    assert int(fields(stage.said())["SigIgn"], 16) % (1 << 31) == 0
    assert int(fields(stage.said())["SigBlk"], 16) == 0
