"""GPU classes: found by what feature discovery writes, weighed by a table that may be changed."""

from __future__ import annotations

import pytest

from busbar.model.dtu import MICRO
from busbar.model.errors import InvalidField
from busbar.model.gpus import GPU_CLASSES, read_gpu_classes

PRODUCT, OWN = "nvidia.com/gpu.product", "busbar.dev/gpu-class"


@pytest.mark.parametrize(
    ("product", "name", "dtu"),
    [
        ("Tesla-T4", "T4", 8),
        ("NVIDIA-A100-SXM4-40GB", "A100", 39),
        ("A100-SXM4-40GB", "A100", 39),
        ("NVIDIA-H100-80GB-HBM3", "H100", 124),
        ("NVIDIA-H100-PCIe", "H100-PCIe", 95),
        ("NVIDIA-A10", "A10", 16),
        ("NVIDIA-A10G", "A10G", 9),
        ("nvidia-l40s", "L40S", 45),
    ],
)
def test_a_product_has_the_class_whose_name_stands_in_it_the_longest_first(product, name, dtu):
    assert GPU_CLASSES.of({PRODUCT: product}) == (name, dtu * MICRO)


@pytest.mark.parametrize(
    "product",
    ["NVIDIA-GeForce-RTX-4090", "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "NVIDIA-H100-PCIe-SHARED"],
)
def test_what_nobody_lists_and_what_is_a_part_of_a_gpu_weighs_as_the_smallest(product):
    assert GPU_CLASSES.of({PRODUCT: product}) == (product, 8 * MICRO)


@pytest.mark.parametrize(
    ("product", "name", "dtu"),
    [
        ("NVIDIA-H200-NVL", "H200-NVL", 104),
        ("NVIDIA-H200", "H200", 124),
        ("Tesla-V100-PCIE-16GB", "V100-PCIe", 14),
        ("Tesla-V100-SXM2-32GB", "V100", 16),
        ("Tesla-V100S-PCIE-32GB", "V100S", 16),
    ],
)
def test_boards_of_one_name_weigh_what_each_of_them_does(product, name, dtu):
    assert GPU_CLASSES.of({PRODUCT: product}) == (name, dtu * MICRO)


def test_a_part_has_a_weight_where_the_table_names_the_part():
    table = read_gpu_classes({"A100-SXM4-40GB-MIG-1g.5gb": "5.5"}, "gpu_weights")
    part = table.of({PRODUCT: "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"})
    assert part == ("A100-SXM4-40GB-MIG-1g.5gb", 5_500_000)
    assert table.of({PRODUCT: "NVIDIA-A100-SXM4-40GB"}).weight_micro == 39 * MICRO


def test_the_product_goes_before_our_own_label_and_nothing_said_is_no_class():
    assert GPU_CLASSES.of({PRODUCT: "Tesla-T4", OWN: "H100"}).name == "T4"
    assert GPU_CLASSES.of({OWN: "MI300X"}) == ("MI300X", 163 * MICRO)
    assert GPU_CLASSES.of({OWN: "MI325X"}) == ("MI325X", 163 * MICRO)
    assert GPU_CLASSES.of({}) == ("", 8 * MICRO)


def test_an_operator_changes_adds_and_sets_the_default():
    table = read_gpu_classes({"a100": 60, "H100-SXM-96GB": "130.5", "default": 4}, "gpu_weights")
    assert table.of({PRODUCT: "NVIDIA-A100-SXM4-80GB"}) == ("A100", 60 * MICRO)
    assert table.of({OWN: "H100-SXM-96GB"}) == ("H100-SXM-96GB", 130_500_000)
    assert table.of({OWN: "unknown"}) == ("unknown", 4 * MICRO)


@pytest.mark.parametrize(
    ("stated", "sentence"),
    [
        ({"A100": 0}, "w.A100: must be more than 0 and at most 10000 DTU per GPU-hour"),
        ({"A100": -1}, "w.A100: must not be negative"),
        ({"A100": "10001"}, "w.A100: must be more than 0 and at most 10000 DTU per GPU-hour"),
        ({"A100": "much"}, 'w.A100: must be a quantity such as "500m", "2" or "4Gi"'),
        (
            {"an A100": 5},
            "w.an A100: must be named as a label's value, such as A100 or H100-PCIe",
        ),
    ],
)
def test_a_weight_that_cannot_be_one_is_refused_with_its_field(stated, sentence):
    with pytest.raises(InvalidField) as refused:
        read_gpu_classes(stated, "w")
    assert str(refused.value) == sentence
