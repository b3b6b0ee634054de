"""Tables written out. Next: `../verbs/`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from busbar.apis.kubernetes import encoding
from busbar.apis.kubernetes.negotiation import Representation
from busbar.apis.kubernetes.printing import kinds, own, pods, replicas
from busbar.apis.kubernetes.printing.columns import AGE, NAME, Printer, age
from busbar.apis.kubernetes.printing.partial import partial_object
from busbar.apis.kubernetes.statuses import bad_request
from busbar.model.objects import Object, metadata, name_of
from busbar.model.resources import Resource

if TYPE_CHECKING:
    from busbar.apis.kubernetes.door import Door

PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "pods"): pods.PRINTER,
    **kinds.PRINTERS,
    **replicas.PRINTERS,
    **own.PRINTERS,
}
_PLAIN = Printer((NAME, AGE), lambda obj, now: [name_of(obj), age(obj, now)])
_INCLUDED = ("Metadata", "Object", "None", "")


class TableWriter:
    """Writes Tables of one resource; a watch sends the columns in its first Table alone."""

    def __init__(
        self, door: Door, resource: Resource, wanted: Representation, include: str
    ) -> None:
        if include not in _INCLUDED:
            raise bad_request("includeObject must be None, Metadata or Object")
        self._clock = door.clock
        self._printer = PRINTERS.get(resource.collection, _PLAIN)
        self._version = wanted.meta_version
        self._member = self._writer(door, resource, include)
        self._has_columns = False

    def _writer(
        self, door: Door, resource: Resource, include: str
    ) -> Callable[[Object], bytes] | None:
        if include == "None":
            return None
        if include == "Object":
            return lambda obj: door.encoder.served(resource, obj)
        version = self._version
        return lambda obj: encoding.dumps(partial_object(obj, version))

    def one(self, obj: Object) -> bytes:
        """Write a Table of one row, at the row's own revision."""
        version = metadata(obj).get("resourceVersion")
        return self.many((obj,), {"resourceVersion": version} if version else {})

    def many(self, items: Iterable[Object], meta: dict[str, Any]) -> bytes:
        """Write a Table."""
        now = self._clock()
        columns = [] if self._has_columns else [c.definition() for c in self._printer.columns]
        self._has_columns = True
        head = {
            "kind": "Table",
            "apiVersion": self._version,
            "metadata": meta,
            "columnDefinitions": columns,
        }
        rows = b",".join(self._row(obj, now) for obj in items)
        return b"".join((encoding.dumps(head)[:-1], b',"rows":[', rows, b"]}"))

    def _row(self, obj: Object, now: int) -> bytes:
        cells = encoding.dumps(self._printer.cells(obj, now))
        if self._member is None:
            return b'{"cells":' + cells + b"}"
        return b"".join((b'{"cells":', cells, b',"object":', self._member(obj), b"}"))
