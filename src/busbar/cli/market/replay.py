"""`busbar market replay`: past clearings worked out again from the published book.

By `busbar.replay`, which shares nothing with the market's own code. Next: `quote.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from busbar.cli.client import BUSBAR, Json
from busbar.cli.context import Context, pass_context
from busbar.cli.errors import CliError, Exit
from busbar.cli.market.records import CloudRecords, FolderRecords
from busbar.cli.output import clean, emit, hint, output_option
from busbar.replay.chain import Chain, Found, Source
from busbar.replay.compare import Replay, Verdict, not_worked_out, pinned
from busbar.replay.compare import replay as work_out

SLOW_ORDERS = 150
SLOW_SECONDS = 5
"""From here on one may wonder whether anything is happening."""
_SAID = {
    Verdict.AGREES: "agrees",
    Verdict.DISAGREES: "DISAGREES",
    Verdict.OMITTED: "cannot be replayed: published without its book",
    Verdict.NOT_YET: "cannot be replayed yet",
    Verdict.OTHER_RULE: "CANNOT BE JUDGED: another rule",
    Verdict.UNREADABLE: "CANNOT BE READ",
    Verdict.UNSOUND: "THE RECORD DOES NOT HOLD",
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
    "--from",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Saved records (busbar market record --save DIR) instead of the cloud's.",
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
    folder: Path | None,
    last: int,
    output: str,
) -> int:
    """Work past clearings out again, by code that is not the market's.

    The book of each is put together from the public records, whose chain of digests is checked on
    the way, as is the Clearing while there is one. Exits with 1 where a clearing disagrees with its
    book, and says which order and why; and where a record is missing, was changed, or contradicts
    another.
    """
    if source is not None and folder is not None:
        raise CliError("clearings are read from -f FILE or --from DIR, not from both", Exit.USAGE)
    if source is not None:
        objects = {_name(item): item for item in _from_file(source)}
        names = _chosen(sorted(objects), clearings, last)
        done = [_replayed(name, _status(objects[name])) for name in names]
    elif folder is not None:
        done = _recorded(FolderRecords(folder), {}, clearings, last)
    else:
        found = context.client.list(f"{BUSBAR}/clearings")
        known = {_name(item): _status(item) for item in found}
        done = _recorded(CloudRecords(context.client), known, clearings, last)
    rows = [(r.name, r.matched, r.unmatched, _SAID[r.verdict]) for r in done]
    columns = ("clearing", "matched", "unmatched", "replayed")
    emit(output, [_as_json(r) for r in done], columns, rows)
    if output == "table":
        _findings(done)
        hint(_summary(done))
    return Exit.OK if all(r.stands for r in done) else Exit.FAILED


def _recorded(
    source: Source, objects: dict[str, Json], clearings: tuple[str, ...], last: int
) -> list[Replay]:
    """Replay clearings from their records; those of before there were records, from themselves."""
    chain = Chain(source)
    bare = {name for name, status in objects.items() if not status.get("digest")}
    names = list(dict.fromkeys(clearings)) or [*sorted(bare), *chain.names.last(last)][-last:]
    for name in names:
        if name not in objects and chain.names.place(name) is None:
            raise CliError(f"there is no record of a clearing {name}", Exit.NOT_FOUND)
    done = {name: _replayed(name, objects[name]) for name in names if name in bare}
    for found in chain.books([name for name in names if name not in bare]):
        done[found.name] = _judged(found, objects.get(found.name))
    if chain.read:
        hint(f"{chain.read} records were read")
    return [done[name] for name in names]


def _judged(found: Found, said: Json | None) -> Replay:
    if found.status is None:
        return not_worked_out(found.name, found.why, is_sound=found.is_sound)
    if said is not None and (why := pinned(said, found.digest, found.status)):
        return not_worked_out(found.name, why, is_sound=False)
    return _replayed(found.name, found.status)


def _replayed(name: str, status: Json) -> Replay:
    orders, supply = status.get("orders"), status.get("supply") or []
    if isinstance(orders, list) and isinstance(supply, list):
        nodes = sum(len(offer.get("nodes") or ()) for offer in supply if isinstance(offer, dict))
        _warn(name, len(orders), nodes)
    return work_out(name or "?", status)


def _warn(name: str, orders: int, nodes: int) -> None:
    """Say before how long it takes: the replay is written to be read, not to be fast.

    Measured: each order looks at each node in 40 µs, and once more for each other order in 1 µs.
    """
    seconds = orders * nodes * (40 + orders) // 10**6
    if orders > SLOW_ORDERS or seconds > SLOW_SECONDS:
        about = f"about {-(-seconds // 60)} minutes" if seconds > 60 else "a while"
        what = f"{orders} orders, each with all others, on {nodes} nodes"
        hint(f"{clean(name)}: {what}; this takes {about}")


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


def _chosen(known: list[str], names: tuple[str, ...], last: int) -> list[str]:
    if not names:
        return known[-last:]
    if missing := [name for name in names if name not in known]:
        raise CliError(f"the file has no clearing {missing[0]}", Exit.NOT_FOUND)
    return list(dict.fromkeys(names))


def _name(item: Json) -> str:
    meta: Any = item.get("metadata")
    return str(meta.get("name")) if isinstance(meta, dict) else ""


def _status(item: Json) -> Json:
    status = item.get("status")
    return status if isinstance(status, dict) else {}


def _findings(done: list[Replay]) -> None:
    for found in _worth_saying(done):
        click.echo(f"\n{clean(found.name)}")
        for order, sentence in found.findings:
            about = f"order {clean(order)}: " if order else ""
            click.echo(f"  {about}{clean(sentence)}")


def _worth_saying(done: list[Replay]) -> Iterator[Replay]:
    return (found for found in done if not found.stands or found.verdict is Verdict.NOT_YET)


def _summary(done: list[Replay]) -> str:
    if not done:
        return "no clearing has been published yet"
    counts = {v: sum(r.verdict is v for r in done) for v in Verdict}
    bad = sum(not r.stands for r in done)
    parts = [f"{counts[Verdict.AGREES]} of {len(done)} clearings follow from their books"]
    if bad:
        parts.append(f"{bad} do not")
    if counts[Verdict.OMITTED]:
        parts.append(f"{counts[Verdict.OMITTED]} published without a book cannot be replayed")
    if counts[Verdict.NOT_YET]:
        parts.append(f"{counts[Verdict.NOT_YET]} cannot be replayed yet")
    return "; ".join(parts)


def _as_json(found: Replay) -> Json:
    return {
        "clearing": found.name,
        "verdict": found.verdict.value,
        "matched": found.matched,
        "unmatched": found.unmatched,
        "findings": [{"order": f.order, "message": f.sentence} for f in found.findings],
    }
