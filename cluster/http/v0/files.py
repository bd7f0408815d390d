"""`/files/...`: the files of a node by their virtual paths, as Mesos's own page reads them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import msgspec
from aiohttp import web

from actors import Actor
from cluster.http.mesos_files import FileRow, FilesError, MesosFiles, NoFileError

from .requests import HEADERS, answer, callback, number

__all__ = ["install_files"]

Later = Callable[[], Awaitable[web.StreamResponse]]
PIECE = 256 * 1024
"""Bytes of a download that are read at a time."""


def install_files(actor: Actor, files: MesosFiles) -> None:
    """Give a node's actor these pages, at `/files/...` and below its own name, also with `.json` behind."""
    for name, page, text in (
        ("browse", _browse, "?path: a directory"),
        ("read", _read, "?path&offset&length: a part of a file; an offset of -1 tells its size"),
        ("download", _download, "?path: a file"),
        ("debug", _debug, "the virtual paths, and where they lead"),
    ):
        for path in (f"/files/{name}", f"/files/{name}.json"):
            actor.route(path, _serve(files, page), help=f"{text}, as Mesos shows it")


def _serve(
    files: MesosFiles, page: Callable[[MesosFiles, web.Request], Awaitable[web.StreamResponse]]
) -> Callable[[web.Request], Later]:
    def serve(request: web.Request) -> Later:
        async def later() -> web.StreamResponse:
            try:
                return await page(files, request)
            except NoFileError as error:
                raise web.HTTPNotFound(text=f"{error}\n") from error
            except FilesError as error:
                raise web.HTTPBadRequest(text=f"{error}\n") from error

        return later

    return serve


async def _browse(files: MesosFiles, request: web.Request) -> web.Response:
    jsonp = callback(request)
    rows = await files.browse(_path(request))
    return answer(msgspec.json.encode([_row(each) for each in rows]), jsonp)


def _row(row: FileRow) -> dict[str, Any]:
    return {
        "path": row.path,
        "nlink": row.nlink,
        "size": row.size,
        "mtime": row.mtime / 1e9,
        "mode": row.mode_text,
        "uid": row.uid,
        "gid": row.gid,
    }


async def _read(files: MesosFiles, request: web.Request) -> web.Response:
    jsonp, path = callback(request), _path(request)
    offset, length = number(request, "offset", -1, -1), number(request, "length", -1, -1)
    # Both are what Mesos's page sends to learn how large a file is.
    data, size = await files.read(path, offset, None if length == -1 else length)
    shown = {"data": data.decode(errors="replace"), "offset": size if offset == -1 else offset}
    return answer(msgspec.json.encode(shown), jsonp)


async def _download(files: MesosFiles, request: web.Request) -> web.StreamResponse:
    file = await files.open(_path(request))
    try:
        name = quote(file.name, safe="")
        response = web.StreamResponse(
            headers={
                **HEADERS,
                "Content-Type": "application/octet-stream",
                "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
                "Content-Length": str(file.size),
            }
        )
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        sent = 0
        # It may grow meanwhile, or be cut: what was promised is sent, or the connection breaks.
        while sent < file.size:
            piece = await file.read(sent, min(PIECE, file.size - sent))
            if not piece:
                break
            await response.write(piece)
            sent += len(piece)
        await response.write_eof()
        return response
    finally:
        file.close()


async def _debug(files: MesosFiles, request: web.Request) -> web.Response:
    jsonp = callback(request)
    return answer(msgspec.json.encode({name: str(path) for name, path in files.attached().items()}), jsonp)


def _path(request: web.Request) -> str:
    path = request.query.get("path", "")
    if not path:
        raise web.HTTPBadRequest(text="path: the request names none, as in ?path=...\n")
    return path
