"""docs/kubernetes.md says what the tables in the code say, line by line."""

from __future__ import annotations

from pathlib import Path

from busbar.apis.kubernetes import routes
from busbar.apis.kubernetes.authorization import (
    MEMBER_INSIDE,
    MEMBER_OUTSIDE,
    NODE,
    NODE_LEASE,
    VENDOR,
    Check,
    Rule,
)
from busbar.apis.kubernetes.selectors import supported_fields
from busbar.model.resources import RESOURCES, REVIEWS

DOCUMENT = Path(__file__).resolve().parents[5] / "docs" / "kubernetes.md"
ROLES = (
    ("member, inside its namespace", MEMBER_INSIDE),
    ("member, outside it", MEMBER_OUTSIDE),
    ("vendor", VENDOR),
    ("node", NODE),
    ("node, in kube-node-lease", NODE_LEASE),
)


def rows_of_roles() -> list[str]:
    return [_row(role, rule) for role, rules in ROLES for rule in rules]


def _row(role: str, rule: Rule) -> str:
    verbs = " ".join(sorted(rule.verbs, key=routes.VERBS.index))
    if rule.verbs == frozenset(routes.VERBS):
        verbs = "all"
    condition = "" if rule.check is Check.NONE else rule.check.value
    what = " ".join(sorted(rule.resources))
    return f"| {role} | {what} | {verbs} | {condition} |"


def rows_of_kinds() -> list[str]:
    return [
        f"| {r.kind} | {r.api_version} | {'yes' if r.namespaced else 'no'} | "
        f"{' '.join(routes.subresources(r)) or '–'} | "
        f"{'the exchange' if r.read_only else 'those below'} | "
        f"{' '.join(supported_fields(r)[2:]) or '–'} |"
        for r in RESOURCES
    ]


def test_every_rule_of_every_role_is_documented() -> None:
    lines = DOCUMENT.read_text().splitlines()
    assert [line for line in lines if line.startswith(("| member", "| vendor", "| node"))] == (
        rows_of_roles()
    )


def test_every_kind_is_documented() -> None:
    lines = set(DOCUMENT.read_text().splitlines())
    missing = [row for row in rows_of_kinds() if row not in lines]
    assert not missing, "\n".join(missing)
    for review in REVIEWS:
        row = f"| {review.kind} | {review.api_version} |"
        assert any(line.startswith(row) for line in lines), row
