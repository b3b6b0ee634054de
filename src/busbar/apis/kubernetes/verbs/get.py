"""GET of one object. Next: `list.py`."""

from __future__ import annotations

from busbar.apis.kubernetes.calls import Call, Response
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.verbs.shared import fetch, render


async def get(door: Door, call: Call) -> Response:
    """Give an object; the `status` subresource reads the same object."""
    return render(door, call, await fetch(door, call))
