"""The commands' way to a node's HTTP pages."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import rich_click as click

__all__ = ["get_json"]

TIMEOUT = aiohttp.ClientTimeout(total=10)


def get_json(master: str, path: str, **query: str) -> Any:
    """Read a page of the master. ClickException, one line, if it cannot be read."""

    async def fetch() -> Any:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT) as session,
            session.get(f"http://{master}{path}", params=query) as response,
        ):
            if response.status != 200:
                raise click.ClickException(
                    f"{master}{path}: {response.status} {(await response.text()).strip()}"
                )
            return await response.json()

    try:
        return asyncio.run(fetch())
    except TimeoutError as error:
        raise click.ClickException(f"the master at {master} does not answer") from error
    except aiohttp.ClientError as error:
        raise click.ClickException(f"no master at {master}: {error}") from error
