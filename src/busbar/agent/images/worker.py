"""The process that fetches and unpacks one image: `python -m busbar.agent.images.worker`.

Reads one request (JSON) from standard input and writes one answer per line: progress, then the
image or the refusal. Its parent sees a closed pipe if it dies, and whatever it had begun is in a
temporary folder. Next: `manager.py`, the parent.
"""

from __future__ import annotations

import ctypes
import signal
import sys
from pathlib import Path

import msgspec

from busbar.agent.images.catalog import Catalog
from busbar.agent.images.extract import Limits, is_disk_full
from busbar.agent.images.fetch import Fetcher
from busbar.agent.images.protocol import Answer, Request
from busbar.images.reference import parse_reference
from busbar.images.refusals import ImageError, ImageRefusal


def main() -> None:
    """Do what the request says."""
    _die_with_parent()
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    catalog = Catalog(Path(request.root))
    _say(_carry_out(request, catalog))
    # The parent goes on already: making it safe against power loss needs nobody to wait.
    catalog.settle()


def _carry_out(request: Request, catalog: Catalog) -> Answer:
    limits = Limits(entries=request.entries_max, bytes=request.bytes_max)
    fetcher = Fetcher(catalog, request.sources, limits, _report)
    try:
        reference = parse_reference(request.reference)
        fetcher.fetch(reference, request.credentials, request.key)
    except ImageError as error:
        return Answer(done=True, refusal=error.refusal, sentence=error.sentence)
    except OSError as error:
        if not is_disk_full(error):
            raise
        sentence = "The disk is full: free some space for the image."
        return Answer(done=True, refusal=ImageRefusal.DISK_FULL, sentence=sentence)
    return Answer(done=True)


def _report(done: int, total: int) -> None:
    _say(Answer(bytes=done, bytes_total=total))


def _say(answer: Answer) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


def _die_with_parent() -> None:
    """An agent that is killed must not leave a worker behind (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


if __name__ == "__main__":
    main()
