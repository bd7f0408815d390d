"""`/version`: which Mesos this is taken for, and which ostrom it is."""

from __future__ import annotations

import functools
import importlib.metadata

from aiohttp import web

from cluster.v1.translate.masters import VERSION

__all__ = ["version_page"]


def version_page(_request: web.Request) -> web.Response:
    """Mesos's version, of which clients count the parts; ours is `ostrom_version`."""
    return web.json_response(
        {"version": VERSION, "ostrom_version": _ours()}, headers={"Cache-Control": "no-store"}
    )


@functools.cache
def _ours() -> str:
    try:
        return importlib.metadata.version("ostrom")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
