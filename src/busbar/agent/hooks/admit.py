"""May this Pod run here at all? The fencing token decides. Next: `prepare.py`.

The market binds a Pod with an epoch that grows with each match. An older epoch than one already
seen is a late message of an ended contract: it must never act.
"""

from __future__ import annotations

from busbar.agent.records import PodRecord
from busbar.agent.refusals import PodRefused, Reason
from busbar.model.dtu import Resources
from busbar.model.errors import InvalidField
from busbar.model.objects import Object, annotations_of, spec_of
from busbar.model.requests import requests_of
from busbar.model.wellknown import ANN_CONTRACT, ANN_EPOCH


def epoch_of(pod: Object) -> int | None:
    """Give the epoch that a Pod is bound with; None where it has none."""
    text = annotations_of(pod).get(ANN_EPOCH, "")
    return int(text) if text.isascii() and text.isdigit() else None


def reserved(pod: Object) -> Resources:
    """Give what the Pod's order bought: what it pays for, and all that it may have."""
    try:
        return requests_of(spec_of(pod))
    except InvalidField as wrong:
        raise PodRefused(Reason.INVALID_POD, str(wrong)) from None


def admit(pod: Object, record: PodRecord) -> None:
    """Refuse a Pod without a contract or with a stale epoch; remember the epoch otherwise."""
    notes = annotations_of(pod)
    if not notes.get(ANN_CONTRACT):
        raise PodRefused(
            Reason.INVALID_POD, "the Pod has no contract; let the market place it", retry=True
        )
    epoch = epoch_of(pod)
    if epoch is None:
        raise PodRefused(Reason.INVALID_POD, f"annotation {ANN_EPOCH} is not a number")
    if epoch < record.epoch:
        raise PodRefused(
            Reason.STALE_EPOCH,
            f"epoch {epoch} of contract {notes[ANN_CONTRACT]} is older than {record.epoch}",
        )
    reserved(pod)
    record.epoch = epoch
