"""What was weighed when a contract was made: costs beside the price that nobody is billed for.

Of data it is what was expected to move; what does move is billed, see `ContractTransfer`.
Next: `contract.py`.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from busbar.model.kinds.base import Part


class ContractMove(Part):
    """Why a service was moved here: the saving must be so many times what moving costs."""

    why: Annotated[str, Meta(description="Cheaper or PlaceEnds.")]
    pod: Annotated[str, Meta(description="The Pod whose place this takes.")]
    contract: Annotated[str, Meta(description="The contract that it ran under.")] = ""
    saving_nano: Annotated[int, Meta(description="Saved in the day after, nano-euro.")] = 0
    disruption_nano: Annotated[
        int, Meta(description="What moving was taken to cost: unrest, a second start, data.")
    ] = 0
    threshold: Annotated[
        int, Meta(description="How many times that the saving had to be; 0: whatever it costs.")
    ] = 0


class ContractWeighed(Part):
    """What counted in the choice of the place beside its price. Weighed, not billed."""

    data_nano: Annotated[
        int, Meta(description="For the data expected to move; billed is what moves.")
    ] = 0
    image_ms: Annotated[int, Meta(description="Time taken to fetch the image.")] = 0
    image_bytes: Annotated[int, Meta(description="What of it was not there yet, about.")] = 0
    image_nano: Annotated[int, Meta(description="That time at the price asked, nano-euro.")] = 0
    restart_ms: Annotated[
        int, Meta(description="Time lost because the work ran elsewhere before.")
    ] = 0
    restart_nano: Annotated[int, Meta(description="That time at the price asked, nano-euro.")] = 0
    move: Annotated[
        ContractMove | None, Meta(description="Of a service that was moved here: why.")
    ] = None
