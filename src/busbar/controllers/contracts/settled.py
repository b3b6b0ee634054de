"""What a settlement comes to: entries for the journal, and the contract's sums after them.

Next: `money.py` (work), `transfer.py` (data).
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from busbar.controllers.contracts.view import ContractView
from busbar.ledger.entries import Entry
from busbar.ledger.settlement import Sold
from busbar.model.kinds.contract import TransferStatus
from busbar.model.money import format_euro
from busbar.model.objects import name_of
from busbar.model.time import Instant


class Settled(NamedTuple):
    """The entries to journal, and the sums of the contract after them."""

    entries: tuple[Entry, ...]
    held: int
    billed: int
    vendor: int
    fee: int
    rounding: int
    until: Instant | None
    by_month: dict[str, int]
    withdrawal: int = 0
    """For withdrawing it late, within what is billed."""
    transfer: TransferStatus | None = None
    """What became of the data's money, where anything did."""

    @property
    def said(self) -> str:
        """Give a clause about a late withdrawal; empty where there was none."""
        if not self.withdrawal:
            return ""
        return f", {format_euro(self.withdrawal)} € of it for withdrawing it late"

    def status(self) -> dict[str, object]:
        """Give the fields of the contract's status that say so."""
        return {
            "heldNano": self.held,
            "billedNano": self.billed,
            "vendorNano": self.vendor,
            "feeNano": self.fee,
            "roundingNano": self.rounding,
            "settledUntilMs": self.until,
            "billedByMonth": self.by_month or None,
            "cost": format_euro(self.billed),
            **({"withdrawalNano": self.withdrawal} if self.withdrawal else {}),
            **self._moved(),
        }

    def _moved(self) -> dict[str, object]:
        if self.transfer is None:
            return {}
        return {"transfer": msgspec.to_builtins(self.transfer)}


def sold_by(view: ContractView) -> Sold:
    """Give what a bill shows of a contract: the Contract itself is removed after a while."""
    spec = view.spec
    kind, owner = spec.order.get("ownerKind", ""), spec.order.get("ownerName", "")
    return Sold(
        contract=name_of(view.obj),
        order=spec.order.get("name", ""),
        owner=f"{kind}/{owner}" if owner else "",
        vendor=spec.vendor,
        offer=spec.offer,
        offer_version=spec.offer_version,
        node=spec.node,
        zone=spec.zone,
        cpu_milli=spec.cpu_milli,
        memory_bytes=spec.memory_bytes,
        gpus=spec.gpus,
        ephemeral_bytes=spec.ephemeral_bytes,
    )
