"""Versioned objects with watch, and the ledger's journal, in one transaction.

`contract.py` is what everybody else sees; the engines (`memory.py`, `sqlite/`) keep it, and one
conformance suite (tests/contract/store) holds them to it.
"""
