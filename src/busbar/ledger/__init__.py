"""Accounts, holds, postings, metering, settlement. Pure; knows only the model.

Start with `entries.py` (what the journal holds), then `settlement.py` (which entries a contract
causes), `checks.py` and `chain.py` (what makes an entry acceptable and the journal tamper-evident),
`fold.py` (balances and verification), `accounts.py` (budgets and statements), `invariants.py`.
"""
