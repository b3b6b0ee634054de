"""A driver's places: the Procurement that keeps them, and how they are tied to the driver.

The Procurement is made by the match itself, in its transaction, and its driver owns it. A contract
that holds a place names the driver, and rolls with it as long as it runs. Next:
`contracts/places.py`.
"""

from __future__ import annotations

from typing import Any

from busbar.controllers.parts.pods import is_final, node_of, pod_key
from busbar.controllers.parts.writes import create, new_object, revision_of
from busbar.market.orders import Order
from busbar.model.dtu import Resources
from busbar.model.ids import derived_uid
from busbar.model.money import format_euro
from busbar.model.objects import (
    Key,
    Object,
    controller_of,
    is_deleting,
    metadata,
    name_of,
    namespace_of,
    spec_of,
    uid_of,
)
from busbar.model.places import places_name
from busbar.model.time import Instant, format_instant
from busbar.model.wellknown import GROUP
from busbar.store.contract import Op, Put, Snapshot


def driver_uid(contract: Object) -> str:
    """Give the uid of the driver that a contract holds a place for; "" for all others."""
    return str((spec_of(contract).get("order") or {}).get("driverUid", ""))


def driver_of(snapshot: Snapshot, contract: Object) -> Object | None:
    """Give the driver that a contract holds a place for; None where it has ended, or is gone."""
    order = spec_of(contract).get("order") or {}
    found = snapshot.get(pod_key(namespace_of(contract), str(order.get("driver", ""))))
    return found if _goes_on(found, str(order.get("driverUid", ""))) else None


def owner_of(procurement: Object) -> dict[str, Any] | None:
    """Give the reference to the driver whose places a Procurement keeps; None for most."""
    owner = controller_of(procurement)
    return owner if owner is not None and owner.get("kind") == "Pod" else None


def running_owner(snapshot: Snapshot, procurement: Object) -> Object | None:
    """Give the driver of a Procurement, if it has its node and has not been asked to end."""
    owner = owner_of(procurement) or {}
    found = snapshot.get(pod_key(namespace_of(procurement), str(owner.get("name", ""))))
    if found is None or not _goes_on(found, str(owner.get("uid"))):
        return None
    return found if node_of(found) and not is_deleting(found) else None


def has_ended(snapshot: Snapshot, procurement: Object) -> bool:
    """Say whether the driver of a Procurement will need its places no more."""
    owner = owner_of(procurement) or {}
    found = snapshot.get(pod_key(namespace_of(procurement), str(owner.get("name", ""))))
    return not _goes_on(found, str(owner.get("uid")))


def _goes_on(pod: Object | None, uid: str) -> bool:
    return pod is not None and uid_of(pod) == uid and not is_final(pod)


def reference(procurement: Object, driver: Object) -> dict[str, str]:
    """Name what a place is held for: the Procurement, the driver, and who made that."""
    owner = controller_of(driver) or {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": name_of(driver),
        "uid": uid_of(driver),
    }
    return {
        "kind": "Procurement",
        "name": name_of(procurement),
        "uid": uid_of(procurement),
        "driver": name_of(driver),
        "driverUid": uid_of(driver),
        "ownerApiVersion": str(owner.get("apiVersion", "")),
        "ownerKind": str(owner.get("kind", "")),
        "ownerName": str(owner.get("name", "")),
        "ownerUid": str(owner.get("uid", "")),
    }


def keeper_of(driver: Object, order: Order, now: Instant) -> Object:
    """Make the Procurement that keeps a driver's places."""
    assert order.places is not None
    key = Key(GROUP, "procurements", namespace_of(driver), places_name(driver))
    owner = {"apiVersion": "v1", "kind": "Pod", "name": name_of(driver), "uid": uid_of(driver)}
    owners = [{**owner, "controller": True, "blockOwnerDeletion": False}]
    made = new_object(key, derived_uid("places", uid_of(driver)), now, ownerReferences=owners)
    return {
        **made,
        "spec": {
            "units": order.places.number,
            "resources": _shape(order.places.unit),
            "maxEuroPerDTU": format_euro(order.cap_nano),
            "restrictions": {},
            "horizon": "0h",
            "block": "1h",
        },
    }


def _shape(unit: Resources) -> dict[str, Any]:
    """Write a size as a Procurement states it."""
    return {
        "cpu": f"{unit.cpu_milli}m" if unit.cpu_milli % 1000 else str(unit.cpu_milli // 1000),
        "memory": str(unit.memory_bytes),
        "gpus": unit.gpus,
        "ephemeralStorage": unit.ephemeral_bytes,
    }


def kept(
    snapshot: Snapshot, keeper: Object, start: Instant, status: dict[str, Any], now: Instant
) -> Op:
    """Store the Procurement with its first answer; one whose gang was broken is taken up again."""
    spec = spec_of(keeper)
    if start > now:
        spec = {**spec, "notBefore": format_instant(start)}
    key = Key(GROUP, "procurements", namespace_of(keeper), name_of(keeper))
    known = snapshot.get(key)
    if known is None:
        told = {"observedGeneration": 1, **status}
        return create({**keeper, "spec": spec, "status": told})
    generation = int(metadata(known).get("generation") or 1) + 1
    meta = {**metadata(known), "generation": generation}
    told = {"observedGeneration": generation, **status}
    return Put(key, {**known, "metadata": meta, "spec": spec, "status": told}, revision_of(known))
