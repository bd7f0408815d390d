from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import UPID, format_address, parse_address

ids = st.text("abcXYZ019_.()-", min_size=1, max_size=128)
hosts = st.sampled_from(["127.0.0.1", "node-1.example.org", "localhost", "::1", "fe80::1%eth0", "a_b"])
ports = st.integers(0, 65535)


@given(ids, hosts, ports)
def test_a_upid_is_parsed_from_what_it_prints(id_: str, host: str, port: int) -> None:
    upid = UPID(id_, host, port)
    assert UPID.parse(str(upid)) == upid
    assert hash(UPID.parse(str(upid))) == hash(upid)


def test_its_parts_are_readable() -> None:
    upid = UPID.parse("master@10.0.0.1:5050")
    assert (upid.id, upid.host, upid.port, upid.address) == ("master", "10.0.0.1", 5050, ("10.0.0.1", 5050))
    assert repr(upid) == "UPID('master@10.0.0.1:5050')"


def test_an_ipv6_host_stands_in_brackets() -> None:
    assert str(UPID("a", "::1", 80)) == "a@[::1]:80"
    assert UPID.parse("a@[::1]:80").host == "::1"
    assert parse_address("[fe80::1%eth0]:1") == ("fe80::1%eth0", 1)
    assert format_address(("h", 1)) == "h:1"


def test_surrounding_space_is_ignored() -> None:
    assert UPID.parse(" a@h:1\n") == UPID("a", "h", 1)


@pytest.mark.parametrize(
    "text",
    [
        "", "@", "a", "a@", "a@h", "a@h:", "a@:1", "@h:1", "a@h:x", "a@h:-1", "a@h:65536", "a@h:1.0", "a@::1:80",
        "a@[::1]", "a@[]:80", "a b@h:1", "a/b@h:1", "a@h h:1", "a@b@h:1", "a@h:٣", "x" * 129 + "@h:1",
        "a@" + "h" * 256 + ":1", "a@h:" + "9" * 5000,
    ],
)  # fmt: skip
def test_bad_text_is_refused_and_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"UPID|address") as caught:
        UPID.parse(text)
    assert repr(text)[1:20] in str(caught.value) or text.partition("@")[2][:20] in str(caught.value)


def test_equal_ones_are_one_key() -> None:
    assert len({UPID("a", "h", 1), UPID.at("a", ("h", 1)), UPID("a", "h", 2), UPID("b", "h", 1)}) == 3
    assert UPID("a", "h", 1) != "a@h:1"


def test_they_are_ordered_by_address_then_id() -> None:
    upids = [UPID("a", "h", 2), UPID("b", "h", 1), UPID("a", "h", 1), UPID("z", "g", 9)]
    assert [str(u) for u in sorted(upids)] == ["z@g:9", "a@h:1", "b@h:1", "a@h:2"]
    assert UPID("a", "h", 1) <= UPID("a", "h", 1) < UPID("b", "h", 1)


def test_ordering_against_something_else_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        _ = UPID("a", "h", 1) < "a"


def test_it_cannot_be_changed() -> None:
    upid = UPID("a", "h", 1)
    with pytest.raises(AttributeError):
        upid.id = "b"
    with pytest.raises(AttributeError):
        del upid.id
    assert str(upid) == "a@h:1"


def test_it_can_be_copied_and_pickled() -> None:
    upid = UPID("a", "h", 1)
    assert copy.deepcopy(upid) == upid
    assert pickle.loads(pickle.dumps(upid)) == upid  # noqa: S301 - what we just made
