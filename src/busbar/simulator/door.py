"""What the API lets people and agents do, in the few verbs that the simulation needs.

The rules are those of the real doors: optimistic concurrency, deletion by asking where something
holds the object, a Pod's last phase is final, a node writes only what is its own. Next:
`network.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from busbar.controllers.parts.deletion import delete, delete_pod
from busbar.controllers.parts.leases import lease_key
from busbar.controllers.parts.pods import is_final, node_of, pod_key
from busbar.controllers.parts.writes import create, new_object, revision_of, with_status
from busbar.ledger.bonds import deposit
from busbar.ledger.settlement import top_up
from busbar.model.objects import Key, Object, is_deleting, metadata, spec_of, status_of, uid_of
from busbar.model.resources import key_of
from busbar.model.time import SECOND, Instant, format_micro_time
from busbar.model.use import UseReport
from busbar.simulator.exchange import Exchange
from busbar.store.contract import Committed, Put, Refused, Transaction
from busbar.store.view import View

GRACE_MS = 30 * SECOND


class Door:
    """The API, while the exchange is up."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._made = 0
        self._indexed: View | None = None
        self._bound: dict[str, dict[Key, Object]] = {}
        """The Pods bound to each node, as of the view `_indexed`."""

    @property
    def is_open(self) -> bool:
        """Say whether anybody answers."""
        return self._exchange.is_up

    def get(self, key: Key) -> Object | None:
        """Read an object."""
        return self._exchange.store.snapshot_now().get(key)

    def all_of(self, group: str, resource: str, namespace: str | None = None) -> list[Object]:
        """Read a collection."""
        return list(self._exchange.store.snapshot_now().list(group, resource, namespace))

    def create(
        self, key: Key, now: Instant, meta: dict[str, Any] | None = None, **fields: Any
    ) -> bool:
        """Create an object; not in a namespace that is missing or on its way out."""
        home = self.get(Key("", "namespaces", "", key.namespace)) if key.namespace else None
        if (
            key.namespace
            and key.namespace != "kube-node-lease"
            and (home is None or is_deleting(home))
        ):
            return False
        self._made += 1
        obj = new_object(key, f"00000000-0000-4000-8000-{self._made:012d}", now, **(meta or {}))
        return self._commit(Transaction((create({**obj, **fields}),)))

    def change(self, key: Key, edit: Callable[[Object], Object]) -> bool:
        """Change an object's metadata or spec; a changed spec is a new generation."""
        known = self.get(key)
        if known is None:
            return False
        fresh = edit(known)
        if spec_of(fresh) != spec_of(known):
            generation = int(metadata(known).get("generation") or 1) + 1
            fresh = {**fresh, "metadata": {**metadata(fresh), "generation": generation}}
        return self._commit(Transaction((Put(key, fresh, revision_of(known)),)))

    def delete(self, key: Key, now: Instant, foreground: bool = False) -> bool:
        """Ask for a deletion."""
        known = self.get(key)
        if known is None:
            return False
        if foreground:
            held = [*(metadata(known).get("finalizers") or ()), "foregroundDeletion"]
            known = {**known, "metadata": {**metadata(known), "finalizers": held}}
        if key.resource == "namespaces":
            ops = delete(known, now, grace_ms=SECOND)
        elif key.resource == "pods":
            ops = delete_pod(known, now, GRACE_MS)
        else:
            ops = delete(known, now)
        return self._commit(Transaction(ops))

    def pay_in(self, namespace: str, amount: int, now: Instant, key: str) -> bool:
        """Enter a payment."""
        return self._commit(Transaction((), (top_up(namespace, amount, now, key),)))

    def renew_lease(self, node: str, duration_ms: int) -> bool:
        """Take a renewal, stamped by the exchange's clock: the node's own may be wrong, or lie."""
        now = self._exchange.world.now
        key, known = lease_key(node), self.get(lease_key(node))
        if self.get(Key("", "nodes", "", node)) is None:
            return False
        spec = {
            "holderIdentity": node,
            "leaseDurationSeconds": duration_ms // SECOND,
            "renewTime": format_micro_time(now),
        }
        if known is None:
            return self.create(key, now, spec=spec)
        if spec_of(known) == spec:
            return True
        return self._commit(Transaction((Put(key, {**known, "spec": spec}, revision_of(known)),)))

    def report(
        self, node: str, namespace: str, name: str, uid: str, status: dict[str, Any]
    ) -> bool:
        """Take a Pod's status from its node; False where it may not say so (any more)."""
        pod = self.get(pod_key(namespace, name))
        if pod is None or uid_of(pod) != uid or node_of(pod) != node or is_final(pod):
            return False
        known = status_of(pod).get("busbar") or {}
        said = status.get("busbar") or {}
        if int(said.get("epoch", 0)) < int(known.get("epoch", 0)):
            return False
        told = {**status, "busbar": {**known, **said}}
        if "conditions" in status:
            told["conditions"] = _merged(status_of(pod).get("conditions"), status["conditions"])
        fresh = with_status(pod, **told)
        if fresh == pod:
            return True
        put = Put(pod_key(namespace, name), fresh, revision_of(pod))
        return self._commit(Transaction((put,)))

    def deposit(self, vendor: str, amount: int, now: Instant, key: str) -> bool:
        """Put money from outside into a vendor's bond."""
        entry = deposit(vendor, amount, now, key, from_outside=True)
        return self._commit(Transaction((), (entry,)))

    def pods_of(self, node: str) -> tuple[int, list[Object]]:
        """Give the Pods bound to a node, by name, and the revision they are of."""
        snapshot = self._exchange.store.snapshot_now()
        for old, new in snapshot.changes(self._indexed, "", "pods"):
            if old is not None:
                self._bound.get(node_of(old), {}).pop(key_of(old), None)
            if new is not None and node_of(new):
                self._bound.setdefault(node_of(new), {})[key_of(new)] = new
        self._indexed = snapshot
        bound = self._bound.get(node, {})
        return snapshot.revision, [bound[key] for key in sorted(bound)]

    def _commit(self, transaction: Transaction) -> bool:
        result: Committed | Refused = self._exchange.commit(transaction)
        return isinstance(result, Committed)


def take_use(door: Door, node: str, looks: Iterable[UseReport]) -> None:
    """Take a node's looks at what its Pods use."""
    known = door.get(Key("", "nodes", "", node))
    if known is None:
        return
    bound = {uid_of(pod): pod for pod in door.pods_of(node)[1]}
    for report in looks:
        door._exchange.board.take(known, report, bound, door._exchange.world.now)


def _merged(known: list[dict[str, Any]] | None, said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Merge conditions by their type, as a strategic merge patch does."""
    kinds = {entry["type"] for entry in said}
    return [*(entry for entry in known or () if entry["type"] not in kinds), *said]
