"""docs/market.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from busbar.market import exchange, luggage
from busbar.market.axis import FORWARD_SLOTS
from busbar.market.clearing import RULE
from busbar.market.funnel import STAGES
from busbar.market.reasons import ADVICE, Reason
from busbar.model import wellknown
from busbar.model.dtu import MICRO
from busbar.model.gpus import GPU_CLASSES
from busbar.model.requests import DEFAULT_REQUESTS

PAGE = (Path(__file__).parents[3] / "docs" / "market.md").read_text()
ROWS = re.findall(r"^\| `(\w+)` \| (the order|a node|the money) \| (.+?) \|$", PAGE, re.MULTILINE)


def test_the_table_of_reasons_is_the_closed_list_in_its_order():
    assert [(name, advice) for name, _, advice in ROWS] == [(r.value, ADVICE[r]) for r in Reason]


def test_the_reasons_about_nodes_are_those_that_a_funnel_asks():
    assert [name for name, about, _ in ROWS if about == "a node"] == [r.value for r in STAGES]


@pytest.mark.parametrize(
    "fact",
    [
        f"`{RULE}`",
        f"{exchange.ORDERS_MAX} orders",
        f"{exchange.PAIRS_MAX:,} (order, row) pairs",
        f"{FORWARD_SLOTS} slots ahead",
        f"{DEFAULT_REQUESTS.cpu_milli}m and {DEFAULT_REQUESTS.memory_bytes // 1024**2} MiB",
        f"else {wellknown.DEFAULT_CAP_EURO}",
        f"{luggage.CARRY_BYTES_PER_S // 10**6} MB/s) carries",
        f"unpacked at {luggage.PULL_BYTES_PER_S // 10**6} MB/s",
        f"loses {luggage.RESTART_MS // 1000} s",
    ],
)
def test_numbers_and_names_are_those_of_the_code(fact):
    assert fact in PAGE


@pytest.mark.parametrize(
    "annotation",
    [
        wellknown.ANN_CAP,
        wellknown.ANN_REGION,
        wellknown.ANN_VENDOR,
        wellknown.ANN_RESTRICTIONS,
        wellknown.ANN_NOT_AFTER,
        wellknown.ANN_DURATION,
        wellknown.ANN_MAY_WAIT,
        wellknown.ANN_READ,
        wellknown.ANN_WRITE,
        wellknown.ANN_EGRESS_CAP,
    ],
)
def test_each_term_of_an_order_is_documented(annotation):
    assert f"`{annotation.removeprefix('busbar.dev/')}`" in PAGE


def test_every_gpu_class_is_documented_with_its_weight():
    rows = re.findall(r"^\| ((?:`[\w-]+`(?:, )?)+) \| (\d+) \|$", PAGE, re.MULTILINE)
    said = {
        name: int(dtu) * MICRO for names, dtu in rows for name in re.findall(r"`([\w-]+)`", names)
    }
    assert said == dict(GPU_CLASSES.weights)
    assert f"| any other | {GPU_CLASSES.default_micro // MICRO} |" in PAGE
