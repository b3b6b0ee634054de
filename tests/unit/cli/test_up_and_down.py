"""The cloud and the agents as processes: started once, stopped for sure."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.unit.cli.fakes import Result

from busbar.cli import machines, processes, quickstart
from busbar.cli.errors import CliError
from busbar.cli.processes import Stopped

Busbar = Callable[..., Result]
Start = Callable[[Path], int]


@pytest.fixture
def sleeper() -> Iterator[Start]:
    """Start processes that do nothing, known by a pid file."""
    started = []

    def start(pid_file: Path) -> int:
        process = subprocess.Popen(["sleep", "600"])
        started.append(process)
        processes.write_pid(pid_file, process.pid)
        return process.pid

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch, sleeper: Start) -> list[Sequence[str]]:
    """Start sleepers in place of the cloud, which are ready at once; gives their commands."""
    commands: list[Sequence[str]] = []

    def start(command: Sequence[str], log_file: Path, pid_file: Path) -> int:
        commands.append(command)
        pid_file.with_name("ready.json").touch()
        return sleeper(pid_file)

    monkeypatch.setattr(processes, "start", start)
    return commands


def settings(data: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((data / "busbar.json").read_text())
    return found


def test_up_twice_starts_one_cloud(busbar: Busbar, data: Path, starts: list[Sequence[str]]) -> None:
    assert "the cloud is up; its data is in" in busbar("up", "--api-port", "7443").out
    again = busbar("up", "--api-port", "7443")
    assert (again.code, len(starts)) == (0, 1)
    assert again.out == f"the cloud is up already, with its data in {data}\n"


def test_up_with_other_options_needs_down_first(
    busbar: Busbar, data: Path, starts: list[Sequence[str]]
) -> None:
    busbar("up", "--api-port", "7443")
    result = busbar("up", "--api-port", "8443", "--fee", "3")
    assert (result.code, result.out) == (5, "")
    assert "(api_port is 7443, fee_ppm is 20000); stop it with `busbar down` first" in result.err
    assert settings(data)["api_port"] == 7443
    assert busbar("down").out == "stopped: the cloud\n"
    assert busbar("up", "--api-port", "8443").code == 0


def test_up_keeps_what_gpus_weigh_and_adds_to_it(
    busbar: Busbar, data: Path, starts: list[Sequence[str]]
) -> None:
    assert busbar("up", "--gpu-weight", "A100=60", "--gpu-weight", "default=4").code == 0
    assert settings(data)["gpu_weights"] == {"A100": "60", "default": "4"}
    busbar("down")
    assert busbar("up", "--gpu-weight", "T4=9").code == 0
    assert settings(data)["gpu_weights"] == {"A100": "60", "T4": "9", "default": "4"}


@pytest.mark.parametrize("text", ["A100", "A100=0", "A100=much", "=5"])
def test_up_refuses_a_weight_that_cannot_be_one(
    busbar: Busbar, data: Path, starts: list[Sequence[str]], text: str
) -> None:
    result = busbar("up", "--gpu-weight", text)
    assert (result.code, starts) == (2, [])
    assert result.err.startswith(f"busbar: --gpu-weight.{text.partition('=')[0]}: ")
    assert "write CLASS=DTU, such as A100=39" in result.err


def test_settings_with_a_wrong_weight_are_named_with_their_file(busbar: Busbar, data: Path) -> None:
    data.mkdir(parents=True, exist_ok=True)
    (data / "busbar.json").write_text('{"gpu_weights": {"A100": -1}}')
    result = busbar("up")
    assert result.code != 0
    assert "busbar.json: gpu_weights.A100: must not be negative; correct it" in result.err


@pytest.mark.parametrize("address", ["nonsense.invalid", "192.0.2.1", "300.1.1.1"])
def test_up_on_an_address_of_no_machine_blames_listen_and_keeps_nothing(
    busbar: Busbar, data: Path, starts: list[Sequence[str]], address: str
) -> None:
    result = busbar("up", "--listen", address)
    assert (result.code, result.out, starts) == (2, "", [])
    assert result.err.startswith(f"busbar: --listen: '{address}' is not an address of this machine")
    assert not (data / "busbar.json").exists()


def test_up_after_a_crash_starts_again(
    busbar: Busbar, data: Path, starts: list[Sequence[str]]
) -> None:
    # The pid was given to another process since: it started at another time.
    (data / "busbar.pid").write_text(f"{os.getpid()} 1\n")
    (data / "ready.json").touch()
    assert busbar("up").code == 0
    assert len(starts) == 1


def test_up_waits_for_a_cloud_that_is_starting(
    busbar: Busbar, data: Path, sleeper: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper(data / "busbar.pid")
    waited: list[bool] = []
    monkeypatch.setattr(processes, "wait_until", lambda ready, *_: waited.append(ready()))
    assert "is up already" in busbar("up").out
    assert waited == [False]


def test_up_says_why_the_cloud_died(
    busbar: Busbar, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(command: Sequence[str], log_file: Path, pid_file: Path) -> int:
        log_file.write_text("starting\nport 6443 on 0.0.0.0 cannot be used\n\n")
        return 0

    monkeypatch.setattr(processes, "start", start)
    result = busbar("up")
    assert result.code == 9
    assert result.err == "busbar: the cloud did not start: port 6443 on 0.0.0.0 cannot be used\n"


def test_up_waits_for_another_up(data: Path) -> None:
    with processes.only_one(data / ".up.lock"):
        other = subprocess.run(["flock", "-n", data / ".up.lock", "true"], check=False)
        assert other.returncode == 1
    assert subprocess.run(["flock", "-n", data / ".up.lock", "true"], check=False).returncode == 0


@pytest.mark.parametrize("command", [("up",), ("down",), ("join", "https://x", "--token", "t")])
def test_what_needs_root_says_so(
    busbar: Busbar, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = busbar(*command)
    assert (result.code, result.err) == (
        9,
        f"busbar: busbar {command[0]} needs root: run it with sudo\n",
    )


def test_down_of_nothing_is_fine(busbar: Busbar, data: Path) -> None:
    assert busbar("down").out == "nothing was running\n"
    assert busbar("down", "--purge").out == f"nothing was running\ndeleted {data}\n"
    assert not data.exists()


def test_down_keeps_the_data_while_something_is_mounted(
    busbar: Busbar, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machines, "mounts_below", lambda _: ["/there"])
    assert "/there is still mounted; unmount it" in busbar("down", "--purge").err
    assert data.exists()


def test_down_kills_agents_that_hang_and_says_so(
    busbar: Busbar, data: Path, sleeper: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machines, "STOP_SECONDS", 0)
    for name in ("n1", "n2"):
        place = data / "nodes" / name
        place.mkdir(parents=True)
        (place / "agent.json").write_text("{}")
        # A stopped process acts on SIGKILL only.
        os.kill(sleeper(place / "agent.pid"), signal.SIGSTOP)
    result = busbar("down")
    left = "(killed: its workloads may be left)"
    assert result.out == f"stopped: agent n1 {left}, agent n2 {left}\n"
    assert (data / "nodes" / "n1" / "drain").exists()
    assert machines.is_running(data, "n1") is False


def test_a_process_that_survives_a_kill_is_an_error(
    data: Path, sleeper: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = sleeper(data / "p.pid")
    monkeypatch.setattr(processes, "_signal", lambda *_: None)
    monkeypatch.setattr(processes, "KILL_SECONDS", 0)
    with pytest.raises(Exception, match=f"process {pid} does not end even when killed"):
        processes.stop_all([data / "p.pid"], 0)


def test_stopping_says_how_each_process_ended(data: Path, sleeper: Start) -> None:
    sleeper(data / "a.pid")
    found = processes.stop_all([data / "a.pid", data / "b.pid"], 60)
    assert found == [Stopped.ENDED, Stopped.NOT_RUNNING]
    assert not (data / "a.pid").exists()


def test_agents_are_listed_started_and_stopped(
    busbar: Busbar, data: Path, monkeypatch: pytest.MonkeyPatch, sleeper: Start
) -> None:
    place = data / "nodes" / "n1"
    place.mkdir(parents=True)
    (place / "agent.json").write_text("{}")

    def start(command: Sequence[str], log_file: Path, pid_file: Path) -> int:
        (place / "ready").touch()
        return sleeper(pid_file)

    monkeypatch.setattr(processes, "start", start)
    assert busbar("agent", "start", "n1").out == "n1 is running\n"
    assert "n1    yes" in busbar("agent", "list").out
    assert busbar("agent", "stop", "n1", "--drain").out == "n1 has stopped\n"
    assert "n1    no" in busbar("agent", "list").out
    assert (place / "drain").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--name", "../../x"), "--name: '../../x' is not a host name"),
        (("--name", "a..b"), "--name: 'a..b' is not a host name"),
        (("--name", "n1", "--netns", "no-such"), "there is no network namespace no-such"),
        (("--name", "n1", "--cpu", "x"), "--cpu: must be a quantity"),
    ],
    ids=str,
)
def test_joining_with_a_wrong_option_leaves_nothing(
    busbar: Busbar, data: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    result = busbar("join", "https://cloud.test:6443", "--token", "a.b.c", *arguments)
    assert result.code == 2
    assert sentence in result.err
    assert not (data / "nodes").exists()


def test_a_refused_join_leaves_nothing(busbar: Busbar, data: Path) -> None:
    result = busbar("join", "https://cloud.test:6443", "--token", "half", "--name", "n1")
    assert result.code == 2
    assert "the token is not whole" in result.err
    assert not (data / "nodes" / "n1").exists()


def test_only_networks_made_for_nodes_are_removed(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[list[str]] = []
    monkeypatch.setattr(machines, "_ip", lambda arguments, unless="": removed.append(arguments))
    is_there = Path.exists
    monkeypatch.setattr(
        Path, "exists", lambda path: path.parts[1] in ("run", "sys") or is_there(path)
    )
    machines.remember_network(data, "n1", "made", "br")
    (data / "nodes" / "n2").mkdir()
    (data / "nodes" / "n2" / "netns").write_text("somebodys\n")
    machines.remove_networks(data)
    assert removed == [["netns", "del", "made"], ["link", "del", "br"]]


def test_one_network_that_cannot_be_removed_does_not_keep_the_others(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def ip(arguments: list[str], unless: str = "") -> None:
        tried.append(arguments[-1])
        if arguments[-1] == "one":
            raise CliError("one is busy")

    monkeypatch.setattr(machines, "_ip", ip)
    is_there = Path.exists
    monkeypatch.setattr(
        Path, "exists", lambda path: path.parts[1] in ("run", "sys") or is_there(path)
    )
    machines.remember_network(data, "n1", "one", "br")
    machines.remember_network(data, "n2", "two", "br")
    with pytest.raises(CliError, match="one is busy"):
        machines.remove_networks(data)
    assert tried == ["one", "two", "br"]


def test_a_quickstart_whose_cloud_does_not_start_has_written_down_its_networks(
    busbar: Busbar, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def make(name: str, bridge: str, host: str, address: str) -> None:
        kept = {path.read_text().strip() for path in (data / "nodes").glob("*/made-netns")}
        assert name in kept
        assert (data / "nodes" / "bridge").read_text().strip() == bridge
        made.append(name)

    def refuse(*_: object, **__: object) -> str:
        raise CliError("port 6443 is taken")

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(machines, "make_network", make)
    monkeypatch.setattr(quickstart.Story, "_run", refuse)
    result = busbar("quickstart")
    assert "port 6443 is taken" in result.err
    assert len(made) == len(quickstart.VENDORS)


def test_the_links_of_a_bridge_go_before_the_networks_that_they_lead_to(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[list[str]] = []
    monkeypatch.setattr(machines, "_ip", lambda arguments, unless="": removed.append(arguments))
    is_there, glob = Path.exists, Path.glob
    monkeypatch.setattr(
        Path, "exists", lambda path: path.parts[1] in ("run", "sys") or is_there(path)
    )
    ports = Path("/sys/class/net/br/brif")
    monkeypatch.setattr(
        Path,
        "glob",
        lambda path, what: iter([ports / "brv10"]) if path == ports else glob(path, what),
    )
    machines.remember_network(data, "n1", "made", "br")
    machines.remove_networks(data)
    assert removed == [["link", "del", "brv10"], ["netns", "del", "made"], ["link", "del", "br"]]
