from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.attributes import Attributes, AttributesError

text_values = st.text(
    st.characters(codec="ascii", categories=["L", "N", "P"], exclude_characters=";,{}[]"), min_size=1
)
values = st.one_of(
    text_values,
    st.integers(-9, 999).map(str),
    st.lists(st.integers(0, 50)).map(lambda lows: "[" + ", ".join(f"{low}-{low + 3}" for low in lows) + "]"),
    st.lists(st.sampled_from("abcd")).map(lambda items: "{" + " , ".join(items) + "}"),
)


@given(st.dictionaries(st.sampled_from(["rack", "zone", "x-1"]), values))
def test_text_and_wire_bring_the_same_value_back(items: dict[str, str]) -> None:
    attributes = Attributes(items)
    assert Attributes.parse(str(attributes)) == attributes
    assert hash(Attributes.parse(str(attributes))) == hash(attributes)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(attributes), type=Attributes) == attributes


def test_values_are_typed_as_in_mesos() -> None:
    text = " rack: r1; cores:8 ;load:-0.5;ports:[4-6, 1-3];tags:{b,a};os:Linux 6.1;url:http://h:80/;serial:12345678901234567890"
    attributes = Attributes.parse(text)
    assert attributes.get("rack") == "r1"
    assert attributes.get("cores") == 8.0
    assert attributes.get("load") == -0.5
    assert attributes.get("ports") == ((1, 6),)
    assert attributes.get("tags") == frozenset({"a", "b"})
    assert attributes.get("os") == "Linux 6.1"
    assert attributes.get("url") == "http://h:80/"
    assert attributes.get("serial") == "12345678901234567890"
    assert attributes.get("none") is None
    assert "rack" in attributes
    assert list(attributes)[:2] == ["rack", "cores"]
    assert len(attributes) == 8
    assert str(attributes).startswith("rack:r1;cores:8;load:-0.5;ports:[1-6];tags:{a,b};")
    assert repr(Attributes.parse("rack:r1;")) == "Attributes('rack:r1')"
    assert not Attributes.parse("")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rack", "'rack' does not read as name:value"),
        ("rack:", "'rack:' does not read as name:value"),
        (":r1", "':r1' does not read as name:value"),
        ("rack:a;rack:b", "rack is given twice"),
        ("9:a", "items: '9' is not a name"),
        ("rack:a,b", "rack: 'a,b' holds one of ;,{}[]"),
        ("rack:a\x00", r"rack: 'a\x00' is not 1 to 1024 printable"),
        ("rack:" + "a" * 1025, "is not 1 to 1024 printable"),
        ("ports:[1-x]", "ports: '1-x' in '[1-x]' is not a range"),
        ("tags:{a", "tags: '{a' does not end with }"),
    ],
)
def test_parse_refuses(text: str, message: str) -> None:
    with pytest.raises(AttributesError) as caught:
        Attributes.parse(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ({"a": 1}, "a: a int is not text"),
        ([], "items: a list is not a mapping"),
        ({f"a{n}": "x" for n in range(1001)}, "items: 1001 attributes, at most 1000"),
        ({"a": " x"}, "without outer spaces"),
        ({"a": ""}, "a: '' is not 1 to"),
    ],
)
def test_the_constructor_refuses(items: Any, message: str) -> None:
    with pytest.raises(AttributesError) as caught:
        Attributes(items)
    assert message in str(caught.value)


def test_decoding_checks_too() -> None:
    with pytest.raises(msgspec.ValidationError, match="a: '' is not 1 to"):
        msgspec.json.decode(b'{"items":{"a":""}}', type=Attributes)
