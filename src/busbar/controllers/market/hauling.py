"""The terms for data that a match is made at. Next: `weighing.py`."""

from __future__ import annotations

from busbar.controllers.market.inputs import Inputs
from busbar.market.burden import tolls
from busbar.market.outcome import Match
from busbar.model.kinds.contract import ContractTransfer


def transfer_terms(inputs: Inputs, match: Match) -> ContractTransfer | None:
    """Give what moving data was matched at; None where it moves for nothing."""
    order = inputs.orders[match.order].order
    burden = order.burden
    if burden.data is None:
        return None
    region, keeper, read, written = burden.data
    offer = next(offer for offer in inputs.offers if offer.name == match.offer)
    asked = tolls(region, keeper, offer.rates, match.zone, match.vendor)
    if not asked.read_nano and not asked.write_nano:
        return None
    return ContractTransfer(
        region=region,
        stored_by=keeper,
        read_nano=asked.read_nano,
        write_nano=asked.write_nano,
        read_bytes=read,
        write_bytes=written,
        max_nano=burden.cap_nano,
    )
