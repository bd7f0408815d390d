"""The commands' way to a node's HTTP pages."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import rich_click as click

__all__ = ["NoMasterError", "ask_json", "get_json", "post_json"]

TIMEOUT = aiohttp.ClientTimeout(total=10)


class NoMasterError(click.ClickException):
    """There is no master, or it does not answer; nothing is known of what was asked of it."""


def get_json(master: str, path: str, **query: str) -> Any:
    """Read a page of the master. ClickException, one line, if it cannot be read."""
    return ask_json("GET", master, path, query=query)


def post_json(master: str, path: str, body: Any = None, **query: str) -> Any:
    """Have the master do something. ClickException, one line, if it does not."""
    return ask_json("POST", master, path, body=body, query=query)


def ask_json(method: str, master: str, path: str, *, body: Any = None, query: dict[str, str]) -> Any:
    """Ask a page of the master. ClickException, one line, if it refuses; NoMasterError if it does not answer."""

    async def fetch() -> Any:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT) as session,
            session.request(method, f"http://{master}{path}", params=query, json=body) as response,
        ):
            if response.status == 503:
                raise NoMasterError(f"{master}{path}: {(await response.text()).strip()}")
            if response.status != 200:
                raise click.ClickException(
                    f"{master}{path}: {response.status} {(await response.text()).strip()}"
                )
            return await response.json()

    try:
        return asyncio.run(fetch())
    except TimeoutError as error:
        raise NoMasterError(f"the master at {master} does not answer") from error
    except aiohttp.ClientError as error:
        raise NoMasterError(f"no master at {master}: {error}") from error
