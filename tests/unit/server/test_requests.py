"""The server's own small applications: bounded bodies in, one sentence for every no."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from busbar.server.requests import BODY_MAX, RequestRefused, answer, read_body, read_document
from busbar.store.contract import StoreFailed


def receiving(*parts: bytes, whole: bool = True) -> Callable[[], Awaitable[Any]]:
    """Give the body in parts; unless `whole`, the client goes away after the last."""
    messages = [{"type": "http.request", "body": p, "more_body": True} for p in parts]
    if whole:
        messages[-1]["more_body"] = False
    else:
        messages.append({"type": "http.disconnect"})
    left = iter(messages)

    async def receive() -> Any:
        return next(left)

    return receive


class Said(msgspec.Struct, forbid_unknown_fields=True):
    word: str


def test_a_body_comes_in_parts() -> None:
    assert asyncio.run(read_body(receiving(b"a", b"", b"b"), "it")) == b"ab"


@pytest.mark.parametrize(
    "parts",
    [(b"x" * (BODY_MAX + 1),), (b"x" * BODY_MAX, b"x"), (b"x" * (BODY_MAX // 2),) * 2 + (b"x",)],
    ids=["one part", "a last byte", "many parts"],
)
def test_a_body_beyond_the_bound_is_refused_in_whatever_parts(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(RequestRefused, match="the note has at most 65536 bytes") as refused:
        asyncio.run(read_body(receiving(*parts), "the note"))
    assert refused.value.status == 413


def test_a_body_of_exactly_the_bound_is_taken() -> None:
    assert len(asyncio.run(read_body(receiving(b"x" * BODY_MAX), "it"))) == BODY_MAX


def test_a_client_that_goes_away_has_sent_nothing() -> None:
    with pytest.raises(RequestRefused, match="ended early") as refused:
        asyncio.run(read_body(receiving(b'{"word": "yes"}', whole=False), "it"))
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff", b"[" * 60_000, b'{"other": 1}', b'{"word": 1}']
)
def test_what_is_not_the_document_is_refused(raw: bytes) -> None:
    with pytest.raises(RequestRefused, match=r"^the note is not valid: ") as refused:
        asyncio.run(read_document(receiving(raw), Said, "the note"))
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("outcome", "status", "document"),
    [
        ({"a": 1}, 200, {"a": 1}),
        (RequestRefused(409, "no"), 409, {"message": "no"}),
        (StoreFailed("the disk is full"), 503, {"message": "the disk is full"}),
    ],
    ids=["done", "refused", "store failed"],
)
def test_every_end_of_the_work_is_an_answer(
    outcome: Any, status: int, document: dict[str, Any]
) -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def work() -> Any:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    asyncio.run(answer(send, work()))
    assert sent[0]["status"] == status
    assert json.loads(sent[1]["body"]) == document
