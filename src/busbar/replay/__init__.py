"""Replay: past clearings worked out again from what was published, by nobody's code but its own.

The rule of docs/market.md is written here a second time, slowly and plainly, over the published
JSON. It imports the model's units and nothing of the market: an error would have to be made
twice, in two ways of writing, to go unseen. Start at `compare.py`, then
`clearing.py`.
"""
