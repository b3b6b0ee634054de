"""Contracts: from the match to the last posting.

    Reserved --slot starts--> Bound --agent reports the start--> Running --> Closed
        \\_______________________\\______________________________________/

    Reserved --first hour--> Held --last hour over--> Closed: no workload, see `held.py`.

`view.py` reads a contract, `money.py` says what its slots cost, `rolling.py` what comes after its
last slot and `extending.py` how it is paid; `closing.py` ends it, `controller.py` decides.
"""
