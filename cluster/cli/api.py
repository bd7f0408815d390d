"""The commands' way to a node's HTTP pages."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import rich_click as click
from yarl import URL

from actors import format_address
from cluster.election import leader_of
from cluster.etcd import EtcdAddress

from .credentials import authorization

__all__ = ["NoMasterError", "ask_json", "get_json", "post_json"]

TIMEOUT = aiohttp.ClientTimeout(total=10)
MAX_REDIRECTS = 3
ELECTION = 15.0
"""Seconds until somebody leads: an election after a crash takes as long as a lease."""


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
    # As whom: also where a standby sends it on, which was asked as somebody before.
    headers = authorization()

    async def fetch() -> Any:
        place = await _place(master)
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT, headers=headers) as session,
            await _request(session, method, URL(f"http://{place}{path}").with_query(query), body) as response,
        ):
            if response.status == 503:
                raise NoMasterError(f"{place}{path}: {(await response.text()).strip()}")
            if response.status != 200:
                raise click.ClickException(
                    f"{place}{path}: {response.status} {(await response.text()).strip()}"
                )
            return await response.json()

    try:
        return asyncio.run(fetch())
    except TimeoutError as error:
        raise NoMasterError(f"the master at {_shown(master)} does not answer") from error
    except aiohttp.ClientError as error:
        raise NoMasterError(f"no master at {_shown(master)}: {error}") from error


async def _request(
    session: aiohttp.ClientSession, method: str, url: URL, body: Any
) -> aiohttp.ClientResponse:
    for _ in range(MAX_REDIRECTS):
        response = await session.request(method, url, json=body, allow_redirects=False)
        if response.status != 307 or "Location" not in response.headers:
            break
        url = url.join(URL(response.headers["Location"], encoded=True))
        response.release()
    return response


async def _place(master: str) -> str:
    """HOST:PORT of the master. NoMasterError if nobody leads."""
    if "://" not in master:
        return master
    try:
        return format_address((await leader_of(master, ELECTION)).address)
    except TimeoutError as error:
        raise NoMasterError(f"no master leads, says {_shown(master)}, or it cannot be asked") from error


def _shown(master: str) -> str:
    """It as it may be shown: without a password."""
    return str(EtcdAddress.parse(master)) if "://" in master else master
