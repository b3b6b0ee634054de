"""The control plane's clock and ids."""

from __future__ import annotations

import uuid

from busbar.server.clock import new_uid


def test_ids_are_random_uuids_of_version_4_in_their_usual_form():
    made = [new_uid() for _ in range(1000)]
    assert len(set(made)) == 1000
    for one in made:
        read = uuid.UUID(one)
        assert (read.version, read.variant, str(read)) == (4, uuid.RFC_4122, one)
