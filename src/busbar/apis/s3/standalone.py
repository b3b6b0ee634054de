"""The door by itself, for benchmarks and end-to-end tests: no cloud around it.

`python -m busbar.apis.s3.standalone --data DIR --key ID:SECRET:NAMESPACE --bucket NAMESPACE/NAME`
prints its address when it serves. The buckets named are there at every start, with the same data.
"""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import click
import uvicorn

from busbar.apis.s3.app import S3App, create_app
from busbar.apis.s3.memory import MemoryCredentials, MemoryDirectory
from busbar.apis.s3.ports import AccessKey
from busbar.model.time import Instant


def _now() -> Instant:
    return time.time_ns() // 1_000_000


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True)
@click.option("--port", default=0)
@click.option("--host-suffix", default="")
@click.option("--key", "keys", multiple=True, help="ID:SECRET:NAMESPACE[:ro]")
@click.option("--bucket", "buckets", multiple=True, help="NAMESPACE/NAME")
@click.option("--certificate", default=None, help="PEM file: serve TLS, with its key inside")
def main(
    data: Path,
    port: int,
    host_suffix: str,
    keys: tuple[str, ...],
    buckets: tuple[str, ...],
    certificate: str | None,
) -> None:
    """Serve the S3 door on the loopback address."""
    directory = MemoryDirectory(_now)
    for bucket in buckets:
        asyncio.run(directory.create(*bucket.split("/")))
    credentials = MemoryCredentials(_access_key(key) for key in keys)
    app = create_app(
        credentials=credentials,
        directory=directory,
        clock=_now,
        data=data,
        host_suffix=host_suffix,
    )
    _serve(app, port, certificate)


def _access_key(text: str) -> AccessKey:
    key_id, secret, namespace, *flags = text.split(":")
    return AccessKey(key_id, secret, namespace, flags == ["ro"])


def _serve(app: S3App, port: int, certificate: str | None) -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=512)
    scheme = "https" if certificate else "http"
    print(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        ssl_certfile=certificate,
    )
    uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()
