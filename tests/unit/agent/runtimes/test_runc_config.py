"""The OCI configuration of a container, and who it runs as."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from busbar.agent.runtimes.contract import ContainerSpec, Mount, PodSandbox, RuntimeFailed
from busbar.agent.runtimes.runc.config import limits, oci_config, seccomp
from busbar.agent.runtimes.runc.identities import SIZE, Ranges, base_of
from busbar.agent.runtimes.runc.users import UnknownUser, identity, lookup

SANDBOX = PodSandbox("u", "10.88.0.7", "/run/ns/net", 1 << 20, 1 << 20)


def spec(**more: Any) -> ContainerSpec:
    return ContainerSpec("u", "main", 0, (), ("sh",), {"A": "1"}, Path("/log"), **more)


def config(**more: Any) -> dict[str, Any]:
    return oci_config(spec(**more), SANDBOX, "/root", "/run/ns/user", "/group")


def test_every_namespace_is_its_own_or_the_pods() -> None:
    spaces = {n["type"]: n.get("path") for n in config()["linux"]["namespaces"]}
    assert spaces == {
        "user": "/run/ns/user", "network": "/run/ns/net", "pid": None, "ipc": None,
        "uts": None, "mount": None, "cgroup": None,
    }  # fmt: skip


def test_root_has_few_capabilities_and_others_none() -> None:
    assert "CAP_SYS_ADMIN" not in config()["process"]["capabilities"]["bounding"]
    held = config(user="77")["process"]["capabilities"]
    assert held["effective"] == []
    assert held["permitted"] == []


def test_volumes_are_mounted_shallow_first_and_never_with_devices() -> None:
    deep, shallow = Mount(Path("/x"), "/a/b"), Mount(Path("/y"), "/a", read_only=True)
    mounts = [m for m in config(mounts=(deep, shallow))["mounts"] if m["type"] == "bind"]
    assert [m["destination"] for m in mounts] == ["/a", "/a/b"]
    assert all({"nosuid", "nodev"} <= set(m["options"]) for m in mounts)
    assert ["ro" in m["options"] for m in mounts] == [True, False]


def test_limits_have_floors_and_swap_counts_as_memory() -> None:
    found = limits(spec(cpu_limit_milli=1, memory_limit_bytes=1))
    assert found["cpu"] == {"shares": 2, "quota": 1000, "period": 100_000}
    assert found["memory"] == {"limit": 6 << 20, "swap": 6 << 20}
    assert found["devices"] == [{"allow": False, "access": "rwm"}]
    assert "memory" not in limits(spec())


def layer(path: Path, **files: str) -> Path:
    (path / "etc").mkdir(parents=True)
    for name, text in files.items():
        (path / "etc" / name).write_text(text)
    return path


def test_the_topmost_layers_files_count(tmp_path: Path) -> None:
    low = layer(tmp_path / "low", passwd="a:x:1:1::/:/x\nb:x:2:2::/:/x\n", group="g:x:7:b\n")
    high = layer(tmp_path / "high", passwd="b:x:3:4::/:/x\n")
    assert lookup("b", (low, high)) == (3, 4, (7,))
    with pytest.raises(UnknownUser, match="no user 'a'"):
        lookup("a", (low, high))


@pytest.mark.parametrize(
    "text", ["a:x:x:1::/:/x", "a:x:-1:1::/:/x", "a:x:70000:1::/:/x", "a:x:²:1::/:/x", "a:x:1::::"]
)
def test_nonsense_in_an_images_files_is_a_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnknownUser):
        lookup("a", (layer(tmp_path / "l", passwd=text + "\n"),))


def test_a_pipe_instead_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(layer(tmp_path / "l") / "etc/passwd")
    assert lookup("", (tmp_path / "l",)) == (0, 0, ())


def test_a_folder_of_an_image_may_not_lead_to_the_machines_files(tmp_path: Path) -> None:
    layer(tmp_path / "machine", passwd="a:x:1:1::/:/x\n")
    (tmp_path / "l").mkdir()
    (tmp_path / "l/etc").symlink_to(tmp_path / "machine/etc")
    with pytest.raises(UnknownUser, match="no user 'a'"):
        lookup("a", (tmp_path / "l",))


def test_the_filter_is_compiled_for_one_architecture_and_lists_what_it_allows() -> None:
    found = seccomp()
    assert len(found["architectures"]) == 1
    assert found["defaultAction"] == "SCMP_ACT_ERRNO"
    plain = [g for g in found["syscalls"] if g["action"] == "SCMP_ACT_ALLOW" and not g.get("args")]
    allowed = {name for group in plain for name in group["names"]}
    assert {"read", "execve", "futex", "openat2"} <= allowed
    forbidden = "mount umount2 setns unshare bpf keyctl kexec_load init_module"
    assert not allowed & set(forbidden.split())


def test_a_machine_without_a_filter_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "pdp11")
    seccomp.cache_clear()
    with pytest.raises(RuntimeFailed, match="pdp11"):
        seccomp()


def test_ranges_of_ids_are_shared_with_nobody(tmp_path: Path) -> None:
    one, two = Ranges(tmp_path, "aaaaaa"), Ranges(tmp_path, "aaaaaa2"[1:])
    claimed = [one.claim() for _ in range(3)] + [two.claim() for _ in range(3)]
    assert len(set(claimed)) == 6
    assert one.mine() == set(claimed[:3])
    one.give_back(claimed[0])
    one.give_back(claimed[0])
    assert one.mine() == set(claimed[1:3])
    assert base_of(1) - base_of(0) == SIZE


def test_groups_that_were_asked_for_join_those_of_the_image(tmp_path: Path) -> None:
    base = layer(tmp_path, passwd="app:x:77:78:::\n", group="disk:x:6:app\n")
    asked = {"user": "77", "layers": (base,), "groups": (6, 9)}
    assert identity(replace(spec(), **asked)) == (77, 78, [6, 9])
    assert identity(replace(spec(), **asked, group=5)) == (77, 5, [6, 9])
    alone = replace(spec(), **(asked | {"groups": (9,)}), only_these_groups=True)
    assert identity(alone) == (77, 78, [9])


def test_who_must_not_be_root_is_not(tmp_path: Path) -> None:
    base = layer(tmp_path, passwd="toor:x:0:0:::\napp:x:77:78:::\n")
    for user in ("", "0", "toor"):
        with pytest.raises(UnknownUser, match="runAsNonRoot"):
            identity(replace(spec(), user=user, layers=(base,), not_root=True))
    assert identity(replace(spec(), user="app", layers=(base,), not_root=True))[0] == 77
