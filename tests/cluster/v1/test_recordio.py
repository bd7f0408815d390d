"""Records come out whole, however the bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.v1 import recordio
from cluster.v1.errors import MessageError


def test_a_record_is_its_length_a_newline_and_the_bytes() -> None:
    assert recordio.encode(b'{"type": "HEARTBEAT"}') == b'21\n{"type": "HEARTBEAT"}'
    assert recordio.encode(b"") == b"0\n"


@given(st.lists(st.binary(max_size=30), max_size=6), st.lists(st.integers(1, 9), min_size=1))
def test_records_come_out_however_the_bytes_are_cut(records: list[bytes], cuts: list[int]) -> None:
    data = b"".join(map(recordio.encode, records))
    decoder, found, turn = recordio.Decoder(), [], 0
    while data:
        piece, data = data[: cuts[turn % len(cuts)]], data[cuts[turn % len(cuts)] :]
        found += decoder.feed(piece)
        turn += 1
    assert found == records
    assert decoder.at_boundary()


@pytest.mark.parametrize("data", [b"5", b"5\n", b"5\nabcd"])
def test_a_stream_that_ends_within_a_record_is_known(data: bytes) -> None:
    decoder = recordio.Decoder()
    assert decoder.feed(data) == []
    assert not decoder.at_boundary()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\n", "is not the length"),
        (b"-1\n", "is not the length"),
        (b"+1\nx", "is not the length"),
        (b" 1\nx", "is not the length"),
        (b"1_0\n", "is not the length"),
        (b'{"type"', "is not the length"),
        (b"1" * 21, "is not the length"),
        (b"101\n", "a record of 101 bytes, at most 100"),
        (b"9" * 20 + b"\n", "at most 100"),
    ],
)
def test_a_length_that_is_none_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(MessageError, match=problem):
        recordio.Decoder(max_record=100).feed(data)
    decoder = recordio.Decoder(max_record=100)
    with pytest.raises(MessageError, match=problem):
        _ = [decoder.feed(data[place : place + 1]) for place in range(len(data))]
