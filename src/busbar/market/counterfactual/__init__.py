"""What would have matched: the same batch cleared again with one thing about an order changed.

Nothing is estimated. Each answer is the outcome of the published rule for the order with another
cap, deadline, restriction or size, among the orders that wait beside it; so it says the least that
has to change, and the price that it would come to. Start at `bench.py`; `outlook.py` asks them all.
"""

from __future__ import annotations

from busbar.market.counterfactual.bench import Alternative, Change
from busbar.market.counterfactual.outlook import Outlook, outlook

__all__ = ["Alternative", "Change", "Outlook", "outlook"]
