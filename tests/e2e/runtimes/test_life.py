"""Ends of every kind: of containers, of the processes beside them, of the agent."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest
from tests.contract.runtimes.promises import OTHER, UID, Program, pod, started
from tests.e2e.runtimes.conftest import RuncStage

from busbar.agent.runtimes.contract import RuntimeFailed, pod_part
from busbar.agent.runtimes.runc.cgroups import Cgroups
from busbar.agent.runtimes.runc.runtime import RUN


@pytest.mark.parametrize(("name", "code"), [("KILL", 137), ("TERM", 143), ("USR1", 138)])
async def test_a_signal_shows_in_the_exit_code(stage: RuncStage, name: str, code: int) -> None:
    status, _ = await stage.ended(
        f"exec sh -c 'trap - {name}; sleep 1000 & wait' & sleep 0.1; "
        f"kill -{name} $!; wait $!; exit $?"
    )
    assert status.exit_code == code


async def test_the_first_process_killed_from_outside_ends_with_137(stage: RuncStage) -> None:
    id_ = await stage.start("sleep 1000")
    os.kill(stage.started(id_)["pid"], signal.SIGKILL)
    status = await stage.runtime.wait(id_)
    assert status is not None
    assert (status.exit_code, status.reason) == (137, "")


@pytest.mark.parametrize("words", [("/etc/passwd",), ("/nosuch/program",), ("/tmp",)])
async def test_what_cannot_be_executed_is_named(stage: RuncStage, words: tuple[str, ...]) -> None:
    await stage.runtime.prepare(pod())
    with pytest.raises(RuntimeFailed) as caught:
        await stage.runtime.start(stage.command(UID, *words))
    assert caught.value.not_executable
    assert words[0] in caught.value.message


@pytest.mark.parametrize("text", [b"\x7fELF", b"#!/nosuch/interpreter\n"])
async def test_what_the_kernel_does_not_execute_is_named(
    stage: RuncStage, tmp_path: Path, text: bytes
) -> None:
    program = tmp_path / "above/program"
    program.parent.mkdir()
    program.write_bytes(text)
    program.chmod(0o755)
    await stage.runtime.prepare(pod())
    before = stage.leftovers()
    spec = stage.command(UID, "/program", layers=(stage.layer, program.parent))
    with pytest.raises(RuntimeFailed, match="/program") as caught:
        await stage.runtime.start(spec)
    assert caught.value.not_executable
    assert await stage.runtime.list() == ()
    assert stage.leftovers() == before


async def test_a_started_process_is_the_program(stage: RuncStage) -> None:
    for attempt in range(5):
        id_ = await stage.start("sleep 1000", attempt=attempt)
        # Not by its name: busybox starts its own tools as /proc/self/exe, as runc starts itself.
        program = os.readlink(f"/proc/{stage.started(id_)['pid']}/exe")
        assert program.endswith("/busybox"), program


async def test_an_end_that_cannot_be_written_yet_is_written_later(stage: RuncStage) -> None:
    id_ = await stage.start("sleep 1000")
    folder = next(stage.directory.glob(f"*/containers/{id_}"))
    (folder / "exit.json.new").mkdir()
    os.kill(stage.started(id_)["pid"], signal.SIGKILL)
    waiting = asyncio.ensure_future(stage.runtime.wait(id_))
    await asyncio.sleep(0)
    assert not waiting.done()
    (folder / "exit.json.new").rmdir()
    status = await waiting
    assert status is not None
    assert (status.state, status.exit_code) == ("exited", 137)


async def test_both_streams_and_an_unfinished_line_are_kept(stage: RuncStage) -> None:
    await stage.ended("echo out; sleep 0.05; echo err >&2; sleep 0.05; printf unfinished")
    lines = (stage.logs / UID / "main/0.log").read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == [
        "stdout F out",
        "stderr F err",
        "stdout P unfinished",
    ]


async def test_a_long_line_is_kept_in_parts(stage: RuncStage) -> None:
    await stage.ended("head -c 50000 /dev/zero | tr '\\0' x; echo")
    lines = (stage.logs / UID / "main/0.log").read_text().splitlines()
    assert len(lines) > 1
    assert max(len(line) for line in lines) < 17_000
    assert stage.said() == "x" * 50_000 + "\n"


async def test_a_flood_of_words_is_kept_in_two_files(stage: RuncStage) -> None:
    await stage.ended("yes 0123456789012345678901234567890123456789 | head -n 500000; echo last")
    folder = stage.logs / UID / "main"
    assert sorted(path.name for path in folder.iterdir()) == ["0.log", "0.log.1"]
    assert all(path.stat().st_size <= 16 << 20 for path in folder.iterdir())
    assert (folder / "0.log").read_text().endswith("stdout F last\n")


async def test_a_container_whose_helper_was_killed_is_killed_and_has_ended(
    stage: RuncStage,
) -> None:
    id_ = await stage.start("sleep 1000")
    begun = stage.started(id_)
    waiting = asyncio.ensure_future(stage.runtime.wait(id_))
    await asyncio.sleep(0)
    os.kill(begun["shim"], signal.SIGKILL)
    status = await waiting
    assert status is not None
    assert (status.state, status.exit_code) == ("exited", 255)
    await stage.until(lambda: not Path(f"/proc/{begun['pid']}").exists())


async def test_a_helper_killed_while_no_agent_ran_is_noticed(stage: RuncStage) -> None:
    id_ = await stage.start("sleep 1000")
    begun = stage.started(id_)
    await stage.runtime.close()
    os.kill(begun["shim"], signal.SIGKILL)
    await stage.until(lambda: not Path(f"/proc/{begun['shim']}").exists())
    await stage.open()
    status = await stage.runtime.status(id_)
    assert status is not None
    assert status.state == "exited"
    await stage.runtime.stop(id_, 30)
    await stage.until(lambda: not Path(f"/proc/{begun['pid']}").exists())


async def test_another_process_with_the_helpers_pid_is_left_alone(stage: RuncStage) -> None:
    """Pids are used again: what counts is the process that was born then."""
    id_ = await stage.start("true")
    await stage.runtime.wait(id_)
    path = stage.directory / UID / "containers" / id_
    (path / "exit.json").unlink()
    stranger = await asyncio.create_subprocess_exec("sleep", "1000")
    begun = stage.started(id_) | {"shim": stranger.pid, "pid": stranger.pid}
    (path / "start.json").write_text(json.dumps(begun))
    status = await stage.runtime.wait(id_)
    assert status is not None
    assert status.state == "exited"
    await stage.runtime.stop(id_, 0)
    await stage.runtime.remove(id_)
    assert stranger.returncode is None
    stranger.kill()
    await stranger.wait()


async def test_after_a_reboot_everything_has_ended(stage: RuncStage) -> None:
    id_ = await stage.start("true")
    await stage.runtime.wait(id_)
    path = stage.directory / UID / "containers" / id_
    (path / "exit.json").unlink()
    (path / "start.json").write_text(json.dumps(stage.started(id_) | {"boot": "another"}))
    status = await stage.runtime.status(id_)
    assert status is not None
    assert (status.state, status.exit_code, status.finished_ms) == ("exited", 255, None)


async def test_a_start_that_a_crash_cut_short_may_be_repeated(stage: RuncStage) -> None:
    spec = await started(stage, Program.FOREVER)
    (stage.directory / UID / "containers" / spec.id / "start.json").unlink()
    await stage.restart()
    assert await stage.runtime.status(spec.id) is None
    status = await stage.runtime.start(spec)
    assert status.state == "running"
    assert len(Cgroups().groups(f"/busbar-{stage.tag}")) == 1


async def test_folders_of_any_depth_are_removed(stage: RuncStage) -> None:
    deep = "/".join("d" * 100)
    script = f"cd /tmp; for i in $(seq 15); do mkdir -p {deep} && cd {deep}; done; touch f"
    status, _ = await stage.ended(script)
    assert status.exit_code == 0
    await stage.runtime.release(UID)
    assert stage.leftovers() == []


async def test_a_torn_record_of_a_sandbox_stops_nobody(stage: RuncStage) -> None:
    await stage.start("sleep 1000")
    kept = await stage.start("sleep 1000", OTHER)
    (stage.directory / UID / "sandbox.json").write_text('{"pod_u')
    await stage.restart()
    await stage.runtime.sweep({OTHER})
    assert [status.id for status in await stage.runtime.list()] == [kept]


async def test_what_a_killed_agent_left_is_swept(stage: RuncStage) -> None:
    """No close: the pool of sandboxes, half a container, ids, an interface."""
    kept = await stage.start("sleep 1000")
    (stage.run / "c" / "0f0f0f0f-1111-main-0").mkdir()
    (RUN / "ids" / "15999").write_text(stage.tag)
    await stage.abandon()
    await stage.open()
    removed = await stage.runtime.sweep({UID})
    assert "container 0f0f0f0f-1111-main-0" in removed
    assert "range of ids 15999" in removed
    assert [status.id for status in await stage.runtime.list()] == [kept]


async def test_taking_down_leaves_nothing_and_may_be_repeated(stage: RuncStage) -> None:
    await stage.start("trap '' TERM; sleep 1000")
    await stage.start("sleep 1000", OTHER, "abc")
    await stage.runtime.take_down()
    assert stage.traces() == []
    await stage.runtime.take_down()


async def test_more_pods_than_addresses_is_a_refusal(stage: RuncStage) -> None:
    stage.cidr = "10.88.0.0/28"
    await stage.restart()
    pods = [pod(f"0d0d0d0{number}-1111-4222") for number in range(6)]
    results = await asyncio.gather(
        *(stage.runtime.prepare(one) for one in pods), return_exceptions=True
    )
    failed = [result for result in results if isinstance(result, BaseException)]
    assert [str(failure) for failure in failed] == ["all 5 Pod addresses of this node are in use"]


async def test_a_command_runs_inside_as_its_container_does(stage: RuncStage) -> None:
    script = "touch /tmp/here; echo up; sleep 1000"
    id_ = await stage.start(script, user="1000", environment={"A": "b"})
    await stage.until(lambda: "up" in stage.said())
    inside = '[ -e /tmp/here ] && [ "$(id -u)$A" = 1000b ] && [ $(hostname) = p ] && exit 7'
    assert await stage.runtime.execute(id_, ("sh", "-c", inside), 30) == 7
    assert await stage.runtime.execute(id_, ("true",), 30) == 0
    assert await stage.runtime.execute(id_, ("nosuch",), 30) not in (0, None)


async def test_a_command_that_takes_too_long_is_ended_with_all_it_started(
    stage: RuncStage,
) -> None:
    id_ = await stage.start("sleep 1000")
    words = ("sh", "-c", "echo $$ > /tmp/began; exec sleep 2000")
    assert await stage.runtime.execute(id_, words, 1) is None
    assert await stage.runtime.execute(id_, ("test", "-s", "/tmp/began"), 30) == 0
    there = await stage.runtime.execute(id_, ("sh", "-c", "kill -0 $(cat /tmp/began)"), 30)
    assert there not in (0, None)
    status = await stage.runtime.status(id_)
    assert status is not None
    assert status.state == "running"


async def test_a_command_needs_a_container_that_runs(stage: RuncStage) -> None:
    status, _ = await stage.ended("true")
    with pytest.raises(RuntimeFailed):
        await stage.runtime.execute(status.id, ("true",), 30)


async def test_a_command_is_confined_as_its_container_is(stage: RuncStage) -> None:
    id_ = await stage.start("sleep 1000", user="1000")
    held = " && ".join(
        f"grep -q '^{line}' /proc/self/status"
        for line in ("Seccomp:.2", "NoNewPrivs:.1", "CapEff:.0*$", "CapPrm:.0*$")
    )
    assert await stage.runtime.execute(id_, ("sh", "-c", held), 30) == 0
    group = f"/busbar-{stage.tag}/{pod_part(id_)}/{id_}"
    before = Cgroups().processes(group)
    running = asyncio.ensure_future(stage.runtime.execute(id_, ("sleep", "1000"), 30))
    await stage.until(lambda: len(Cgroups().processes(group) - before) > 0)
    await stage.runtime.stop(id_, 0)
    assert await running not in (0, None)  # It ends with its container.
