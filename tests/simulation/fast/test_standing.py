"""What the market remembers is what it would read anew, at every commit of days full of faults."""

from __future__ import annotations

from busbar.controllers.market.standing import Standing
from busbar.model.objects import name_of, namespace_of, uid_of
from busbar.model.time import HOUR
from busbar.simulator.cloud import Cloud


def facts(standing: Standing, nodes: list[str]) -> tuple[object, ...]:
    waiting = [(namespace_of(pod), name_of(pod), order) for pod, order in standing.waiting()]
    there = {node: {uid_of(c) for c in standing.contracts_on(node)} for node in nodes}
    book = standing.book
    return waiting, book.supplies, book.commitments, book.vendors, standing.offers, there


def test_remembering_gives_what_reading_everything_anew_gives():
    cloud = Cloud(5)
    remembered, compared = Standing(), 0

    def compare(*_: object) -> None:
        nonlocal compared
        compared += 1
        snapshot = cloud.exchange.store.snapshot_now()
        # Not every snapshot is seen: what is skipped must be caught up with.
        if compared % 3 == 0:
            nodes = [name_of(node) for node in snapshot.list("", "nodes")]
            found = facts(remembered.at(snapshot), nodes)
            assert found == facts(Standing().at(snapshot), nodes)

    cloud.exchange.committed.append(compare)
    cloud.begin()
    cloud.run(6 * HOUR)
    assert compared > 500
