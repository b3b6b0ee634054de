"""JSON Patch (RFC 6902) over JSON Pointer (RFC 6901). Bounded; changes nothing in place.

Next: `merge_patch.py`.
"""

from __future__ import annotations

from typing import Any, Final

MAX_OPERATIONS: Final = 10_000
"""As the API server: more operations in one patch are refused."""
_MAX_COPIED: Final = 1_000_000
"""How many values `copy` may create in one patch: a few lines could otherwise fill the memory."""
_MAX_SHIFTED: Final = 100_000_000
"""How many items inserting and removing may move in all: a patch is done in a blink or refused."""


class CannotPatch(ValueError):
    """The patch is malformed or does not fit the document; `str()` is the sentence.

    `invalid` is true where the patch itself is no patch (400); false where the document is not
    as it presumes (422).
    """

    def __init__(self, message: str, *, invalid: bool = False) -> None:
        super().__init__(message)
        self.invalid = invalid


def json_patch(document: Any, operations: Any) -> Any:
    """Apply operations in order; all or nothing. Raises `CannotPatch`."""
    if not isinstance(operations, list):
        raise CannotPatch("a JSON patch must be a list of operations", invalid=True)
    if len(operations) > MAX_OPERATIONS:
        why = f"a JSON patch may have at most {MAX_OPERATIONS} operations, not {len(operations)}"
        raise CannotPatch(why, invalid=True)
    state = _Patching(document)
    for index, operation in enumerate(operations):
        try:
            state.step(operation)
        except CannotPatch as wrong:
            text = f"operation {index + 1}: {wrong}"
            raise CannotPatch(text, invalid=wrong.invalid) from None
    return state.root


class _Patching:
    """The document on its way: containers are copied when first changed."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self._mine: set[int] = set()
        self._keep: list[Any] = []
        self._copied = 0
        self._shifted = 0

    def step(self, operation: Any) -> None:
        if not isinstance(operation, dict):
            raise CannotPatch("must be an object", invalid=True)
        path = _pointer(operation.get("path"), "path")
        match operation.get("op"):
            case "add":
                self._put(path, _value(operation), replace=False)
            case "replace":
                self._get(path)
                self._put(path, _value(operation), replace=True)
            case "remove":
                self._remove(path)
            case "test":
                if not same(self._get(path), _value(operation)):
                    raise CannotPatch(f"testing value {operation['path'][:200]} failed")
            case "move":
                source = _pointer(operation.get("from"), "from")
                if path[: len(source)] == source and path != source:
                    raise CannotPatch("cannot move a value into itself")
                moved = self._get(source)
                if path != source:
                    self._remove(source)
                    self._put(path, moved, replace=False)
            case "copy":
                copied = self._get(_pointer(operation.get("from"), "from"))
                self._copied += _count(copied, _MAX_COPIED)
                if self._copied > _MAX_COPIED:
                    raise CannotPatch("copies too much", invalid=True)
                # Containers of ours are changed in place: the copy must share none of them.
                self._put(path, _fresh(copied), replace=False)
            case _:
                text = "op must be one of add, remove, replace, move, copy, test"
                raise CannotPatch(text, invalid=True)

    def _get(self, path: list[str]) -> Any:
        node = self.root
        for token in path:
            node = _child(node, token)
        return node

    def _put(self, path: list[str], value: Any, *, replace: bool) -> None:
        if not path:
            self.root = value
            return
        parent, token = self._parent(path), path[-1]
        if isinstance(parent, dict):
            parent[token] = value
        elif replace:
            parent[_index(parent, token, len(parent) - 1)] = value
        elif token == "-":
            parent.append(value)
        else:
            parent.insert(_index(parent, token, len(parent)), value)

    def _remove(self, path: list[str]) -> None:
        if not path:
            raise CannotPatch("cannot remove the whole document")
        self._get(path)
        parent, token = self._parent(path), path[-1]
        if isinstance(parent, dict):
            del parent[token]
        else:
            del parent[_index(parent, token, len(parent) - 1)]

    def _parent(self, path: list[str]) -> dict[str, Any] | list[Any]:
        """Give the container that holds the last token, with all above it our own copies."""
        self.root = node = self._own(self.root)
        for token in path[:-1]:
            child = self._own(_child(node, token))
            if isinstance(node, dict):
                node[token] = child
            else:
                node[int(token)] = child
            node = child
        if not isinstance(node, dict | list):
            raise CannotPatch(f"{_shown(path[:-1])} is neither an object nor an array")
        self._shifted += len(node) if isinstance(node, list) else 0
        if self._shifted > _MAX_SHIFTED:
            raise CannotPatch("changes too many items of large arrays", invalid=True)
        return node

    def _own(self, node: Any) -> Any:
        if id(node) in self._mine or not isinstance(node, dict | list):
            return node
        copied = dict(node) if isinstance(node, dict) else list(node)
        self._mine.add(id(copied))
        # Held on to, so that the id stays theirs even when an operation drops them.
        self._keep.append(copied)
        return copied


def _pointer(text: Any, field: str) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        why = f'{field} must be a JSON pointer such as "/metadata/labels/app"'
        raise CannotPatch(why, invalid=True)
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _value(operation: dict[str, Any]) -> Any:
    if "value" not in operation:
        raise CannotPatch("value is missing", invalid=True)
    return operation["value"]


def _child(node: Any, token: str) -> Any:
    if isinstance(node, dict):
        if token not in node:
            raise CannotPatch(f"there is no {token[:100]!r} at the path")
        return node[token]
    if isinstance(node, list):
        return node[_index(node, token, len(node) - 1)]
    raise CannotPatch(f"{token[:100]!r} is looked for in a value that is not an object or array")


def _index(node: list[Any], token: str, last: int) -> int:
    canonical = token.isascii() and token.isdigit() and (token == "0" or token[0] != "0")
    if not canonical or len(token) > 9:
        raise CannotPatch(f"{token[:100]!r} is not an index of an array")
    if int(token) > last:
        raise CannotPatch(f"index {token} is past the end of the array ({len(node)} items)")
    return int(token)


def _shown(path: list[str]) -> str:
    return ("/" + "/".join(path))[:200]


def _fresh(value: Any) -> Any:
    """Copy a value, without recursion: it may be as deep as a document may be."""
    found: list[Any] = [None]
    todo: list[tuple[Any, Any, Any]] = [(found, 0, value)]
    while todo:
        into, key, node = todo.pop()
        if isinstance(node, dict):
            into[key] = copied = dict.fromkeys(node)
            todo.extend((copied, name, inner) for name, inner in node.items())
        elif isinstance(node, list):
            into[key] = items = [None] * len(node)
            todo.extend((items, at, inner) for at, inner in enumerate(node))
        else:
            into[key] = node
    return found[0]


def _count(node: Any, limit: int) -> int:
    """Count values, up to about a limit."""
    count, todo = 0, [node]
    while todo and count <= limit:
        inner = todo.pop()
        count += 1
        if isinstance(inner, dict):
            todo.extend(inner.values())
        elif isinstance(inner, list):
            todo.extend(inner)
    return count


def same(one: Any, other: Any) -> bool:
    """Compare as JSON does: true is not 1, while 1 and 1.0 are the same number."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
