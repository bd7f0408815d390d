"""The OpenAPI document of a node: what its routes are, and what is known of each."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from actors import Actor
from actors.http import RouteInfo
from cluster.v1.schema import Proto

from .details import Detail
from .schemas import REFERENCE, plain_schemas, proto_schemas, reference

__all__ = ["PATH", "document", "install"]

Json = dict[str, Any]
Details = Mapping[tuple[str, str], Detail]

PATH = "/api/openapi.json"
JSON = "application/json"
PROTOBUF = "application/x-protobuf"


def install(actor: Actor, details: Details, title: str) -> None:
    """Serve the document of what a node serves. To be called when all its routes are there; it is made once."""
    made: list[bytes] = []

    def page(_request: web.Request) -> web.Response:
        if not made:
            routes = (_of(route, actor) for route in actor.system.http.routes())
            made.append(msgspec.json.encode(document((each for each in routes if each), details, title)))
        return web.Response(body=made[0], content_type=JSON)

    actor.route(PATH, page, help="what is served here, by OpenAPI 3.1")


def _of(route: RouteInfo, actor: Actor) -> RouteInfo | None:
    """A route by its plain path; None if it is another actor's, or another name of one."""
    if route.upid is None:
        return route
    prefix = f"/{actor.upid.id}"
    plain = route.path.removeprefix(prefix) or "/"
    whole = route.path == prefix or route.path.startswith(prefix + "/")
    return route._replace(path=plain) if whole and route.upid == actor.upid else None


def document(routes: Iterable[RouteInfo], details: Details, title: str) -> Json:
    """The document for these routes. A route of which no details are known has its path and help."""
    paths: dict[str, Json] = {}
    protos: list[type[Proto]] = []
    plain: list[type[msgspec.Struct]] = []
    for route in routes:
        for method in route.methods:
            detail = details.get((method, route.path), Detail())
            for body in (detail.body, detail.answer, detail.events):
                if isinstance(body, type):
                    if issubclass(body, Proto):
                        protos.append(body)
                    else:
                        plain.append(body)
            paths.setdefault(route.path, {})[method.lower()] = _operation(method, route, detail)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": importlib.metadata.version("ostrom"),
            "description": "Every path is also served below the name of its actor. Errors are plain text that names "
            "the field and its value.",
        },
        "paths": paths,
        "components": {
            "schemas": {**proto_schemas(protos), **plain_schemas(plain)},
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
        "security": [{}, {"basic": []}, {"bearer": []}],
    }


def _operation(method: str, route: RouteInfo, detail: Detail) -> Json:
    operation: Json = {
        "operationId": f"{method} {route.path}",
        "summary": route.help or route.path,
        "responses": {
            "200": {"description": "the answer", "content": _content(detail.answer)},
            "400": {"description": "what was asked cannot be: the text names the field"},
            **{str(status): {"description": text} for status, text in sorted(detail.statuses.items())},
        },
    }
    if detail.events is not None:
        operation["description"] = (
            f"The answer to {detail.streams} is a stream in RecordIO: of each message its length in bytes (decimal), a "
            "newline, and the message."
        )
    if detail.query:
        operation["parameters"] = [
            {
                "name": name,
                "in": "query",
                "description": query.help,
                "required": query.required,
                "schema": {"type": query.type},
            }
            for name, query in detail.query.items()
        ]
    if detail.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(detail.body)}
    return operation


def _content(body: object) -> Json:
    if isinstance(body, str):
        return {body: {}}
    if isinstance(body, type) and issubclass(body, Proto):
        return {
            JSON: {"schema": reference(body)},
            PROTOBUF: {"schema": {"type": "string", "format": "binary"}},
        }
    if isinstance(body, type):
        return {JSON: {"schema": {"$ref": REFERENCE + body.__name__}}}
    return {JSON: {"schema": body}}
