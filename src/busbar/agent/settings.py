"""What an agent was told: who it is, whom it serves, where it keeps things.

Written by `join.py` into the data directory, read by `main.py` at each start. Next: `api.py`.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec


class AgentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One agent's settings, as kept in `agent.json` of its data directory."""

    node: str
    server: str
    """Base URL of the cloud, such as https://10.0.0.1:6443."""
    data: str
    pod_cidr: str = "10.88.0.0/16"
    lease_seconds: int = 20
    """How long the node counts as alive after a renewal; past it the agent stops its workloads."""
    renew_seconds: float = 3.0
    runtime: str = "auto"
    """The OCI runtime: runc, crun, or auto: crun where it is installed and passes its check."""
    s3_endpoint: str = ""
    """URL of the S3 door as this machine reaches it; learnt at joining."""
    vendor: str = ""
    region: str = ""

    @property
    def directory(self) -> Path:
        """Give the data directory."""
        return Path(self.data)

    @property
    def ca_file(self) -> Path:
        """Give the path of the cloud's CA certificate (PEM)."""
        return self.directory / "ca.pem"

    @property
    def certificate_file(self) -> Path:
        """Give the path of this node's certificate (PEM)."""
        return self.directory / "node.pem"

    @property
    def key_file(self) -> Path:
        """Give the path of this node's private key (PEM, mode 0600)."""
        return self.directory / "node.key"

    @property
    def next_key_file(self) -> Path:
        """Give the path of the key for which a certificate is being asked."""
        return self.directory / "node.key.next"

    @property
    def dates_file(self) -> Path:
        """Give the path of the file that says when the certificate begins and ends."""
        return self.directory / "node.dates"

    @property
    def lease_file(self) -> Path:
        """Give the path of the file that says until when workloads may run."""
        return self.directory / "lease"


class SettingsMissing(Exception):
    """The data directory holds no usable settings; the sentence says what to do."""


def load(directory: Path) -> AgentSettings:
    """Read the settings of a data directory."""
    path = directory / "agent.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=AgentSettings)
    except FileNotFoundError:
        raise SettingsMissing(
            f"{path} does not exist; join this machine first with `busbar join`"
        ) from None
    except msgspec.DecodeError as error:
        raise SettingsMissing(
            f"{path} is not readable ({error}); join this machine again"
        ) from None


def save(settings: AgentSettings) -> None:
    """Write the settings atomically."""
    write_atomically(
        settings.directory / "agent.json",
        msgspec.json.format(msgspec.json.encode(settings), indent=2),
    )


def write_atomically(path: Path, data: bytes, mode: int = 0o600, *, durable: bool = True) -> None:
    """Write a file so that after a crash it holds either the old or the new content.

    `durable`: after one of the machine too, and the new one once this returns.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    temporary.rename(path)
    if not durable:
        return
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
