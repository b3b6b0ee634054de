"""The door's limits, all in one place. Next: `door.py`."""

from __future__ import annotations

from typing import NamedTuple


class Settings(NamedTuple):
    """Limits and names; the defaults are what production runs with."""

    body_bytes_max: int = 3 * 1024 * 1024
    """As the Kubernetes API server: larger bodies get 413."""
    body_seconds_max: int = 60
    """A body that takes longer to arrive is not waited for."""
    gzip_bytes_min: int = 128 * 1024
    """Smaller answers are not worth the time to compress (the API server's threshold)."""
    encoded_bytes_max: int = 16 * 1024 * 1024
    """Memory for the JSON of recently read objects."""
    watch_seconds_max: int = 1800
    """A watch ends after this; clients resume where they were."""
    watch_stall_seconds: int = 30
    """A watcher that takes nothing for this long is cut off."""
    watches_per_user_max: int = 2_000
    bookmark_seconds: int = 30
    patch_attempts: int = 5
    """How often a patch without resourceVersion is tried again after a conflict."""
    page_limit_max: int = 10_000
    """Larger `limit`s are taken as this one."""
    api_audience: str = "https://kubernetes.default.svc"
    server_version: str = "v1.32.4"
