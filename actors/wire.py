"""The bytes between systems: frames of MessagePack, checked before anything is believed.

A frame is four bytes of length, big-endian, and as many bytes of MessagePack. The first frame each way is a
`Hello`; every other one is a list of envelopes `[to, from, number, body]`:

- `to`, `from`: ids of actors, `""` for the system itself;
- `number`: 0 for a message, n > 0 for an ask, -n for the reply to ask n;
- `body`: a message as a map with its tag under `t`, or nil (in a reply only).

Frames of one loop turn are one list: a list costs half of what single envelopes cost.
"""

from __future__ import annotations

import logging
from typing import Any, Union

import msgspec

from .message import Message, decode_hook, encode_hook, message_types
from .upid import format_address, parse_address

__all__ = [
    "DEFAULT_MAX_FRAME",
    "PROTOCOL_VERSION",
    "Envelope",
    "Exited",
    "Failure",
    "FrameSplitter",
    "Hello",
    "Link",
    "MalformedError",
    "Unlink",
    "decode_envelopes",
    "decode_hello",
    "encode_envelopes",
    "encode_hello",
]

log = logging.getLogger("ostrom.actors")

PROTOCOL_VERSION = 1
DEFAULT_MAX_FRAME = 16 * 1024 * 1024

Envelope = tuple[str, str, int, Message | None]


class MalformedError(ValueError):
    """Bytes that are not our protocol. The connection they came on is closed."""


