"""Advice: what runs, looked at for what would be better. Pure, as market and ledger are.

    agents' reports -> board (now) -> profile (weeks) -> deciders -> findings

Start at `board.py`.
"""
