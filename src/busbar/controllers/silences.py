"""When nodes were silent: whether a loss was one node's, or a fault near the exchange.

Each Node carries its latest silence (`ANN_SILENCE`), written when it is found lost and when it is
back. Most nodes silent at one time means that the fault is more likely here than there, also
where they came back before anybody was evicted: their agents have stopped their work by then, and
no vendor is to pay for it. Followed from snapshot to snapshot, as `standing.py` does. Next:
`nodes.py`.
"""

from __future__ import annotations

from busbar.controllers.settings import Settings
from busbar.model.objects import Object, annotate, annotations_of, name_of
from busbar.model.time import Instant
from busbar.store.contract import Snapshot

ANN_SILENCE = "busbar.dev/silence"
"""On a Node: `FROM-` (ms of its last renewal) while it is silent, `FROM-UNTIL` afterwards."""
FOREVER: Instant = 2**62


def fell_silent(node: Object, since: Instant) -> Object:
    """Copy with a silence that goes on."""
    return annotate(node, {ANN_SILENCE: f"{since}-"})


def spoke_again(node: Object, now: Instant) -> Object:
    """Copy with its silence ended, where there is one."""
    known = silence_of(node)
    if known is None or known[1] != FOREVER:
        return node
    return annotate(node, {ANN_SILENCE: f"{known[0]}-{now}"})


def silence_of(node: Object) -> tuple[Instant, Instant] | None:
    """Give a node's latest silence; `FOREVER` where it goes on."""
    since, mark, until = annotations_of(node).get(ANN_SILENCE, "").partition("-")
    if not mark or not since.isdecimal() or not (until.isdecimal() or not until):
        return None
    return int(since), int(until) if until else FOREVER


class Silences:
    """Follows snapshots: ask `at` first."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seen: Snapshot | None = None
        self._nodes: set[str] = set()
        self._silent: dict[str, tuple[Instant, Instant]] = {}

    def at(self, snapshot: Snapshot) -> Silences:
        """Take in what changed since the snapshot before."""
        if self._seen is not snapshot:
            for before, after in snapshot.changes(self._seen, "", "nodes"):
                if before is not None:
                    self._drop(name_of(before))
                if after is not None:
                    self._take(after)
            self._seen = snapshot
        return self

    def _drop(self, name: str) -> None:
        self._nodes.discard(name)
        self._silent.pop(name, None)

    def _take(self, node: Object) -> None:
        self._nodes.add(name_of(node))
        silence = silence_of(node)
        if silence is not None:
            self._silent[name_of(node)] = silence

    def were_most(self, since: Instant, until: Instant) -> bool:
        """Say whether most nodes were silent at some time within [since, until]."""
        if len(self._nodes) < self._settings.mass_loss_nodes_min:
            return False
        silent = sum(a <= until and since <= b for a, b in self._silent.values())
        return silent * 100 > self._settings.mass_loss_percent * len(self._nodes)
