"""Studies as tables: on a terminal, and as they stand in docs/market.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from busbar.model.money import format_euro
from studies.reference import Compared
from studies.scarcity import Scarcity
from studies.scene import VALUES_NANO
from studies.strategies import Gain

Lines = list[list[str]]
Writer = Callable[[Lines], Iterator[str]]


def of_scarcity(found: Sequence[Scarcity]) -> Lines:
    """Give a column for each load."""
    rows: list[tuple[str, Callable[[Scarcity], str]]] = [
        ("welfare ÷ optimum, one batch: median, worst", _batch),
        ("welfare ÷ bound that knows the future, season: median, worst", _season),
        ("sold, of what the machines could do", lambda s: f"{s.used:.0%}"),
        ("wait of those served: median, 99 %, longest", _waits),
        *(
            (f"never served, of those worth {format_euro(value)} €/DTU", _unserved(i))
            for i, value in enumerate(VALUES_NANO)
        ),
        ("mean price by quarter of the season, €/DTU", _prices),
    ]
    head = ["demand ÷ supply", *(f"{s.load:.0%}" for s in found)]
    return [head, *([name, *map(cell, found)] for name, cell in rows)]


def _batch(s: Scarcity) -> str:
    return f"{s.batch_median:.3f}, {s.batch_worst:.3f}"


def _season(s: Scarcity) -> str:
    return f"{s.season_median:.3f}, {s.season_worst:.3f}"


def _waits(s: Scarcity) -> str:
    return f"{s.wait_median_h:.1f} h, {s.wait_p99_h:.1f} h, {s.wait_longest_h:.1f} h"


def _unserved(number: int) -> Callable[[Scarcity], str]:
    return lambda s: f"{s.unserved[number]:.1%}"


def _prices(s: Scarcity) -> str:
    return ", ".join(f"{price:.3f}" for price in s.prices)


def of_strategies(found: Sequence[Gain]) -> Lines:
    """Give a line for each play, with both loads beside each other."""
    loads = sorted({gain.load for gain in found})
    names = list(dict.fromkeys((gain.is_vendors, gain.play) for gain in found))
    head = ["who", "play"]
    for load in loads:
        head += [f"gain at {load:.0%}", "everybody"]
    lines = [head]
    for is_vendors, play in names:
        line = ["vendor" if is_vendors else "consumer", play]
        for load in loads:
            gain = next(g for g in found if (g.play, g.load) == (play, load))
            line += [
                f"{_percent(gain.median)} ({_percent(gain.low)} … {_percent(gain.high)})",
                _percent(gain.others),
            ]
        lines.append(line)
    return lines


def _percent(value: float) -> str:
    return f"{round(value, 1) + 0.0:+.1f} %"


def of_reference(found: Sequence[Compared]) -> Lines:
    """Give a line for each size."""
    head = ["nodes", "orders", "books", "reference differs in", "gap: mean", "gap: worst"]
    return [head] + [
        [
            str(c.nodes),
            f"≤ {c.orders}",
            f"{c.books:,}",
            str(c.differ),
            f"{c.gap_mean:.3%}",
            f"{c.gap_worst:.3%}",
        ]
        for c in found
    ]


def as_table(lines: Lines) -> Iterator[str]:
    """Write columns under each other."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(cells).rstrip()


def as_markdown(lines: Lines) -> Iterator[str]:
    """Write as the pages have it."""
    yield "| " + " | ".join(lines[0]) + " |"
    yield "|" + "---|" * len(lines[0])
    for line in lines[1:]:
        yield "| " + " | ".join(line) + " |"
