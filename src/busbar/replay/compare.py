"""A published clearing against what follows from its book: which order differs, and why.

Next: `clearing.py`, the rule itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from busbar.model.money import format_euro
from busbar.model.time import format_instant
from busbar.replay.clearing import Json, Market, Row, Wish
from busbar.replay.costs import beyond
from busbar.replay.eligibility import static_reason
from busbar.replay.funnel import refusals
from busbar.replay.prices import matches

RULE = "busbar-merit-3"
MONEY = frozenset({"InsufficientFunds", "BudgetExceeded"})
"""Whoever could not pay took no part; their balance is nobody else's business."""


_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError)
"""What reading raises where something is missing, or not what it should be."""


class Verdict(StrEnum):
    """What a replay comes to. A closed list."""

    AGREES = "Agrees"
    DISAGREES = "Disagrees"
    OMITTED = "Omitted"
    """Published without its book: there is nothing to compute it from."""
    NOT_YET = "NotYet"
    """Its book is not known whole yet from the records that there are."""
    UNSOUND = "Unsound"
    """Its record, or one that it rests on, is missing, was changed, or contradicts another."""
    OTHER_RULE = "OtherRule"
    """Cleared by a rule that this program does not know."""
    UNREADABLE = "Unreadable"
    """What is published is not a whole clearing."""


class Finding(NamedTuple):
    """One difference: about which order ("" for the clearing as a whole), and a sentence."""

    order: str
    sentence: str


class Replay(NamedTuple):
    """A clearing worked out again."""

    name: str
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    matched: int = 0
    unmatched: int = 0

    @property
    def stands(self) -> bool:
        """Say whether nothing speaks against it: it agrees, or could not be looked at."""
        return self.verdict in (Verdict.AGREES, Verdict.OMITTED, Verdict.NOT_YET)


def not_worked_out(name: str, why: str, *, is_sound: bool) -> Replay:
    """Say why there is no book to work a clearing out from."""
    verdict = Verdict.NOT_YET if is_sound else Verdict.UNSOUND
    return Replay(name, verdict, (Finding("", why),))


def pinned(said: Mapping[str, Any], digest: str, status: Json) -> str:
    """Say how a Clearing object differs from the record it should pin, "" where it does not."""
    if said.get("digest") != digest:
        return f"the clearing pins the SHA-256 {said.get('digest')}; its record has {digest}"
    for field in _OUTCOME:
        if (said.get(field) or None) != (status.get(field) or None):
            return f"the clearing and its record have different {field}"
    return ""


_OUTCOME = ("atMs", "seed", "rule", "matches", "refusals", "matched", "unmatched", "prices")


def replay(name: str, status: Mapping[str, Any]) -> Replay:
    """Work a published clearing (the status of a Clearing object) out again."""
    said = dict(status)
    try:
        counts = int(said.get("matched") or 0), int(said.get("unmatched") or 0)
        if said.get("omitted"):
            why = "published without its book: it held too many rows to be kept"
            if said.get("digest"):
                why = "its book is in its record: replay it from the cloud, or from saved records"
            return Replay(name, Verdict.OMITTED, (Finding("", why),), *counts)
        if said.get("rule") != RULE:
            why = f"cleared by the rule {said.get('rule')!r}; only {RULE} is known here"
            return Replay(name, Verdict.OTHER_RULE, (Finding("", why),), *counts)
        findings = tuple(_differences(_whole(said)))
    except _UNREADABLE as error:
        why = f"not a whole clearing ({type(error).__name__}: {error})"
        return Replay(name, Verdict.UNREADABLE, (Finding("", why),))
    verdict = Verdict.DISAGREES if findings else Verdict.AGREES
    return Replay(name, verdict, findings, *counts)


_PARTS = ("supply", "commitments", "vendors", "orders", "matches", "refusals")


def _whole(status: Json) -> Json:
    """Put the lists back that the wire leaves out when they are empty."""
    return {**{part: [] for part in _PARTS}, "prices": {}, **status}


def _differences(status: Json) -> Iterator[Finding]:
    poor = {refusal["order"] for refusal in status["refusals"] if refusal["reason"] in MONEY}
    market = Market({**status, "orders": [o for o in status["orders"] if o["id"] not in poor]})
    market.clear()
    matched = {match["order"]: match for match in matches(market)}
    refused = {refusal["order"]: refusal for refusal in refusals(market)}
    told = {match["order"]: match for match in status["matches"]}
    no = {refusal["order"]: refusal for refusal in status["refusals"]}
    yield from _listed_once(status)
    for order in sorted({order["id"] for order in status["orders"]} - poor | set(told)):
        if order in told and order in matched:
            yield from _matches_differ(market, told[order], matched[order])
        elif order in told:
            why = refused[order]["reason"] if order in refused else "it is not among the orders"
            where = f"{told[order]['node']} under {told[order]['offer']}"
            yield Finding(order, f"was given {where}; by the rule it finds no place ({why})")
        elif order in matched:
            due = f"{matched[order]['node']} under {matched[order]['offer']}"
            said = no[order]["reason"] if order in no else "not mentioned at all"
            yield Finding(order, f"is {said}; by the rule it has {due}")
        else:
            yield from _refusals_differ(no.get(order), refused[order])
    yield from _sums_differ(status, list(matched.values()), len(refused) + len(poor))


