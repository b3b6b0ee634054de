"""The reference: the market's rule written a second time, slowly, from docs/market.md.

It reads published JSON and imports nothing of the market's own code: an error would have to be
made twice, in two ways of writing, to go unseen. Start at `clearing.py`.
"""
