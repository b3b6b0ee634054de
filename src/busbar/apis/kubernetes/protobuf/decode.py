"""From a protobuf request body to the object a JSON client would have sent.

Form: the four bytes `k8s\\0`, then runtime.Unknown {typeMeta, raw, …}, raw being the typed
message. Source: k8s.io/apimachinery/pkg/runtime/serializer/protobuf.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from busbar.model.objects import Object

CONTENT_TYPE: Final = "application/vnd.kubernetes.protobuf"


class Malformed(NamedTuple):
    """The body cannot be read; `unsupported` where it is well formed but of no kind we know."""

    message: str
    unsupported: bool = False


def decode(body: bytes) -> Object | Malformed:
    """Read a request body. Never raises; time and memory are linear in its length."""
    raise NotImplementedError
