"""The default runtime: runc or crun, with overlayfs, user namespaces, cgroups and seccomp.

`runtime.py` keeps the contract, `engines.py` knows both programs and `selfcheck.py` tries one,
`sandboxes.py` makes what a Pod's containers share, `config.py` writes the OCI configuration,
`shim.py` is the process beside each container; `cgroups.py`, `identities.py`: the small print.
"""
