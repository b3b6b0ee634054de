"""How many large uploads run at once: in all, and of one namespace. Others wait a while.

What waits holds no body: the client is not asked for it (Expect: 100-continue) or its socket is
not read. Next: `operations/`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.storage.store import INLINE_BYTES_MAX

UPLOADS_MAX = 64
NAMESPACE_UPLOADS_MAX = 24
WAIT_S_MAX = 30.0


class Gates:
    """Counts uploads under way."""

    def __init__(
        self,
        uploads_max: int = UPLOADS_MAX,
        namespace_uploads_max: int = NAMESPACE_UPLOADS_MAX,
        wait_s_max: float = WAIT_S_MAX,
    ) -> None:
        self._all = asyncio.Semaphore(uploads_max)
        self._wait_s_max = wait_s_max
        self._own: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(namespace_uploads_max)
        )

    @asynccontextmanager
    async def upload(self, namespace: str, length: int) -> AsyncIterator[None]:
        """Hold a place for a body of this length; SlowDown if none becomes free in time."""
        if length <= INLINE_BYTES_MAX:
            yield
            return
        own = self._own[namespace]
        try:
            async with asyncio.timeout(self._wait_s_max):
                await own.acquire()
                try:
                    await self._all.acquire()
                except BaseException:
                    own.release()
                    raise
        except TimeoutError:
            raise S3Error(
                Code.SlowDown, "Too many uploads are under way; try again in a moment."
            ) from None
        try:
            yield
        finally:
            self._all.release()
            own.release()
