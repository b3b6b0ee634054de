"""The cloud not there, not ours, or not telling: each is one sentence with its exit code."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.fakes import FakeCloud, Result

Busbar = Callable[..., Result]
Change = Callable[[dict[str, Any]], object]


def failing(busbar: Busbar, *command: str | Path) -> Result:
    """Run a command that fails: nothing on standard output, one line on standard error."""
    result = busbar(*command)
    assert result.out == ""
    assert result.err.startswith("busbar: ")
    assert result.err.count("\n") == 1
    return result


@pytest.mark.parametrize("command", ["status", "market", "vendor", "offer", "account", "bucket"])
def test_a_cloud_that_is_down_exits_3(busbar: Busbar, cloud: FakeCloud, command: str) -> None:
    cloud.failure = ConnectionRefusedError(111, "Connection refused")
    result = failing(busbar, command)
    assert result.code == 3
    assert "(Connection refused); start it with `busbar up`" in result.err


def test_no_cloud_known_exits_3(busbar: Busbar, data: Path) -> None:
    (data / "kubeconfig").unlink()
    result = failing(busbar, "status")
    assert result.code == 3
    assert "start one with `busbar up`, or name a kubeconfig with --kubeconfig" in result.err


def test_the_certificate_of_another_cloud_exits_3(busbar: Busbar, cloud: FakeCloud) -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    cloud.failure = error
    result = failing(busbar, "market")
    assert result.code == 3
    assert "is not the cloud of this kubeconfig (self-signed certificate)" in result.err


def test_withdrawn_credentials_exit_5(busbar: Busbar, cloud: FakeCloud) -> None:
    cloud.refuse("GET", "/apis/busbar.dev/v1alpha1/books", 401, "Unauthorized")
    result = failing(busbar, "market")
    assert result.code == 5
    assert "does not know these credentials" in result.err


def test_a_cloud_that_cannot_answer_now_exits_3(busbar: Busbar, cloud: FakeCloud) -> None:
    cloud.refuse("GET", "/apis/busbar.dev/v1alpha1/books", 503, "the store is down")
    assert failing(busbar, "market").code == 3


def test_a_kept_connection_that_was_closed_is_made_anew(busbar: Busbar, cloud: FakeCloud) -> None:
    cloud.drops = 1
    assert busbar("status").code == 0
    assert cloud.drops == 0


@pytest.mark.parametrize(
    "text", ["", "{}", "a: [", "- a", "contexts: 1\ncurrent-context: x", "\x00"], ids=range(6)
)
def test_what_is_no_kubeconfig_exits_2(busbar: Busbar, tmp_path: Path, text: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    result = failing(busbar, "--kubeconfig", file, "market")
    assert result.code == 2
    assert "name another with --kubeconfig" in result.err


def entry(config: dict[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = config[f"{kind}s"][0][kind]
    return found


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda c: entry(c, "cluster").update({"certificate-authority-data": "x"}), "CA"),
        (
            lambda c: entry(c, "cluster").update(
                {"certificate-authority-data": base64.b64encode(b"junk").decode()}
            ),
            "CA",
        ),
        (lambda c: entry(c, "cluster").update({"certificate-authority": "/none"}), "/none"),
        (lambda c: entry(c, "cluster").update({"server": "https://host:port"}), "server"),
        (lambda c: entry(c, "cluster").pop("server"), "server"),
        (lambda c: c.update({"current-context": "other"}), "current context"),
        (
            lambda c: c["users"][0].update(
                user={"client-certificate-data": "AAAA", "client-key-data": "AAAA"}
            ),
            "credentials",
        ),
    ],
    ids=range(7),
)
def test_a_defect_of_a_kubeconfig_is_named(
    busbar: Busbar, data: Path, change: Change, why: str
) -> None:
    config = json.loads((data / "kubeconfig").read_text())
    change(config)
    (data / "kubeconfig").write_text(json.dumps(config))
    result = failing(busbar, "market")
    assert result.code == 2
    assert why in result.err


def test_a_kubeconfig_that_cannot_be_read_exits_3(busbar: Busbar, tmp_path: Path) -> None:
    assert failing(busbar, "--kubeconfig", tmp_path, "market").code == 3


def test_a_kubeconfig_as_yaml_is_read(busbar: Busbar, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(
        "clusters: [{name: c, cluster: {server: 'https://cloud.test'}}]\n"
        "users: [{name: u, user: {token: t}}]\n"
        "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n"
    )
    assert busbar("--kubeconfig", file, "vendor").code == 0


def test_a_broken_settings_file_exits_2(busbar: Busbar, data: Path) -> None:
    (data / "busbar.json").write_text("no")
    for command in (("up",), ("down",), ("status",), ("image", "list"), ("verify-ledger",)):
        result = failing(busbar, *command)
        assert result.code == 2
        assert "correct it or remove it" in result.err


def test_a_file_as_data_directory_exits_9(busbar: Busbar, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for command in ("up", "down", "status"):
        assert failing(busbar, "--data", file, command).code == 9


def test_ctrl_c_exits_130(busbar: Busbar, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("busbar.cli.client.Client.list", interrupted)
    result = busbar("market")
    assert result.code == 130
    assert "interrupted; run the same command again" in result.err


def test_a_bug_is_one_sentence_too(busbar: Busbar, cloud: FakeCloud) -> None:
    cloud.failure = ZeroDivisionError("by zero")
    result = failing(busbar, "market")
    assert result.code == 1
    assert "this should not happen (ZeroDivisionError: by zero); please report it" in result.err


def test_a_wrong_command_line_exits_2(busbar: Busbar) -> None:
    for command in (("frob",), ("submit",), ("market", "--clearings", "0"), ("up", "--fee", "99")):
        result = busbar(*command)
        assert (result.code, result.out) == (2, "")
        assert "Error: " in result.err


TOKEN = "0123456789abcdef.abc.secret"


@pytest.mark.parametrize(
    ("server", "token", "code", "sentence"),
    [
        ("https://127.0.0.1:1", TOKEN, 3, "https://127.0.0.1:1 cannot be reached"),
        ("https://127.0.0.1:1", "half.a-token", 2, "the token is not whole"),
        ("http://cloud.test", TOKEN, 2, "is not an address such as https://"),
        ("https://cloud.test:99999", TOKEN, 2, "is not an address such as https://"),
    ],
    ids=["nobody there", "half a token", "no TLS", "no port"],
)
def test_a_machine_that_cannot_join_says_why(
    busbar: Busbar, data: Path, server: str, token: str, code: int, sentence: str
) -> None:
    result = failing(busbar, "join", server, "--token", token, "--name", "n1")
    assert result.code == code
    assert sentence in result.err
    assert not (data / "nodes" / "n1").exists()
