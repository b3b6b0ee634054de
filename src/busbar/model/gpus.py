"""GPU classes: what kind of GPU a node has, and what an hour of one draws.

A weight is DTU per GPU-hour at the reference speed: what `max(cpu, memory / 4 GiB, gpus x weight)`
counts a GPU as. It is data of the exchange, not a measurement: one DTU for each 8 TFLOPS of dense
16-bit matrix throughput on the maker's data sheet, rounded to whole DTU.

Sources: NVIDIA's and AMD's data sheets; where one states only a figure "with sparsity", half of it
(H200 NVL: 1,671 TFLOPS). Boards of one name that differ have a row each: of the V100, PCIe has 112
TFLOPS, SXM2 125, the V100S 130. The scale is that of academic centres that charge GPUs in core
hours (NCSA: an A100 as 48 cores, an H100 as 120) and of machines that pair a T4 (65 TFLOPS) with 8
vCPUs. Labels: NVIDIA's GPU feature discovery. Next: `requests.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from busbar.model.dtu import MICRO
from busbar.model.errors import InvalidField
from busbar.model.quantities import milli
from busbar.model.wellknown import LABEL_GPU_CLASS, LABEL_GPU_PRODUCT

DEFAULT = "default"
"""The name under which a table says what GPUs of no known class draw."""
WEIGHT_MAX = 10_000 * MICRO
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
_PARTIAL = ("mig", "shared")
"""How GPU feature discovery marks slices and time shares: `A100-SXM4-40GB-MIG-1g.5gb`."""

_KNOWN_DTU = {
    "T4": 8,
    "L4": 15,
    "A10": 16,
    "A10G": 9,
    "V100-PCIe": 14,
    "V100": 16,
    "V100S": 16,
    "A40": 19,
    "A30": 21,
    "L40": 23,
    "A100": 39,
    "L40S": 45,
    "H100-PCIe": 95,
    "H100-NVL": 104,
    "H100": 124,
    "H200-NVL": 104,
    "H200": 124,
    "B200": 281,
    "MI210": 23,
    "MI300X": 163,
    "MI325X": 163,
}
_UNKNOWN_DTU = 8
"""As the smallest of common classes: an unknown name must not be worth more than a known one."""


class GpuClass(NamedTuple):
    """What a node's GPUs are. `name` is "" where nobody says."""

    name: str
    weight_micro: int


class GpuClasses(NamedTuple):
    """The table: classes by name with their weights in micro-DTU per GPU-hour."""

    weights: tuple[tuple[str, int], ...]
    default_micro: int

    def of(self, labels: Mapping[str, str]) -> GpuClass:
        """Give the class of a node's GPUs by its labels.

        The product that feature discovery names goes before a label of our own: nobody writes it
        by hand.
        """
        said = labels.get(LABEL_GPU_PRODUCT) or labels.get(LABEL_GPU_CLASS) or ""
        return _class_of(self, said)


@lru_cache(maxsize=1024)
def _class_of(table: GpuClasses, product: str) -> GpuClass:
    """Find the class whose name stands in a product's, part by part; the longest name wins.

    Of a slice or a share only a name that says so too: a part is not worth the whole.
    """
    parts = _parts(product)
    found = GpuClass(product, table.default_micro)
    longest = 0
    for name, weight in table.weights:
        wanted = _parts(name)
        partial = [mark in wanted for mark in _PARTIAL] == [mark in parts for mark in _PARTIAL]
        if partial and len(wanted) > longest and _stands_in(wanted, parts):
            found, longest = GpuClass(name, weight), len(wanted)
    return found


def _parts(name: str) -> tuple[str, ...]:
    return tuple(name.lower().replace("_", "-").split("-"))


def _stands_in(wanted: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    size = len(wanted)
    return any(parts[at : at + size] == wanted for at in range(len(parts) - size + 1))


def read_gpu_classes(stated: Mapping[str, object], path: str) -> GpuClasses:
    """Give the table with an operator's changes: DTU per GPU-hour by class, `default` for others.

    InvalidField with the first thing wrong in it.
    """
    weights = {name: dtu * MICRO for name, dtu in _KNOWN_DTU.items()}
    default = _UNKNOWN_DTU * MICRO
    known = {_parts(name): name for name in weights}
    for name, value in stated.items():
        at = f"{path}.{name}"
        weight = _weight(value, at)
        if name == DEFAULT:
            default = weight
        elif _NAME.fullmatch(name):
            weights[known.get(_parts(name), name)] = weight
        else:
            raise InvalidField(at, "must be named as a label's value, such as A100 or H100-PCIe")
    return GpuClasses(tuple(sorted(weights.items())), default)


def _weight(value: object, path: str) -> int:
    weight = milli(value, path) * (MICRO // 1000)
    if not 0 < weight <= WEIGHT_MAX:
        raise InvalidField(path, "must be more than 0 and at most 10000 DTU per GPU-hour")
    return weight


GPU_CLASSES = read_gpu_classes({}, "")
"""The table of an exchange whose operator has changed nothing."""
