"""`busbar market replay`: past clearings worked out again from the published book.

By `busbar.replay`, which shares nothing with the market's own code. Next: `quote.py`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from busbar.cli.client import BUSBAR, Json, clustered
from busbar.cli.context import Context, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.output import clean, emit, hint, output_option
from busbar.replay.compare import Replay, Verdict
from busbar.replay.compare import replay as work_out

SLOW_ORDERS = 150
"""Orders of a batch from which one may wonder whether anything is happening."""
_SAID = {
    Verdict.AGREES: "agrees",
    Verdict.DISAGREES: "DISAGREES",
    Verdict.OMITTED: "cannot be replayed: published without its book",
    Verdict.OTHER_RULE: "CANNOT BE JUDGED: another rule",
    Verdict.UNREADABLE: "CANNOT BE READ",
}


@click.command(short_help="Work past clearings out again from their books.")
@click.argument("clearings", nargs=-1, metavar="[CLEARING]...")
@click.option(
    "-f",
    "--file",
    "source",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Saved clearings (kubectl get clearings -o json) instead of the cloud's.",
)
@click.option(
    "--last",
    metavar="N",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    help="Where none is named: the last N.",
)
@output_option
@pass_context
def replay(
    context: Context,
    /,
    clearings: tuple[str, ...],
    source: Path | None,
    last: int,
    output: str,
) -> int:
    """Work past clearings out again, by code that is not the market's.

    Exits with 1 where one disagrees with the book it was published with, and says which order and
    why. A clearing whose book was too large to be kept cannot be replayed; it is named.
    """
    found = _from_file(source) if source is not None else context.client.list(f"{BUSBAR}/clearings")
    chosen = _chosen(context, found, clearings, last, is_local=source is not None)
    done = [_replayed(item) for item in chosen]
    rows = [(r.name, r.matched, r.unmatched, _SAID[r.verdict]) for r in done]
    columns = ("clearing", "matched", "unmatched", "replayed")
    emit(output, [_as_json(r) for r in done], columns, rows)
    if output == "table":
        _findings(done)
        hint(_summary(done))
    return Exit.OK if all(r.stands for r in done) else Exit.FAILED


def _replayed(item: Json) -> Replay:
    meta, status = item.get("metadata"), item.get("status")
    name = meta.get("name") if isinstance(meta, dict) else None
    orders = status.get("orders") if isinstance(status, dict) else None
    if isinstance(orders, list) and len(orders) > SLOW_ORDERS:
        hint(f"{clean(name)}: {len(orders)} orders, each with all others; this takes a while")
    return work_out(str(name or "?"), status if isinstance(status, dict) else {})


def _from_file(source: Path) -> list[Json]:
    try:
        found = json.loads(source.read_text())
    except OSError as error:
        raise CliError(f"{source} cannot be read ({error.strerror})", Exit.USAGE) from None
    except (ValueError, RecursionError):
        raise CliError(f"{source} is not JSON; save it with -o json", Exit.USAGE) from None
    items = found.get("items", [found]) if isinstance(found, dict) else found
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise CliError(f"{source} holds no clearings", Exit.USAGE)
    return items


def _chosen(
    context: Context, found: list[Json], names: tuple[str, ...], last: int, *, is_local: bool
) -> list[Json]:
    by_name = {_name(item): item for item in found}
    if not names:
        return [by_name[name] for name in sorted(by_name)][-last:]
    if is_local and (missing := [name for name in names if name not in by_name]):
        raise CliError(f"the file has no clearing {missing[0]}", Exit.NOT_FOUND)
    fetched = (by_name.get(n) or context.client.get(clustered("clearings", n)) for n in names)
    return list(fetched)


def _name(item: Json) -> str:
    meta: Any = item.get("metadata")
    return str(meta.get("name")) if isinstance(meta, dict) else ""


def _findings(done: list[Replay]) -> None:
    for found in done:
        if not found.stands:
            click.echo(f"\n{clean(found.name)}")
            for order, sentence in found.findings:
                about = f"order {clean(order)}: " if order else ""
                click.echo(f"  {about}{clean(sentence)}")


def _summary(done: list[Replay]) -> str:
    if not done:
        return "no clearing has been published yet"
    counts = {v: sum(r.verdict is v for r in done) for v in Verdict}
    bad = len(done) - counts[Verdict.AGREES] - counts[Verdict.OMITTED]
    parts = [f"{counts[Verdict.AGREES]} of {len(done)} clearings follow from their books"]
    if bad:
        parts.append(f"{bad} do not")
    if counts[Verdict.OMITTED]:
        parts.append(f"{counts[Verdict.OMITTED]} published without a book cannot be replayed")
    return "; ".join(parts)


def _as_json(found: Replay) -> Json:
    return {
        "clearing": found.name,
        "verdict": found.verdict.value,
        "matched": found.matched,
        "unmatched": found.unmatched,
        "findings": [{"order": f.order, "message": f.sentence} for f in found.findings],
    }
