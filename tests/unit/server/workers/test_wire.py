"""What goes over the channel arrives as it was sent, however it is cut on the way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from busbar.server.workers.wire import Unpacker, packed

PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.binary(max_size=40), st.text())
MESSAGES = st.lists(st.tuples(st.integers(0, 20), st.integers(0), PLAIN, st.lists(PLAIN)))


@given(st.lists(MESSAGES, max_size=5), st.lists(st.integers(1, 60), min_size=1))
def test_messages_arrive_whole_and_in_order(sent, cuts) -> None:
    data = b"".join(packed(messages) for messages in sent)
    unpacker, got, turn = Unpacker(), [], 0
    while data:
        size = cuts[turn % len(cuts)]
        got += unpacker.feed(data[:size])
        data, turn = data[size:], turn + 1
    assert got == [message for messages in sent for message in messages]
