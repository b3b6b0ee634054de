"""XML as S3 speaks it: a writer for answers, a bounded reader for requests.

The reader takes no document type (so no entities), bounds depth and size, and forgets namespaces,
since clients differ in them. Next: `responses.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from xml.parsers import expat
from xml.sax.saxutils import escape

from busbar.apis.s3.errors import Code, S3Error
from busbar.model.time import Instant

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
DEPTH_MAX = 8
ELEMENTS_MAX = 100_000

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")


def element(name: str, *children: str) -> str:
    """Write an element around XML."""
    return f"<{name}>{''.join(children)}</{name}>"


def text(name: str, value: object) -> str:
    """Write an element around text."""
    return f"<{name}>{escaped(str(value))}</{name}>"


def boolean(name: str, value: bool) -> str:
    """Write an element around true or false."""
    return f"<{name}>{'true' if value else 'false'}</{name}>"


def escaped(value: str) -> str:
    """Escape text; control characters become references, as S3 writes them."""
    value = escape(value)
    return _CONTROL.sub(lambda match: f"&#x{ord(match[0]):x};", value)


def document(name: str, children: Iterable[str], *, namespace: bool = True) -> bytes:
    """Write a whole document."""
    attribute = f' xmlns="{NAMESPACE}"' if namespace else ""
    body = "".join(children)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}{attribute}>{body}</{name}>'.encode()


def iso_date(at: Instant) -> str:
    """Write an instant as listings have it."""
    moment = datetime.fromtimestamp(at // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"


class Node:
    """An element that was read: name, text and children."""

    __slots__ = ("children", "name", "text")

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = ""
        self.children: list[Node] = []

    def all(self, name: str) -> list[Node]:
        """Give the children of a name."""
        return [child for child in self.children if child.name == name]

    def get(self, name: str) -> str | None:
        """Give the text of the first child of a name."""
        for child in self.children:
            if child.name == name:
                return child.text
        return None


def parse(body: bytes, root: str) -> Node:
    """Read a document whose root has this name, or refuse it."""
    builder = _Builder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError):
        raise malformed(f"the body is not well-formed XML with the root {root}") from None
    if builder.top is None or builder.top.name != root:
        raise malformed(f"the root must be {root}")
    return builder.top


def malformed(reason: str) -> S3Error:
    """Give the refusal of a document."""
    return S3Error(Code.MalformedXML, f"The XML is not what this operation takes: {reason}.")


class _Builder:
    def __init__(self) -> None:
        self.top: Node | None = None
        self._open: list[Node] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        node = Node(name.rpartition(":")[2])
        self._count += 1
        if len(self._open) >= DEPTH_MAX or self._count > ELEMENTS_MAX:
            raise malformed("it has too many elements or is nested too deeply")
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.top = node
        self._open.append(node)

    def end(self, name: str) -> None:
        self._open.pop()

    def data(self, data: str) -> None:
        if self._open:
            self._open[-1].text += data


def _no_doctype(*_: object) -> None:
    raise malformed("a document type is not allowed")
