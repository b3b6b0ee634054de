"""Since when the exchange has been listening: what it did not hear before is nobody's silence.

Next: `silences.py`.
"""

from __future__ import annotations

from busbar.model.time import Instant


class Listening:
    """Since when the exchange has been listening without a break.

    An agent cannot renew its lease with an exchange that is down, stopped or asleep: silence
    before that time is the exchange's own. The runner moves it when it notices a break.
    """

    def __init__(self, since: Instant = 0) -> None:
        self.since = since