def _listed_once(status: Json) -> Iterator[Finding]:
    """An order comes out once: matched or refused."""
    seen: set[str] = set()
    for outcome in (*status["matches"], *status["refusals"]):
        order = outcome["order"]
        if order in seen:
            yield Finding(order, "comes out more than once")
        seen.add(order)


def _matches_differ(market: Market, said: Json, due: Json) -> Iterator[Finding]:
    order = due["order"]
    if (said["node"], said["offer"]) != (due["node"], due["offer"]):
        theirs = f"{said['node']} under {said['offer']}"
        ours = f"{due['node']} under {due['offer']}"
        yield Finding(order, f"was given {theirs}; by the rule {ours}: {_why(market, said, due)}")
        return
    for field in ("vendor", "zone", "offerVersion", "drawMicro"):
        if said[field] != due[field]:
            yield Finding(order, f"{field} is {said[field]}; by the rule {due[field]}")
    if said["askNano"] != due["askNano"]:
        asked = f"{_euro(said['askNano'])}; by the offer's calendar {_euro(due['askNano'])}"
        yield Finding(order, f"its supplier is said to ask {asked}")
    if said.get("movingNano", 0) != due.get("movingNano", 0):
        moves = [f"{format_euro(match.get('movingNano', 0))} €" for match in (said, due)]
        yield Finding(order, f"pays {moves[0]} for moving its data; by the rule {moves[1]}")
    if said.get("later", []) != due.get("later", []):
        yield Finding(order, "goes on in other pieces than those that follow from the book")
    if said["segments"] != due["segments"]:
        yield Finding(order, _segments_differ(said["segments"], due["segments"]))


def _segments_differ(said: list[Json], due: list[Json]) -> str:
    for theirs, ours in zip(said, due, strict=False):
        if (theirs["startMs"], theirs["endMs"]) != (ours["startMs"], ours["endMs"]):
            return f"its term has {_term(theirs)}; by the rule {_term(ours)}"
        if theirs["priceNano"] != ours["priceNano"]:
            prices = f"{_euro(theirs['priceNano'])}; by the rule {_euro(ours['priceNano'])}"
            highest = "the highest accepted ask of its zone and class"
            return f"pays {prices}, {highest}, in {_term(ours)}"
    return f"its term has {len(said)} parts; by the rule {len(due)}"


def _why(market: Market, said: Json, due: Json) -> str:
    """Say why the node that was given is not the one that follows."""
    wish = next(w for w in market.wishes if w.order["id"] == due["order"])
    row = _row(market, said)
    if row is None:
        return f"the book has no node {said['node']} under {said['offer']}"
    reason = static_reason(market, wish, row)
    if reason is not None:
        return f"{said['node']} may not serve it ({reason})"
    theirs, ours = _asked(market, wish, row), _asked(market, wish, wish.place)
    if theirs is None:
        return f"{said['offer']} is closed in its term"
    if theirs != ours and ours is not None:
        return f"{said['node']} asks {_euro(theirs)}, {due['node']} {_euro(ours)}"
    beyond = [beyond(market, wish, each) for each in (row, wish.place)]
    if beyond[0] != beyond[1]:
        costs = [f"{format_euro(nano)} €" for nano in beyond]
        there = f"{said['node']} {costs[0]}, {due['node']} {costs[1]}"
        return f"both ask the same, and moving data and starting there cost more: {there}"
    return f"both ask the same, and {due['node']} comes first (the fuller node, then the lot)"


def _row(market: Market, said: Json) -> Row | None:
    name = said["node"], said["offer"]
    return next((row for row in market.rows if row.name == name), None)


def _asked(market: Market, wish: Wish, row: Row) -> int | None:
    asks = market.asks(row, wish.when)
    return None if asks is None else max(asks)


def _refusals_differ(said: Json | None, due: Json) -> Iterator[Finding]:
    order = due["order"]
    if said is None:
        yield Finding(order, f"is not mentioned; by the rule it is refused ({due['reason']})")
    elif said["reason"] != due["reason"]:
        yield Finding(order, f"is refused for {said['reason']}; by the rule for {due['reason']}")
    elif said["funnel"] != due["funnel"]:
        yield Finding(order, f"its funnel says {said['funnel']}; by the rule {due['funnel']}")


def _sums_differ(status: Json, matches: list[Json], unmatched: int) -> Iterator[Finding]:
    prices: dict[str, int] = {}
    for match in matches:
        first = match["segments"][0]
        if first["startMs"] == status["atMs"]:
            zone = match["zone"]
            prices[zone] = max(first["priceNano"], prices.get(zone, 0))
    due = {zone: format_euro(nano) for zone, nano in prices.items()}
    if status["prices"] != due:
        yield Finding("", f"its prices are {status['prices']}; by the rule {due}")
    counts = {"matched": len(matches), "unmatched": unmatched}
    for field, count in counts.items():
        if (status.get(field) or 0) != count:
            yield Finding("", f"{field} is {status.get(field)}; by the rule {count}")


def _euro(nano: int) -> str:
    return f"{format_euro(nano)} €/DTU"


def _term(segment: Json) -> str:
    return f"{format_instant(segment['startMs'])} to {format_instant(segment['endMs'])}"
