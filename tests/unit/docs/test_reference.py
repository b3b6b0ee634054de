"""What an operator may set, meet or be refused by is documented, all of it."""

from __future__ import annotations

import importlib.util
import re
from enum import Enum
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from busbar.agent.buckets import BucketRefusal
from busbar.agent.refusals import Reason as PodReason
from busbar.agent.settings import AgentSettings
from busbar.cli.errors import Exit
from busbar.controllers.close import DOING, CloseReason, Doing
from busbar.controllers.market.heldroom import CLAUSES, Hindrance
from busbar.controllers.settings import Settings as ControllerSettings
from busbar.images.refusals import ImageRefusal
from busbar.ledger.checks import Fault
from busbar.ledger.corrections import Uncorrectable
from busbar.ledger.fold import Defect
from busbar.market.reasons import Reason as MarketReason
from busbar.server.settings import ServerSettings
from busbar.store.contract import Unopenable, Why

ROOT = Path(__file__).resolve().parents[3]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
MARKET = (ROOT / "docs" / "market.md").read_text()


def section(title: str) -> str:
    """Give a section of the operations page."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", OPERATIONS, re.DOTALL | re.MULTILINE)
    assert found is not None, f"docs/operations.md has no section {title!r}"
    return found.group(1)


def fields_of(text: str) -> set[str]:
    """Give the fields named in the first column of a section's tables."""
    cells = re.findall(r"^\| ([^|]*) \|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def document_cli() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "document_cli", ROOT / "scripts" / "document_cli.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    module = document_cli()
    assert module.TARGET.read_text() == module.page(), "run scripts/document_cli.py"


def test_every_setting_of_the_control_plane_is_documented_and_no_other() -> None:
    text = section("Settings of the control plane")
    server, controllers = text.split("controllers' times", 1)
    assert fields_of(server) == {f.name for f in msgspec.structs.fields(ServerSettings)}
    assert fields_of(controllers) == set(ControllerSettings._fields)


def test_every_setting_of_an_agent_is_documented_and_no_other() -> None:
    text = section("Settings of an agent")
    assert fields_of(text) == {f.name for f in msgspec.structs.fields(AgentSettings)}


@pytest.mark.parametrize("name", ["api_port", "s3_port", "s3_tls_port", "fee_ppm"])
def test_documented_defaults_are_the_defaults(name: str) -> None:
    text = section("Settings of the control plane")
    assert f"| `{name}` | `{getattr(ServerSettings(), name)}` |" in text


def test_documented_times_of_the_controllers_are_theirs() -> None:
    for row in re.findall(r"^\| `(\w+)` \| ([\d ]+) \|", OPERATIONS, re.MULTILINE):
        name, value = row
        assert int(value.replace(" ", "")) == getattr(ControllerSettings(), name), name


def test_every_exit_code_is_documented_and_no_other() -> None:
    codes = set(map(int, re.findall(r"^\| (\d+) \|", section("Exit codes"), re.MULTILINE)))
    assert codes == {int(code) for code in Exit} | {130}


@pytest.mark.parametrize(
    "reasons",
    [
        PodReason,
        CloseReason,
        ImageRefusal,
        BucketRefusal,
        Defect,
        Fault,
        Uncorrectable,
        Why,
        Unopenable,
    ],
    ids=lambda reasons: f"{reasons.__module__}.{reasons.__name__}",
)
def test_every_reason_of_a_closed_list_is_documented(reasons: type[Enum]) -> None:
    text = section("Reasons")
    assert [reason.value for reason in reasons if f"`{reason.value}`" not in text] == []


def test_whose_doing_every_end_was_is_documented_as_it_is() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| [^|]+ \|$", MARKET, re.MULTILINE)
    documented = [(reason, doing) for reason, doing in rows if doing in set(Doing)]
    assert documented == [(reason.value, doing.value) for reason, doing in DOING.items()]


def test_every_reason_of_the_market_is_documented() -> None:
    assert [reason.value for reason in MarketReason if f"| `{reason.value}` |" not in MARKET] == []


def test_every_reason_not_to_draw_has_its_clause_and_is_documented() -> None:
    assert set(CLAUSES) == set(Hindrance)
    listed = ", ".join(f"`{hindrance}`" for hindrance in Hindrance)
    assert listed in MARKET, "docs/market.md lists them in the order of the tests"
