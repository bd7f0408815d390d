"""JSON or protobuf: which of the two a request is written in, and which its answer is to be."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from aiohttp import web
from msgspec import Struct

from cluster.v1 import json, protobuf
from cluster.v1.schema import Proto

__all__ = ["JSON", "PROTOBUF", "Media", "answer_media", "preferred", "request_media"]

P = TypeVar("P", bound=Proto)


class _Decode(Protocol):
    def __call__(self, data: bytes, message: type[P], /) -> P: ...


class Media(Struct, frozen=True):
    """A way to write messages, by its media type. `decode` raises MessageError."""

    type: str
    decode: _Decode
    encode: Callable[[Proto], bytes]


JSON = Media("application/json", json.decode, json.encode)
PROTOBUF = Media("application/x-protobuf", protobuf.decode, protobuf.encode)
ALL = (JSON, PROTOBUF)
NAMES = " or ".join(media.type for media in ALL)
MAX_SHOWN = 80


def request_media(request: web.Request, header: str = "Content-Type") -> Media:
    """What the body is written in. HTTPBadRequest if the request does not say, HTTPUnsupportedMediaType if neither."""
    given = request.headers.get(header)
    if given is None:
        raise web.HTTPBadRequest(text=f"{header} is missing: it is {NAMES}\n")
    type_ = given.partition(";")[0].strip().lower()
    for media in ALL:
        if media.type == type_:
            return media
    raise web.HTTPUnsupportedMediaType(text=f"{header} is {given[:MAX_SHOWN]!r}, not {NAMES}\n")


def answer_media(request: web.Request, header: str = "Accept") -> Media:
    """What the client would rather have; JSON if it is all the same to it, as in Mesos.

    HTTPNotAcceptable if it takes neither.
    """
    type_ = preferred(request, header, [media.type for media in ALL])
    return next(media for media in ALL if media.type == type_)


def preferred(request: web.Request, header: str, types: Sequence[str]) -> str:
    """Which of these media types a header accepts best; the first if it is all the same. HTTPNotAcceptable."""
    ranges = [each for line in request.headers.getall(header, []) for each in line.split(",") if each.strip()]
    if not ranges:
        return types[0]
    best = max(types, key=lambda type_: _quality(type_, ranges))
    if _quality(best, ranges) > 0:
        return best
    raise web.HTTPNotAcceptable(
        text=f"{header} is {', '.join(ranges)[:MAX_SHOWN]!r}, and allows not {' or '.join(types)}\n"
    )


def _quality(type_: str, ranges: Sequence[str]) -> float:
    """How much a type is wanted, 0 to 1: by the ranges that name it most exactly."""
    family = type_.partition("/")[0] + "/*"
    found: dict[str, float] = {}
    for each in ranges:
        name, *parameters = (part.strip().lower() for part in each.split(";"))
        found[name] = max(found.get(name, 0.0), _weight(parameters))
    return next((found[name] for name in (type_, family, "*/*") if name in found), 0.0)


def _weight(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0.0
            return weight if math.isfinite(weight) and 0 <= weight <= 1 else 0.0
    return 1.0
