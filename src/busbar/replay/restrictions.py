"""Eligibility expressions over plain JSON, as docs/market.md says them. Next: `clearing.py`."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

Json = dict[str, Any]
When = tuple[int, int]

LEVELS = {
    "busbar.dev/isolation": ["process", "container", "sandbox", "microvm", "machine"],
}
BOND = "busbar.dev/bond"
COMPARED = {
    "above": operator.gt,
    "atLeast": operator.ge,
    "below": operator.lt,
    "atMost": operator.le,
}


def text_of(where: Json | None) -> str:
    """Give the text by which classes are told apart."""
    if where is None:
        return ""
    return json.dumps(where, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def parts_of(where: Json | None) -> list[Json]:
    """Give the parts that all must hold."""
    if where is None:
        return []
    return list(where["allOf"]) if "allOf" in where else [where]


def divided(where: Json | None) -> tuple[Json | None, Json | None]:
    """Give an expression in two: without, and only, what it asks of the vendor's bond."""
    parts = parts_of(where)
    bond = [part for part in parts if is_about_bond(part)]
    rest = [part for part in parts if not is_about_bond(part)]
    return ({"allOf": rest} if rest else None), ({"allOf": bond} if bond else None)


def is_about_bond(part: Json) -> bool:
    test = part.get("not", part)
    return test.get("attribute") == BOND and "signedBy" not in test


def meets(where: Json | None, node: Json, offer: Json, when: When) -> bool:
    """Say whether a node under an offer meets an expression for a time."""
    if where is None:
        return True
    return decided(where, lambda test: tested(test, node, offer, when))


def said(where: Json, node: Json, offer: Json, now: int) -> bool:
    """Say whether it meets it, or would if everybody's word were taken for it."""
    word = lambda test: tested(test, node, offer, None)  # noqa: E731
    return meets(where, node, offer, (now, now + 1)) or decided(where, word)


def decided(where: Json, holds: Callable[[Json], bool]) -> bool:
    if "allOf" in where:
        return all(decided(part, holds) for part in where["allOf"])
    if "anyOf" in where:
        return any(decided(part, holds) for part in where["anyOf"])
    if "not" in where:
        return not decided(where["not"], holds)
    return holds(where)


def tested(test: Json, node: Json, offer: Json, when: When | None) -> bool:
    """Say whether a test holds; signatures are not looked at where there is no time."""
    name, signers = test["attribute"], test.get("signedBy", {})
    signed = [one for one in node.get("attested", []) if one[0] == name]
    if signers and when is not None:
        start, end = when
        good = {
            auditor
            for _, value, auditor, since, until in signed
            if since <= start and until >= end and passes(test, value)
        }
        any_of = signers.get("anyOf", [])
        return good.issuperset(signers.get("allOf", [])) and (
            not any_of or not good.isdisjoint(any_of)
        )
    words = list(values(name, node, offer))
    if signers:
        words += [one[1] for one in signed]
    return any(passes(test, value) for value in words)


def values(name: str, node: Json, offer: Json) -> Iterator[str]:
    """Give everything that is said of an attribute."""
    if name == "metadata.name":
        yield node["node"]
        return
    if name in node["labels"]:
        yield node["labels"][name]
    for value in offer["attributes"].get(name, "").split(","):
        if value.strip():
            yield value.strip()


def passes(test: Json, value: str) -> bool:
    """Say whether one value passes one test."""
    if "in" in test:
        return value in test["in"]
    if "exists" in test:
        return True
    name = next(name for name in COMPARED if name in test)
    have, want = (on_scale(test, text) for text in (value, test[name]))
    return have is not None and want is not None and bool(COMPARED[name](have, want))


def on_scale(test: Json, text: str) -> Any:
    if test["as"] == "level":
        levels = LEVELS[test["attribute"]]
        return levels.index(text) if text in levels else None
    if test["as"] == "number":
        fits = re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", text)
        return Decimal(text) if fits else None
    found = re.fullmatch(r"v?([0-9]{1,9}(?:\.[0-9]{1,9}){0,7})([-+].*)?", text)
    return None if found is None else padded(found[1])


def padded(version: str) -> list[int]:
    parts = [int(part) for part in version.split(".")]
    return parts + [0] * (8 - len(parts))
