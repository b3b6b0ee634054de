"""The whole exchange in one process under a seeded, simulated clock, with faults and checkers.

Real: model, market, ledger, controllers, memory store. Simulated: time, the network, machines and
their agents, people. `world.py` has clock and chance; `exchange.py` the control plane and its
crashes; `door.py` what the API allows; `network.py` messages that get lost; `machine.py` a node;
`people/` who uses it; `faults.py` what goes wrong; `checks/` what must hold all the same.
"""
