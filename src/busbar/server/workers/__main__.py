"""A worker, as the control plane starts it: `python -m busbar.server.workers`; see `pool.py`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import socket
import ssl

import uvloop

from busbar.server.collector import leave_alone
from busbar.server.http import HttpServer, server_context
from busbar.server.workers.channel import Channel
from busbar.server.workers.forward import Forward
from busbar.server.workers.wire import LOG, READY, RENEW, STOP, Message


def main() -> None:
    """Serve until the control plane says to stop, or is gone."""
    parser = argparse.ArgumentParser(prog="python -m busbar.server.workers", description=__doc__)
    parser.add_argument("listener", type=int, help="descriptor of the listening socket")
    parser.add_argument("channel", type=int, help="descriptor of the way to the control plane")
    for name in ("certificate", "key", "authority"):
        parser.add_argument(name)
    chosen = parser.parse_args()
    files = (chosen.certificate, chosen.key)
    tls = server_context(*files, chosen.authority)
    uvloop.run(_serve(chosen.listener, chosen.channel, tls, files))


async def _serve(listener: int, pair: int, tls: ssl.SSLContext, files: tuple[str, str]) -> None:
    stop = asyncio.Event()
    forward = Forward()

    def take(message: Message) -> None:
        if message[0] == STOP:
            stop.set()
        elif message[0] == RENEW:
            tls.load_cert_chain(*files)
        else:
            forward.take(message)

    def lost() -> None:
        forward.give_up()
        stop.set()

    loop = asyncio.get_running_loop()
    _, channel = await loop.create_unix_connection(
        lambda: Channel(take, lost), sock=socket.socket(fileno=pair)
    )
    forward.channel = channel
    logging.basicConfig(level=logging.WARNING, handlers=[_Told(channel)])
    server = HttpServer(forward, tls)
    await server.start(socket.socket(fileno=listener))
    channel.send((READY, 0))
    leave_alone()
    await stop.wait()
    await server.stop()
    channel.close()


class _Told(logging.Handler):
    """Gives the control plane what is to be logged: only one process turns the log's pages."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record."""
        self._channel.send((LOG, 0, record.levelno, self.format(record)))


if __name__ == "__main__":
    main()
