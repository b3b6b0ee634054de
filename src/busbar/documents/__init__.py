"""Files made of the journal for other people's programs: ledgers, usage tables, invoices.

Everything here is a function of entries (and, for invoices, of who buys and sells): no clock, no
store. The command line makes the files, so that the control plane never carries the libraries.
Start with `beancount.py`; then `focus.py` and `tables.py` (usage), `invoice.py` (invoices).
"""
