"""What `standing.py` keeps from one snapshot to the next, each part by what it is read from.

`contracts.py` follows the contracts, `pools.py` those of them that hold capacity or draw on it,
`pods.py` the Pods that wait; `company.py` asks both who is beside whom.
"""
