"""Serve a node until it is told to end, or cannot go on."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import rich_click as click

import actors
from cluster.local import AgentFailedError, Lifeline
from cluster.registry import RegistryError

__all__ = ["serve"]


class Node(Protocol):
    """What is served."""

    @property
    def address(self) -> str:
        """Where."""

    async def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """End."""


def serve(
    make: Callable[[], Node],
    ready: Callable[[Any], Awaitable[object]] | None = None,
    ended: Callable[[Any], Awaitable[str]] | None = None,
    leave: Callable[[Any], Awaitable[None]] | None = None,
) -> None:
    """Serve a node until SIGTERM, SIGINT, SIGUSR1, the end of the parent that started it, or its own end.

    `ready` waits until it can be used, `ended` until it has ended by itself, with the reason: then the exit
    status is 1. `leave` is what SIGTERM does instead of stopping it. What keeps it from starting is one line and exit
    status 1.
    """
    lifeline = Lifeline()

    async def main() -> str:
        # What was imported stays. A collection that goes through all of it would hold everybody up for 50 ms and more.
        gc.freeze()
        node = make()
        await node.start()
        try:
            signalled = actors.until_signalled(signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
            waits: list[Awaitable[object]] = [signalled, lifeline.cut()]
            if ended is not None:
                waits.append(ended(node))
            tasks = [asyncio.ensure_future(wait) for wait in waits]
            if ready is None:
                lifeline.ready(node.address)
            else:
                tasks.append(asyncio.ensure_future(_announce(lifeline, node, ready)))
            announcing = tasks[len(waits) :]
            while True:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                if done - set(announcing):
                    break
                for task in done:
                    task.result()
                    tasks.remove(task)
            reason = tasks[2].result() if ended is not None and tasks[2].done() else ""
            if leave is not None and tasks[0].done() and tasks[0].result() is signal.SIGTERM:
                await leave(node)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            return str(reason or "")
        finally:
            await node.stop()

    try:
        reason = actors.run(main())
    except (AgentFailedError, OSError, RegistryError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        lifeline.close()
    if reason:
        raise click.ClickException(reason)


async def _announce(lifeline: Lifeline, node: Node, ready: Callable[[Any], Awaitable[object]]) -> None:
    await ready(node)
    lifeline.ready(node.address)
