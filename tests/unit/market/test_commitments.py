"""What is promised already: which contract occupies what, from when until when."""

from __future__ import annotations

from tests.unit.market.world import NOON, make_book, node, offer

from busbar.market.axis import make_axis
from busbar.market.commitments import Commitment, commitment_of
from busbar.model.dtu import Resources
from busbar.model.time import HOUR, MINUTE

SLOT = NOON - NOON % HOUR
GIB = 1024**3


def contract(phase, *, not_after=None, slots=((NOON, NOON + HOUR),)):
    return {
        "spec": {
            "node": "n",
            "cpuMilli": 500,
            "memoryBytes": GIB,
            "notAfterMs": not_after,
            "slots": [{"startMs": s, "endMs": e, "priceNano": 1} for s, e in slots],
        },
        "status": {"phase": phase},
    }


def free_cpu(*commitments: Commitment) -> list[int]:
    """Give the free cpu of a node of 4 cpus in five slots."""
    nodes = [node("n", "elastx", "Sweden", memory="16Gi")]
    book = make_book(nodes, [offer("o", "elastx", "1")], *commitments)
    axis = make_axis((), NOON, SLOT + 5 * HOUR)
    return [int(slot[0, 0]) for slot in book.free(axis)]


def taken(start, end, cpu=1000) -> Commitment:
    return Commitment("n", Resources(cpu, GIB), start, end)


def test_a_closed_contract_occupies_nothing():
    assert commitment_of(contract("Closed")) is None


def test_a_reserved_contract_occupies_its_slots():
    found = commitment_of(contract("Reserved", slots=((SLOT, SLOT + 1), (SLOT + 1, SLOT + 9))))
    assert found == Commitment("n", Resources(500, GIB), SLOT, SLOT + 9)


def test_a_running_contract_occupies_its_node_until_it_closes_or_its_deadline():
    resources = Resources(500, GIB)
    assert commitment_of(contract("Running")) == Commitment("n", resources, 0, None)
    found = commitment_of(contract("Bound", not_after=NOON + 7))
    assert found == Commitment("n", resources, 0, NOON + 7)


def test_a_commitment_takes_every_slot_it_touches():
    assert free_cpu(taken(SLOT + 90 * MINUTE, SLOT + 150 * MINUTE)) == [
        4000,
        3000,
        3000,
        4000,
        4000,
    ]
    assert free_cpu(taken(SLOT + HOUR, SLOT + 2 * HOUR)) == [4000, 3000, 4000, 4000, 4000]


def test_one_without_an_end_takes_all():
    assert free_cpu(taken(0, None)) == [3000] * 5


def test_one_that_is_open_past_its_end_still_takes_the_present_slot():
    assert free_cpu(taken(0, SLOT - 1)) == [3000, 4000, 4000, 4000, 4000]


def test_one_beyond_the_axis_or_of_another_node_takes_nothing():
    elsewhere = Commitment("gone", Resources(1, 1), 0, None)
    assert free_cpu(taken(SLOT + 9 * HOUR, None), elsewhere) == [4000] * 5


def test_commitments_add_up():
    assert free_cpu(taken(0, None), taken(0, SLOT + HOUR), taken(0, None, 500)) == [
        1500,
        2500,
        2500,
        2500,
        2500,
    ]
