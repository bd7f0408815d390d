from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors import UPID, Message
from actors.message import message_type
from actors.wire import DEFAULT_MAX_FRAME, UnknownBody, decode_envelopes, encode_envelopes


class Point(Message, tag="test.point"):
    x: int
    y: int = 7


class Mail(Message):
    to: UPID
    copies: list[UPID] = []
    by_name: dict[str, UPID] = {}
    maybe: UPID | None = None


def through_the_wire(message: Message) -> Any:
    frames, bad = encode_envelopes([("to", "from", 0, message)], DEFAULT_MAX_FRAME)
    assert not bad
    return decode_envelopes(frames[0][4:])[0][3]


def decoded(body: dict[str, Any]) -> Any:
    return decode_envelopes(msgspec.msgpack.encode([["to", "from", 0, body]]))[0][3]


def test_a_message_is_frozen() -> None:
    with pytest.raises(AttributeError):
        Point(1).x = 2


def test_equal_messages_are_equal_and_hashable() -> None:
    assert Point(1) == Point(1, 7)
    assert len({Point(1), Point(1, 7), Point(2)}) == 2


def test_the_tag_is_the_class_name_or_what_is_given() -> None:
    assert message_type("test.point") is Point
    assert message_type("Mail") is Mail
    assert message_type("nobody declared this") is None


def test_a_taken_tag_is_refused_and_names_both_classes() -> None:
    with pytest.raises(TypeError, match=r"(?s)test\.point.*Point.*Other"):

        class Other(Message, tag="test.point"):
            pass

    assert message_type("test.point") is Point


def test_the_same_declaration_may_run_twice() -> None:
    def declare() -> type[Message]:
        class Again(Message):
            pass

        return Again

    first, second = declare(), declare()
    assert first is not second
    assert message_type("Again") is second


def test_defaults_are_left_out_and_filled_in() -> None:
    assert b"y" not in msgspec.msgpack.encode(Point(1))
    assert decoded({"t": "test.point", "x": 1}) == Point(1, 7)


def test_an_unknown_field_is_ignored() -> None:
    assert decoded({"t": "test.point", "x": 1, "from_the_future": [1, {}]}) == Point(1)


@pytest.mark.parametrize(
    "body",
    [{"t": "test.point"}, {"t": "test.point", "x": "1"}, {"t": "nobody declared this"}, {"x": 1}, {}, [1], 5],
)
def test_an_invalid_body_is_an_unknown_body_with_a_reason(body: Any) -> None:
    unknown = decoded(body)
    assert isinstance(unknown, UnknownBody)
    assert unknown.reason


def test_upids_travel_inside_bodies() -> None:
    a, b = UPID("a", "h", 1), UPID("b", "::1", 2)
    mail = Mail(a, [a, b], {"b": b}, b)
    back = through_the_wire(mail)
    assert back == mail
    assert type(back.copies[1]) is UPID


@pytest.mark.parametrize("text", ["nonsense", "a@h", 5, None])
def test_a_bad_upid_in_a_body_makes_it_invalid(text: Any) -> None:
    assert isinstance(decoded({"t": "Mail", "to": text}), UnknownBody)


def test_a_message_class_that_cannot_be_decoded_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Message, tag="test.broken"):
        field: NoSuchType  # noqa: F821

    try:
        assert decoded({"t": "test.point", "x": 1}) == Point(1)
        assert isinstance(decoded({"t": "test.broken", "field": 1}), UnknownBody)
        assert "Broken" in caplog.text
    finally:
        from actors import message

        del message._registry["test.broken"]
        message._generation += 1
