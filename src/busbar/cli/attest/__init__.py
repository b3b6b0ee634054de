"""`busbar attest`: signed attributes, for auditors, operators and consumers."""
