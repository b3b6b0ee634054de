"""A store with a small image from the project's own recipe, and a door to it on loopback."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from busbar.apis.registry.app import RegistryDoor
from busbar.images.build import build
from busbar.images.store import ImageStore

RECIPES = Path(__file__).parents[3] / "images"
NEEDED = ("skopeo", "mmdebstrap", "dpkg-deb", "setpriv")


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    missing = [name for name in NEEDED if shutil.which(name) is None]
    assert not missing, f"these tests need {', '.join(missing)}: install them with apt-get"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> ImageStore:
    """A store with busybox, built once; tests that change a store make their own."""
    store = ImageStore(tmp_path_factory.mktemp("store"))
    build(store, RECIPES / "busybox")
    return store


@pytest.fixture
def door(built: ImageStore) -> Iterator[str]:
    """host:port of a registry door over `built`."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        RegistryDoor(built, lambda _: "anybody"), log_level="critical", lifespan="off"
    )
    server = uvicorn.Server(config)
    started = threading.Event()
    server.startup = _announced(server.startup, started)  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    assert started.wait(10)
    host, port = listener.getsockname()
    yield f"{host}:{port}"
    server.should_exit = True
    thread.join()


def _announced(startup, started: threading.Event):  # type: ignore[no-untyped-def]
    async def announced(*args, **kwargs) -> None:  # type: ignore[no-untyped-def]
        await startup(*args, **kwargs)
        started.set()

    return announced