class Hello(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first frame each way: protocol version, the sender's advertised address, and which life it is.

    `credentials` are for the other's authentication. `refused` says that there will be no connection, and why.
    """

    ostrom: int
    host: str
    port: int
    incarnation: str
    credentials: str = ""
    refused: str = ""


class Link(Message, tag="$link"):
    """From a system to a system: tell my actor `watcher` when your actor `target` ends."""

    watcher: str
    target: str


class Unlink(Message, tag="$unlink"):
    """Undo `Link`."""

    watcher: str
    target: str


class Exited(Message, tag="$exited"):
    """My actor `target`, which your actor `watcher` is linked to, ended (or never was: `noproc`)."""

    watcher: str
    target: str
    reason: str


class Failure(Message, tag="$failure"):
    """In place of a reply: the handler raised (`kind` is the exception's name), or nobody was there."""

    kind: str
    text: str


class UnknownBody(msgspec.Struct, frozen=True):
    """Stands for a body whose tag or fields this system does not know: a newer peer, not a broken one."""

    reason: str


_encoder = msgspec.msgpack.Encoder(enc_hook=encode_hook)
_raw_decoder = msgspec.msgpack.Decoder(list[tuple[str, str, int, msgspec.Raw]])
_hello_decoder = msgspec.msgpack.Decoder(Hello)
_body_decoders: tuple[int, Any, Any] = (-1, None, None)


def _decoders() -> tuple[Any, Any]:
    """Decoders for lists and for single bodies, over all messages declared so far."""
    global _body_decoders
    generation, types = message_types()
    if _body_decoders[0] != generation:
        try:
            _body_decoders = (generation, *_make_decoders(types))
        except (NameError, TypeError):
            # One class that names a type that does not exist must not silence all others.
            sound = tuple(type_ for type_ in types if _can_be_decoded(type_))
            _body_decoders = (generation, *_make_decoders(sound))
    return _body_decoders[1], _body_decoders[2]


def _make_decoders(types: tuple[type[Message], ...]) -> tuple[Any, Any]:
    body: Any = Union[(*types, None)]
    return (
        msgspec.msgpack.Decoder(list[tuple[str, str, int, body]], dec_hook=decode_hook),
        msgspec.msgpack.Decoder(body, dec_hook=decode_hook),
    )


def _can_be_decoded(type_: type[Message]) -> bool:
    try:
        msgspec.msgpack.Decoder(type_, dec_hook=decode_hook)
    except (NameError, TypeError) as error:
        log.error("%s.%s cannot be received: %s", type_.__module__, type_.__qualname__, error)  # noqa: TRY400
        return False
    return True


def encode_hello(hello: Hello) -> bytes:
    """The frame of a `Hello`."""
    return _frame(_encoder.encode(hello))


def decode_hello(payload: bytes | memoryview) -> Hello:
    """Check and decode the first frame; MalformedError names what is wrong."""
    try:
        hello = _hello_decoder.decode(payload)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise MalformedError(f"not a hello: {error}") from error
    if hello.ostrom != PROTOCOL_VERSION:
        raise MalformedError(f"protocol version {hello.ostrom}, this system speaks {PROTOCOL_VERSION}")
    try:
        parsed = parse_address(format_address((hello.host, hello.port)))
    except ValueError as error:
        raise MalformedError(f"hello with a bad address: {error}") from error
    if parsed != (hello.host, hello.port):
        raise MalformedError(f"hello with a bad host: {hello.host[:300]!r}")
    return hello


def encode_envelopes(
    envelopes: list[Envelope], max_frame: int
) -> tuple[list[bytes], list[tuple[Envelope, str]]]:
    """Encode into as few frames as the limit allows; also what could not be sent, and why."""
    try:
        payload = _encoder.encode(envelopes)
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
        if len(envelopes) == 1:
            return [], [(envelopes[0], f"cannot be encoded: {error}")]
    else:
        if len(payload) <= max_frame:
            return [_frame(payload)], []
        if len(envelopes) == 1:
            return [], [(envelopes[0], f"{len(payload)} bytes exceed the frame limit of {max_frame}")]
    # One bad message must not take the others of its turn with it: halve until it stands alone.
    middle = len(envelopes) // 2
    frames, bad = encode_envelopes(envelopes[:middle], max_frame)
    more_frames, more_bad = encode_envelopes(envelopes[middle:], max_frame)
    return frames + more_frames, bad + more_bad


def decode_envelopes(payload: bytes | memoryview) -> list[tuple[str, str, int, Any]]:
    """Check and decode a list of envelopes; MalformedError names what is wrong.

    Bodies are typed messages, None, or `UnknownBody`.
    """
    listed, single = _decoders()
    try:
        return listed.decode(payload)  # type: ignore[no-any-return]
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        pass
    try:
        raw = _raw_decoder.decode(payload)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise MalformedError(f"not a list of envelopes: {error}") from error
    envelopes: list[tuple[str, str, int, Any]] = []
    for to, sender, number, body in raw:
        decoded: Any
        try:
            decoded = single.decode(body)
        except msgspec.ValidationError as error:
            decoded = UnknownBody(str(error))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise MalformedError(f"not a message: {error}") from error
        envelopes.append((to, sender, number, decoded))
    return envelopes


def _frame(payload: bytes) -> bytes:
    return len(payload).to_bytes(4, "big") + payload


class FrameSplitter:
    """Cuts a stream of bytes into frames, and refuses a frame over the limit before it is read.

    `max_first` limits the first frame alone, in bytes: a stranger is not trusted with much memory.
    """

    def __init__(self, max_frame: int = DEFAULT_MAX_FRAME, max_first: int | None = None) -> None:
        self._max = max_frame
        self._limit = max_frame if max_first is None else max_first
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes, return the payloads that are now complete; MalformedError on an oversized one."""
        buffer = self._buffer
        if not buffer and len(data) == 4 + int.from_bytes(data[:4], "big") <= 4 + self._limit:
            # One read, one frame: what most reads are when little is sent.
            self._limit = self._max
            return [data[4:]]
        buffer += data
        frames: list[bytes] = []
        start, end = 0, len(buffer)
        try:
            while end - start >= 4:
                length = int.from_bytes(buffer[start : start + 4], "big")
                if length > self._limit:
                    raise MalformedError(f"a frame of {length} bytes, the limit is {self._limit}")
                if end - start - 4 < length:
                    break
                self._limit = self._max
                frames.append(bytes(memoryview(buffer)[start + 4 : start + 4 + length]))
                start += 4 + length
        finally:
            del buffer[:start]
        return frames
