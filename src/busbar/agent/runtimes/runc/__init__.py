"""The default runtime: runc with overlayfs, user namespaces, cgroups and seccomp.

`runtime.py` keeps the contract, `sandboxes.py` makes what a Pod's containers share, `config.py`
writes the OCI configuration, `shim.py` is the process beside each container, `cgroups.py` and
`identities.py` are the small print.
"""
