"""The doors of the money: who may enter, who may read, and what they see."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.unit.documents.journals import everything

from busbar.server.audit import AuditStatus
from busbar.server.money import create_app
from busbar.store.contract import Transaction
from busbar.store.memory import MemoryStore

OPERATOR = ("operator", ("system:masters",))
MEMBER = ("erik", ("busbar:namespace:team-a",))
VENDOR = ("vendor:elastx", ("busbar:vendors",))


def ask(
    who: tuple[str, tuple[str, ...]],
    method: str,
    path: str,
    query: str = "",
    body: dict[str, Any] | None = None,
) -> tuple[int, list[Any]]:
    store = MemoryStore()
    for sealed in everything():
        store.commit_now(Transaction((), (sealed.entry,)))
    sent: list[Any] = []

    async def groups(_: Any) -> tuple[str, ...]:
        return who[1]

    async def user(_: Any) -> str:
        return who[0]

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": json.dumps(body).encode()}

    app = create_app(
        store,
        groups,
        user,
        lambda: 1_800_000_000_000,
        lambda: AuditStatus(holds=True, entries=5, at=""),
    )
    scope = {"method": method, "path": f"/money/v1/{path}", "query_string": query.encode()}
    asyncio.run(app(scope, receive, send))
    text = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], [json.loads(line) for line in text.splitlines()]


def test_an_operator_reads_the_whole_journal() -> None:
    status, lines = ask(OPERATOR, "GET", "entries")
    assert status == 200
    assert [line[0] for line in lines] == [sealed.seq for sealed in everything()]


def test_a_member_reads_what_moves_the_money_of_its_namespace() -> None:
    status, lines = ask(MEMBER, "GET", "entries", "namespace=team-a")
    assert status == 200
    assert all(any("team-a" in account for account, _ in line[1][3]) for line in lines)
    assert 0 < len(lines) < len(everything())
    for query in ("", "namespace=x", "vendor=elastx"):
        assert ask(MEMBER, "GET", "entries", query)[0] == 403


def test_a_vendor_reads_its_own_earnings() -> None:
    assert ask(VENDOR, "GET", "entries", "vendor=elastx")[0] == 200
    for query in ("", "vendor=other", "namespace=team-a&vendor=elastx"):
        assert ask(VENDOR, "GET", "entries", query)[0] == 403


def test_a_period_chooses_by_the_time_of_the_entry() -> None:
    last = everything()[-1].entry.at
    _, lines = ask(OPERATOR, "GET", "entries", f"from={last}&to={last + 1}")
    assert [line[0] for line in lines] == [len(everything())]
    assert ask(OPERATOR, "GET", "entries", "from=yesterday")[0] == 400
    assert ask(OPERATOR, "GET", "entries", "account=x")[0] == 400


def test_only_operators_move_money_and_close_months() -> None:
    for what in ("topups", "credits", "corrections", "payouts", "bonds", "closings"):
        assert ask(MEMBER, "POST", what, body={})[0] == 403
        assert ask(OPERATOR, "POST", what, body={})[0] == 400
    assert ask(OPERATOR, "POST", "loans", body={})[0] == 404


def test_whoever_is_known_sees_which_months_are_closed() -> None:
    assert ask(MEMBER, "GET", "closings") == (200, [{"closed": ["2026-11"]}])
    assert ask(("", ()), "GET", "closings")[0] == 403
