"""Unpacks one layer into a new directory and checks its digest. Next: `worker.py`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from busbar.agent.images.extract import Extracted, Extraction, Limits, is_disk_full
from busbar.agent.images.sources import LayerSource
from busbar.agent.images.tarstream import unsafe
from busbar.images.refusals import ImageError, ImageRefusal


def unpack_layer(
    source: LayerSource,
    target: Path,
    diff_id: str,
    limits: Limits,
    report: Callable[[int], None] = lambda _: None,
) -> Extracted:
    """Write the layer below `target`, which must be empty; `report` gets the bytes so far.

    Raises `ImageError` where the layer is unsafe, too large or not the one with `diff_id`. Whatever
    it raises, `target` is then worth nothing and has to be removed.
    """
    before = os.umask(0)
    try:
        result = Extraction(str(target), limits, report).run(source)
        found = source.finish()
    except OSError as error:
        raise _refusal(error) from None
    except RecursionError:
        raise unsafe("its folders are too deep") from None
    finally:
        os.umask(before)
    if found != diff_id:
        raise ImageError(
            ImageRefusal.DIGEST_MISMATCH,
            f"A layer of the image is not what the image says: {found} instead of {diff_id}.",
        )
    return result


def _refusal(error: OSError) -> ImageError:
    if is_disk_full(error):
        return ImageError(
            ImageRefusal.DISK_FULL, "The disk is full: free some space for the image."
        )
    return unsafe(f"an entry cannot be written ({error.strerror})")
