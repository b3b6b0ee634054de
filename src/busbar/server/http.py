"""Serving ASGI applications over TLS: uvicorn, with the client's certificate in the scope.

`scope["extensions"]["tls"]["client_cert_der"]` is the certificate that TLS verified, or None.
Also bounded here: the size of a request's head, which the parser itself does not limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import urllib.parse
from collections.abc import Iterator
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from busbar.server.http_cycle import Cycle

HEAD_BYTES_MAX = 64 * 1024
"""All headers and the URL together."""
HEAD_SECONDS_MAX = 30
"""From the connection, or the first byte of a request, to the end of its head."""
ALPN = ("http/1.1",)
BACKLOG = 2048


class HeadTooLarge(Exception):
    """Raised inside the parser, which then answers 400 and closes."""


class PeerCertificateProtocol(HttpToolsProtocol):
    """HTTP/1.1 over TLS, knowing whose connection it is."""

    _extensions: dict[str, Any]
    _head_bytes = 0
    _in_head = False
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the peer's certificate: it stays the same for the connection's life."""
        super().connection_made(transport)
        secured = transport.get_extra_info("ssl_object")
        certificate = secured.getpeercert(binary_form=True) if secured is not None else None
        self._extensions = {"tls": {"client_cert_der": certificate}}

        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the connection."""
        self._forget_head()
        super().connection_lost(exc)
        for cycle in (self.cycle, *(waiting for waiting, _ in self.pipeline)):
            if isinstance(cycle, Cycle):
                cycle.is_gone()

    def data_received(self, data: bytes) -> None:
        """Parse what came; a head that stays half sent has its time."""
        super().data_received(data)
        if self._in_head and self._head_timer is None:
            self._watch_head()

    def _watch_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS_MAX, self.transport.abort)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def on_message_begin(self) -> None:
        """Start on a request."""
        super().on_message_begin()
        self._in_head = True

    def _unsupported_upgrade_warning(self) -> None:
        """Stay silent: clients that ask for WebSocket take plain HTTP as the answer."""

    def on_url(self, url: bytes) -> None:
        """Take a piece of the URL."""
        self._count(len(url))
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._count(len(name) + len(value))
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES_MAX:
            raise HeadTooLarge

    def on_headers_complete(self) -> None:
        """Start the application on a request whose head is whole."""
        self._head_bytes = 0
        self._in_head = False
        self._forget_head()
        scope, version = self.scope, self.parser.get_http_version()
        parsed = httptools.parse_url(self.url)
        raw_path: bytes = parsed.path or b"/"
        path = raw_path.decode("ascii")
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["http_version"] = version
        scope["path"] = urllib.parse.unquote(path) if "%" in path else path
        scope["raw_path"] = raw_path
        scope["query_string"] = parsed.query or b""
        scope["extensions"] = self._extensions
        before = self.cycle
        self.cycle = Cycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            # After a request to upgrade, the parser reads no further on this connection.
            keep_alive=version != "1.0"
            and self.parser.should_keep_alive()
            and not self.parser.should_upgrade(),
            on_response=self.on_response_complete,
        )
        scope["whole_body"] = self.cycle.whole_body  # type: ignore[typeddict-unknown-key]
        scope["on_gone"] = self.cycle.on_gone  # type: ignore[typeddict-unknown-key]
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            # Pipelined: it waits until the answer before it is complete.
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))


def server_context(certificate: str, key: str, client_authority: str | None) -> ssl.SSLContext:
    """Give a TLS context: modern versions only, client certificates asked for but not required."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(list(ALPN))
    if client_authority is not None:
        context.load_verify_locations(client_authority)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


class _Embedded(uvicorn.Server):
    """A uvicorn server inside somebody else's process: signals are not its business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Give a listening socket; for port 0 the system chooses. Raises OSError where it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    listener.setblocking(False)
    return listener


class HttpServer:
    """An application behind a listening socket."""

    def __init__(self, app: Any, tls: ssl.SSLContext | None) -> None:
        config = uvicorn.Config(
            app,
            http=PeerCertificateProtocol,
            ws="none",
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
            timeout_keep_alive=75,
            backlog=BACKLOG,
        )
        config.load()
        config.ssl = tls
        self._server = _Embedded(config)
        self._running: asyncio.Task[None] | None = None

    async def start(self, listener: socket.socket) -> int:
        """Serve what connects; gives the port."""
        port: int = listener.getsockname()[1]
        self._running = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started and not self._running.done():
            await asyncio.sleep(0.01)
        return port

    async def stop(self) -> None:
        """Stop listening, let running requests end for a moment, then break them off."""
        if self._running is None:
            return
        self._server.should_exit = True
        await self._running
