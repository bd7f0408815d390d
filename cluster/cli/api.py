"""The commands' way to a node's HTTP pages."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import rich_click as click

from actors import format_address
from cluster.election import leader_of
from cluster.etcd import EtcdAddress

__all__ = ["NoMasterError", "ask_json", "get_json", "post_json"]

TIMEOUT = aiohttp.ClientTimeout(total=10)
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

    async def fetch() -> Any:
        place = await _place(master)
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT) as session,
            session.request(method, f"http://{place}{path}", params=query, json=body) as response,
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
