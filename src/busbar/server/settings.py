"""What an operator may set, and where each thing lies in the data directory.

Sources, the later wins: defaults, `busbar.json` in the data directory, options of `busbar up`
(which writes them there). Next: `main.py`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import msgspec

from busbar.market.luggage import Place
from busbar.model.errors import InvalidField
from busbar.model.gpus import GpuClasses, read_gpu_classes

DEFAULT_DATA = "/var/lib/busbar"


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one cloud's control plane, as kept in `busbar.json`."""

    data: str = DEFAULT_DATA
    listen: str = "0.0.0.0"
    """Address that the Kubernetes door and the S3 door's TLS port listen on."""
    api_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 6443
    s3_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 9000
    """S3 without TLS, on loopback only."""
    s3_tls_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 9443
    """S3 with TLS, for nodes and everybody else."""
    api_workers: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    """Processes that speak TLS and HTTP on the API port; with none the control plane does."""
    names: list[str] = []
    """Further host names and addresses by which clients reach this machine."""
    fee_ppm: Annotated[int, msgspec.Meta(ge=0, le=500_000)] = 20_000
    """The exchange's fee, in millionths of what the consumer pays."""
    data_region: Annotated[str, msgspec.Meta(max_length=63)] = ""
    """Region in which the S3 door keeps its objects; "" where nobody said."""
    data_vendor: Annotated[str, msgspec.Meta(max_length=63)] = ""
    """Vendor on whose machines it keeps them; "" for somebody who sells nothing here."""
    gpu_weights: dict[str, str | int | float] = {}
    """DTU that an hour of a GPU draws, by class; "default" for classes that nobody lists."""
    records_kept_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 7
    """How long the records of clearings are kept."""
    records_kept_mib: Annotated[int, msgspec.Meta(ge=1, le=2**30)] = 2_048
    """How much of them is kept, in MiB on the disk; the oldest go first."""
    store: Annotated[str, msgspec.Meta(pattern="^(sqlite|memory)$")] = "sqlite"

    @property
    def place(self) -> Place:
        """Give where buckets are kept."""
        return Place(self.data_region, self.data_vendor)

    @property
    def gpus(self) -> GpuClasses:
        """Give the exchange's GPU classes; InvalidField where a weight cannot be one."""
        return read_gpu_classes(self.gpu_weights, "gpu_weights")

    @property
    def directory(self) -> Path:
        """Give the data directory."""
        return Path(self.data)

    @property
    def database(self) -> Path:
        """Give the store's folder."""
        return self.directory / "store"

    @property
    def objects(self) -> Path:
        """Give the S3 door's folder."""
        return self.directory / "s3"

    @property
    def images(self) -> Path:
        """Give the cloud's image store."""
        return self.directory / "images"

    @property
    def pki(self) -> Path:
        """Give the folder of the CA and the server's certificate."""
        return self.directory / "pki"

    @property
    def kubeconfig(self) -> Path:
        """Give the operator's kubeconfig."""
        return self.directory / "kubeconfig"

    @property
    def pid_file(self) -> Path:
        """Give the file that names the running process."""
        return self.directory / "busbar.pid"

    @property
    def ready_file(self) -> Path:
        """Give the file that exists while the cloud answers; it lists its addresses."""
        return self.directory / "ready.json"

    @property
    def ledger_mark(self) -> Path:
        """Give the file that exists while the ledger is in doubt; it lists what was found."""
        return self.directory / "ledger-stopped.json"

    @property
    def log_file(self) -> Path:
        """Give the log of a cloud in the background."""
        return self.directory / "busbar.log"


class SettingsInvalid(Exception):
    """A setting cannot be used; the sentence names it and says what would be right."""


def data_directory(option: str | None = None) -> Path:
    """Give the data directory: the option, else $BUSBAR_DATA, else the default."""
    return Path(option or os.environ.get("BUSBAR_DATA") or DEFAULT_DATA).absolute()


def load(directory: Path) -> ServerSettings:
    """Read the settings of a data directory; defaults where there are none yet."""
    path = directory / "busbar.json"
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return ServerSettings(data=str(directory))
    try:
        found = msgspec.json.decode(raw, type=ServerSettings)
        read_gpu_classes(found.gpu_weights, "gpu_weights")
    except (msgspec.DecodeError, InvalidField) as error:
        raise SettingsInvalid(f"{path}: {error}; correct it or remove it") from None
    return msgspec.structs.replace(found, data=str(directory))


def save(settings: ServerSettings) -> None:
    """Write the settings, atomically."""
    settings.directory.mkdir(parents=True, exist_ok=True)
    path = settings.directory / "busbar.json"
    temporary = path.with_name(".busbar.json.new")
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(settings), indent=2) + b"\n")
    temporary.rename(path)


def replace(settings: ServerSettings, **changes: Any) -> ServerSettings:
    """Copy with some settings changed."""
    return msgspec.structs.replace(settings, **changes)
