"""How the streams of containers are written: RecordIO, of JSON or of protobuf."""

from __future__ import annotations

from typing import NamedTuple

from aiohttp import web

from cluster.http.v1.media import JSON, PROTOBUF, Media, answer_media, preferred, request_media

__all__ = ["RECORDIO", "StreamMedia", "answer_stream_media", "call_media", "is_recordio"]

RECORDIO = "application/recordio"
MESSAGE_TYPE = "Message-Content-Type"
MESSAGE_ACCEPT = "Message-Accept"


class StreamMedia(NamedTuple):
    """What the answer says of itself, and what its records are."""

    headers: dict[str, str]
    records: Media


def is_recordio(request: web.Request) -> bool:
    """Whether the body is a stream of records."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower() == RECORDIO


def call_media(request: web.Request) -> Media:
    """What a body, or each of its records, is written in. HTTPBadRequest, HTTPUnsupportedMediaType."""
    if is_recordio(request):
        return request_media(request, MESSAGE_TYPE)
    if MESSAGE_TYPE in request.headers:
        raise web.HTTPUnsupportedMediaType(
            text=f"{MESSAGE_TYPE} is for bodies of {RECORDIO}, which this is not\n"
        )
    return request_media(request)


def answer_stream_media(request: web.Request) -> StreamMedia:
    """What the client would have a stream of records written in. HTTPNotAcceptable if that is none of these.

    Who asks for JSON or protobuf gets the same records under that name, as in Mesos.
    """
    type_ = preferred(request, "Accept", (JSON.type, PROTOBUF.type, RECORDIO))
    if type_ != RECORDIO:
        if MESSAGE_ACCEPT in request.headers:
            raise web.HTTPNotAcceptable(text=f"{MESSAGE_ACCEPT} is for who accepts {RECORDIO}\n")
        return StreamMedia({"Content-Type": type_}, JSON if type_ == JSON.type else PROTOBUF)
    records = answer_media(request, MESSAGE_ACCEPT)
    return StreamMedia({"Content-Type": RECORDIO, MESSAGE_TYPE: records.type}, records)
