"""How names, labels and quantities are written: patterns for the fast path, words for the slow.

Source: k8s.io/apimachinery/pkg/util/validation. Next: `decoding.py`.
"""

from __future__ import annotations

import re
from typing import Final

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_PART = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"

LABEL_NAME: Final = rf"^{_LABEL}$"
SUBDOMAIN: Final = rf"^{_LABEL}(\.{_LABEL})*$"
GENERATE: Final = rf"^{_LABEL}(\.{_LABEL})*[-.]?$"
LABEL_VALUE: Final = r"^(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?$"
QUALIFIED: Final = (
    rf"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.{_LABEL})*/)?"
    r"([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$"
)
QUALIFIED_LENGTHS: Final = r"^([^/]{1,253}/)?[^/]{1,63}$"
QUANTITY: Final = (
    r"^[+-]?([0-9]{1,18}(\.[0-9]{0,9})?|\.[0-9]{1,9})"
    r"(m|u|n|k|M|G|T|P|E|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?$"
)
TIME: Final = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"
)
BASE64: Final = r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
CONFIG_KEY: Final = r"^[-._a-zA-Z0-9]{1,253}$"
ENV_NAME: Final = r"^[^=]+$"

ANNOTATIONS_MAX: Final = 256 * 1024
"""All annotations of an object together, in bytes."""
ANNOTATION_FAST: Final = 4096
"""64 annotations of this length cannot reach the limit: longer ones are counted exactly."""

_SUBDOMAIN_IS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    r"for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_IS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "
    "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_VALUE_IS = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value', "
    " or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_QUALIFIED_IS = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)

_label = re.compile(LABEL_NAME[:-1] + r"\Z")
_subdomain = re.compile(SUBDOMAIN[:-1] + r"\Z")
_value = re.compile(LABEL_VALUE[:-1] + r"\Z")
_part = re.compile(rf"{_PART}\Z")
_config_key = re.compile(CONFIG_KEY[:-1] + r"\Z")
_quantity = re.compile(QUANTITY[:-1] + r"\Z")
_base64 = re.compile(BASE64[:-1] + r"\Z")
_time = re.compile(TIME[:-1] + r"\Z")


def wrong_subdomain(text: str) -> str:
    """Say what is wrong with a DNS subdomain; "" where nothing is."""
    if len(text) > 253:
        return "must be no more than 253 characters"
    return "" if _subdomain.match(text) else _SUBDOMAIN_IS


def wrong_label_name(text: str) -> str:
    """Say what is wrong with a DNS label; "" where nothing is."""
    if len(text) > 63:
        return "must be no more than 63 characters"
    return "" if _label.match(text) else _LABEL_IS


def wrong_label_value(text: str) -> str:
    """Say what is wrong with a label's value; "" where nothing is."""
    if len(text) > 63:
        return "must be no more than 63 characters"
    return "" if _value.match(text) else _VALUE_IS


def wrong_qualified_name(text: str) -> str:
    """Say what is wrong with a label's or annotation's key; "" where nothing is."""
    prefix, slash, name = text.rpartition("/")
    if slash and not prefix:
        return "prefix part must be non-empty"
    if slash and (wrong := wrong_subdomain(prefix)):
        return f"prefix part {wrong}"
    if not name:
        return "name part must be non-empty"
    if len(name) > 63:
        return "name part must be no more than 63 characters"
    return "" if _part.match(name) else _QUALIFIED_IS


def wrong_config_key(text: str) -> str:
    """Say what is wrong with a key of a ConfigMap or Secret; "" where nothing is."""
    if len(text) > 253:
        return "must be no more than 253 characters"
    if text in (".", "..") or text.startswith(".."):
        return "must not be '.' and must not start with '..'"
    if _config_key.match(text):
        return ""
    return (
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
        "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
        "'[-._a-zA-Z0-9]+')"
    )


def is_quantity(value: object) -> bool:
    """Say whether a value is written as a quantity."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return -(2**63) < value < 2**63
    return isinstance(value, str) and _quantity.match(value) is not None


def is_time(value: str) -> bool:
    """Say whether a text is an RFC 3339 time."""
    return _time.match(value) is not None


def is_base64(value: str) -> bool:
    """Say whether a text is base64 in the standard alphabet, with padding."""
    return _base64.match(value) is not None
