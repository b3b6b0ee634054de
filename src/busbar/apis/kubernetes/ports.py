"""What the door is given from outside: clock, ids, tokens, the way to a node's logs.

The server passes real ones, tests pass their own; the door itself reads no clock and no dice.
Next: `settings.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple, Protocol

from busbar.model.objects import Object
from busbar.model.time import Instant
from busbar.model.use import Observed, UseReport

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

Clock = Callable[[], Instant]
"""Gives milliseconds since 1970, UTC."""
NewUid = Callable[[], str]
"""Gives a fresh UUID, unpredictable."""


class Identity(NamedTuple):
    """Who asks: a user name and the groups it is in."""

    user: str
    groups: tuple[str, ...] = ()
    uid: str = ""


class TokenLookup(Protocol):
    """Knows bearer tokens that somebody was given."""

    def __call__(self, token: str) -> Identity | None:
        """Give whom a token stands for; None where it is unknown, expired or withdrawn."""


DeletionGuard = Callable[[Object], AbstractAsyncContextManager[str]]
"""Held around an object's deletion by whoever keeps what would be lost with it.

Gives why the object must stay, as a clause; "" where it may go.
"""


@asynccontextmanager
async def unguarded(obj: Object) -> AsyncIterator[str]:
    """Let everything go."""
    del obj
    yield ""


class LogRequest(NamedTuple):
    """Which log of which container, as `kubectl logs` asks for it."""

    namespace: str
    pod: str
    pod_uid: str
    container: str
    follow: bool = False
    tail_lines: int | None = None
    since_time: str | None = None
    timestamps: bool = False
    previous: bool = False
    limit_bytes: int | None = None


class LogStream(Protocol):
    """An open log: pieces of bytes as the node sends them. Close it when done."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the pieces."""

    def close(self) -> None:
        """End it: the node stops sending."""


class LogBroker(Protocol):
    """The way to the logs that nodes keep."""

    async def open(self, node: str, request: LogRequest) -> LogStream:
        """Ask a node for a log; raises `LogsUnavailable` with a sentence where it cannot be had."""


class UseBoard(Protocol):
    """Knows what Pods and nodes use at the moment."""

    def take(
        self, node: Object, report: UseReport, pods: Mapping[str, Object], now: Instant
    ) -> None:
        """Take a node's report; `pods` are those of it that are bound there, by uid."""

    def pod(self, pod: Object, now: Instant) -> Observed | None:
        """Give what a Pod's containers use; None where nobody knows (any more)."""

    def node(self, name: str, now: Instant) -> Observed | None:
        """Give what a machine uses in all; None where nobody knows (any more)."""


class Questions(Protocol):
    """Answers what things would cost and why orders wait; the answers are documents."""

    async def quote(self, identity: Identity, manifest: Any) -> dict[str, Any]:
        """Say what a manifest would cost, were its author to create it; `manifest` is changed.

        Raises `QuestionRefused`.
        """

    async def why(self, namespace: str, name: str) -> dict[str, Any]:
        """Say why an order waits and what would have matched. Raises `QuestionRefused`."""


class QuestionRefused(Exception):
    """A question that gets no answer: HTTP code and one sentence."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class LogsUnavailable(Exception):
    """A log that cannot be had: HTTP code and one sentence."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
