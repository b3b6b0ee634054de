"""Eligibility expressions: what an order asks of the places it may run in. Start at `terms.py`.

Kubernetes' required node affinity (`affinity.py`) and the restrictions of a Job or an annotation
(`reading.py`) become the same expression; what it means is the market's to say
(`busbar.market.restrictions`).
"""

from __future__ import annotations

from busbar.model.expressions.affinity import node_affinity
from busbar.model.expressions.attributes import read_attributes
from busbar.model.expressions.names import LEVELS, NODE_NAME, full_name, short_name
from busbar.model.expressions.reading import read_expression, read_text
from busbar.model.expressions.terms import (
    EVERYTHING,
    Condition,
    Expression,
    Group,
    Operator,
    both,
    conjuncts,
    normal,
    of_json,
    of_text,
    to_json,
    to_text,
)

__all__ = [
    "EVERYTHING",
    "LEVELS",
    "NODE_NAME",
    "Condition",
    "Expression",
    "Group",
    "Operator",
    "both",
    "conjuncts",
    "full_name",
    "node_affinity",
    "normal",
    "of_json",
    "of_text",
    "read_attributes",
    "read_expression",
    "read_text",
    "short_name",
    "to_json",
    "to_text",
]
