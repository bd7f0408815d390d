"""Streams that hypothesis makes up, by changing sound ones: no crash, nothing kept, and the system answers.

The same target is given to atheris by `fuzz_frames.py`, for as long as one likes.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .fuzzed import SEEDS, Target, cut
from .strangers import frame, hello


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    target = Target()
    yield target
    target.close()


TAGS = ["Note", "Echo", "Fail", "Who", "Nonsense", "$link", "$unlink", "$exited", "$failure", ""]
FIELDS = ["text", "number", "payload", "upid", "watcher", "target", "reason", "kind", "t", "more"]
plain = st.none() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=8) | st.sampled_from(["probe", "x"])
bodies = st.none() | st.builds(
    lambda tag, fields: {**fields, "t": tag},
    st.sampled_from(TAGS),
    st.dictionaries(st.sampled_from(FIELDS), plain | st.lists(plain, max_size=2), max_size=4),
)
ids = st.sampled_from(["probe", "", "x"]) | st.text(max_size=4)
numbers = st.integers(-2, 2) | st.integers(-(2**63), 2**63 - 1)
spoken = st.lists(st.lists(st.tuples(ids, ids, numbers, bodies), max_size=4), max_size=3).map(
    lambda frames: hello() + b"".join(map(frame, frames))
)
"""A sound hello, and frames of envelopes that are sound MessagePack, whatever they say."""


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """A few sound streams one after the other, with some bytes replaced, put in or taken out."""
    data = bytearray(b"".join(draw(st.lists(st.sampled_from(SEEDS), max_size=3))))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        data[start : start + draw(st.integers(0, 4))] = draw(st.binary(max_size=8))
    return bytes(data)


@given(data=spoken | changed() | st.binary(max_size=100), sizes=st.binary(max_size=8))
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_stream_does_no_harm(target: Target, data: bytes, sizes: bytes) -> None:
    target.feed(cut(data, sizes))


def test_the_seeds_are_what_they_seem(target: Target) -> None:
    """Else nothing behind the hello would be reached."""
    before = target.system.counters["malformed_frames"]
    for seed in SEEDS[:-1]:
        target.feed([seed])
    assert target.system.counters["malformed_frames"] == before
    target.feed([SEEDS[-1]])
    assert target.system.counters["malformed_frames"] == before + 1
