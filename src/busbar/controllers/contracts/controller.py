"""The contract controller: start, settlement, next slots, end. Next: `../nodes.py`.

One reconcile makes one transaction: what the contract says, what the journal says and what is
asked of the Pod change together or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable

from busbar.controllers.contract import NOTHING, Collection, Decision, decide
from busbar.controllers.contracts.fault import Evidence
from busbar.controllers.contracts.held import HeldCase
from busbar.controllers.contracts.heldview import read_held
from busbar.controllers.contracts.reserved import ReservedCase
from busbar.controllers.contracts.running import RunningCase
from busbar.controllers.contracts.view import read_contract
from busbar.controllers.nodes import is_ready
from busbar.controllers.parts.pods import contract_key, is_final
from busbar.controllers.parts.writes import remove
from busbar.controllers.pools import has_begun, is_reserved, pool_of
from busbar.controllers.reclaims import asked_of, told
from busbar.controllers.settings import Settings
from busbar.controllers.standing import Standing
from busbar.model.objects import (
    Key,
    Object,
    annotations_of,
    is_deleting,
    name_of,
    spec_of,
    status_of,
)
from busbar.model.places import places_name
from busbar.model.resources import key_of
from busbar.model.time import Instant
from busbar.model.wellknown import ANN_GANG_PLACES, GROUP
from busbar.store.contract import Event, EventType, Snapshot

CONTRACTS: Collection = (GROUP, "contracts")


class ContractController:
    """Moves contracts from phase to phase, and money with them."""

    name = "contracts"
    watches: tuple[Collection, ...] = (CONTRACTS, ("", "pods"), ("", "nodes"), ("", "namespaces"))
    coalesce_ms = 0

    def __init__(self, settings: Settings, standing: Standing, evidence: Evidence) -> None:
        self._settings = settings
        self._standing = standing
        self._evidence = evidence

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake a contract for itself and its Pod; one that holds capacity, for node and home."""
        if event.key.resource == "contracts":
            return (event.key, *self._sold_of(event))
        if event.key.resource == "nodes":
            return self._held_on(event)
        if event.key.resource == "namespaces":
            return self._held_for(event)
        key = contract_key(event.obj)
        places = self._places_of(event) if ANN_GANG_PLACES in annotations_of(event.obj) else []
        return places if key is None else (key, *places)

    def _places_of(self, event: Event) -> list[Key]:
        """Give the contracts that hold places for a driver that has ended."""
        if event.type is not EventType.DELETED and not is_final(event.obj):
            return []
        held = self._standing.pools.held_by(event.key.namespace, places_name(event.obj))
        return [key_of(contract) for contract in held]

    def _held_on(self, event: Event) -> Iterable[Key]:
        """Give the contracts that hold capacity on a node that was lost or found."""
        before, is_gone = event.previous, event.type is EventType.DELETED
        if before is not None and is_ready(before) == is_ready(event.obj) and not is_gone:
            return ()
        there = self._standing.contracts.on(event.key.name)
        return [key_of(c) for c in there if spec_of(c).get("procurement")]

    def _sold_of(self, event: Event) -> Iterable[Key]:
        """Give the contracts that were sold room for later which has begun to be held."""
        if not spec_of(event.obj).get("procurement") or not has_begun(event.obj):
            return ()
        there = self._standing.pools.pool(pool_of(event.obj)).drawn
        return [key_of(contract) for contract in there if is_reserved(contract)]

    def _held_for(self, event: Event) -> Iterable[Key]:
        """Give the contracts that hold capacity for a namespace that is being deleted."""
        if not is_deleting(event.obj):
            return ()
        pools = map(
            self._standing.pools.pool, (key.id for key in self._standing.pools.of(event.key.name))
        )
        return [key_of(contract) for pool in pools for contract in pool.held]

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Decide about one contract."""
        obj = snapshot.get(key)
        if obj is None:
            return NOTHING
        if status_of(obj).get("phase") == "Closed":
            return self._kept(obj, now)
        if spec_of(obj).get("procurement"):
            held, standing = read_held(snapshot, obj, now), self._standing.at(snapshot)
            return HeldCase(self._settings, snapshot, held, standing, self._evidence).decide()
        view = read_contract(snapshot, obj, now)
        asked = asked_of(view.pod or {})
        if asked and not view.status.reclaim_by:
            note = f"contract {name_of(obj)}: its Pod is evicted, {asked}"
            return decide(*told(snapshot, obj, "Pod", asked, now), note=note)
        case = ReservedCase if view.status.phase == "Reserved" else RunningCase
        return case(self._settings, self._standing, self._evidence, snapshot, view).decide()

    def _kept(self, contract: Object, now: Instant) -> Decision:
        """Remove a contract that closed long ago: every batch looks at all there are."""
        ended = status_of(contract).get("finishedMs") or spec_of(contract)["slots"][-1]["endMs"]
        due = ended + self._settings.contracts_kept_ms
        if now < due:
            return Decision(requeue_at=due)
        note = f"contract {name_of(contract)} went: closed long ago"
        return decide(remove(contract), note=note)
