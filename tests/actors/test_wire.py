"""Whatever way the bytes of a stream are cut, the same envelopes come out; whatever is wrong, one kind of error."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import UPID, Message
from actors.wire import (
    DEFAULT_MAX_FRAME,
    Envelope,
    FrameSplitter,
    MalformedError,
    UnknownBody,
    decode_envelopes,
    decode_hello,
    encode_envelopes,
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=20)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
ids = st.text("abcXYZ019_.()-", min_size=1, max_size=20)
upids = st.builds(UPID, ids, st.sampled_from(["127.0.0.1", "::1", "node"]), st.integers(0, 65535))


class Parcel(Message, tag="test.wire.parcel"):
    value: Any = None
    to: UPID | None = None
    copies: list[UPID] = []


bodies = st.none() | st.builds(Parcel, values, st.none() | upids, st.lists(upids, max_size=3))
envelopes = st.tuples(ids, ids | st.just(""), st.integers(-(2**63), 2**63 - 1), bodies)


def cut(stream: bytes, points: list[int]) -> list[bytes]:
    places = sorted({point % (len(stream) + 1) for point in points} | {0, len(stream)})
    return [stream[start:end] for start, end in itertools.pairwise(places)]


@given(
    st.lists(st.lists(envelopes, max_size=4), max_size=4),
    st.lists(st.integers(0, 1 << 20), max_size=30),
)
def test_frames_cut_anywhere_are_the_same_envelopes(turns: list[list[Envelope]], points: list[int]) -> None:
    stream = b""
    for turn in turns:
        frames, bad = encode_envelopes(turn, DEFAULT_MAX_FRAME)
        assert bad == []
        stream += b"".join(frames)
    splitter = FrameSplitter()
    received = [
        envelope
        for piece in cut(stream, points)
        for payload in splitter.feed(piece)
        for envelope in decode_envelopes(payload)
    ]
    assert received == [envelope for turn in turns for envelope in turn]


@given(st.lists(envelopes, min_size=1, max_size=8), st.integers(64, 400))
def test_what_exceeds_the_limit_is_named_and_the_rest_keeps_its_order(
    sent: list[Envelope], limit: int
) -> None:
    frames, bad = encode_envelopes(sent, limit)
    assert all(len(frame) - 4 <= limit for frame in frames)
    arrived = [envelope for frame in frames for envelope in decode_envelopes(frame[4:])]
    too_large = [envelope for envelope, _ in bad]
    assert all(f"the frame limit of {limit}" in reason for _, reason in bad)
    assert len(arrived) + len(too_large) == len(sent)
    assert arrived == [envelope for envelope in sent if not any(envelope is large for large in too_large)]


@given(st.binary(max_size=200))
@settings(max_examples=300)
def test_any_bytes_are_envelopes_or_malformed(data: bytes) -> None:
    for decode in (decode_envelopes, decode_hello):
        try:
            decode(data)
        except MalformedError as error:
            assert str(error)  # noqa: PT017 - it may also be sound


@given(st.lists(values, max_size=6))
@settings(max_examples=300)
def test_any_values_are_envelopes_or_malformed(value: list[Any]) -> None:
    """Sound MessagePack of a wrong shape: a list that is no envelope, a body that is no message."""
    for shaped in (value, [value], [["to", "from", 0, value]], [["to", "from", 0, {"t": value}]]):
        try:
            decoded = decode_envelopes(msgspec.msgpack.encode(shaped))
        except MalformedError:
            assert shaped != [["to", "from", 0, value]]
        else:
            assert all(body is None or isinstance(body, UnknownBody) for *_, body in decoded)


@pytest.mark.parametrize("depth", [100, 10_000, 1_000_000])
def test_depth_is_no_crash(depth: int) -> None:
    nested = b"\x91" * depth + b"\xc0"
    with pytest.raises(MalformedError):
        decode_envelopes(nested)
    body = b"\x82\xa1t\xb0test.wire.parcel\xa5value" + nested
    payload = b"\x91\x94\xa2to\xa4from\x00" + body
    if depth == 100:
        assert isinstance(decode_envelopes(payload)[0][3], Parcel)
    else:
        with pytest.raises(MalformedError):
            decode_envelopes(payload)


def test_the_first_frame_may_have_a_limit_of_its_own() -> None:
    small, large = b"\x00\x00\x00\x02ab", b"\x00\x00\x00\x40" + b"x" * 64
    splitter = FrameSplitter(100, 10)
    assert splitter.feed(small + large) == [b"ab", b"x" * 64]
    with pytest.raises(MalformedError, match="64 bytes, the limit is 10"):
        FrameSplitter(100, 10).feed(large)


def test_one_envelope_that_cannot_be_encoded_takes_no_other_with_it() -> None:
    sent: list[Envelope] = [("to", "from", 0, Parcel(n)) for n in range(9)]
    sent[4] = ("to", "from", 0, Parcel(object()))
    sent[7] = ("to", "from", 0, Parcel(2**64))
    frames, bad = encode_envelopes(sent, DEFAULT_MAX_FRAME)
    assert [envelope for envelope, _ in bad] == [sent[4], sent[7]]
    assert [body.value for frame in frames for *_, body in decode_envelopes(frame[4:])] == [
        0,
        1,
        2,
        3,
        5,
        6,
        8,
    ]
