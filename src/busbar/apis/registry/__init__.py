"""The registry door: the cloud's images for skopeo, docker and podman, read only.

The OCI distribution protocol (github.com/opencontainers/distribution-spec), without a framework.
Start with `app.py`.
"""
