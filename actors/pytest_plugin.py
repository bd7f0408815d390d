"""Fixtures for pytest, that come with ostrom: actor systems in paused time, and an eye on what a test leaves behind.

The async ones are for pytest-asyncio. `actor_leaks = true` in pytest's configuration has every async test end with no
task running and no socket open that was not there at its beginning.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from .clock import PausedClock
from .leaks import LeakError, no_leaks
from .system import ActorSystem
from .transport import InProcessNetwork

try:
    from pytest_asyncio import fixture as async_fixture
except ImportError:

    def async_fixture(function: Any) -> Any:  # type: ignore[no-redef]
        """Say what is missing, to those who ask for it."""

        def missing() -> None:
            pytest.fail(f"the fixture {function.__name__} needs pytest-asyncio", pytrace=False)

        missing.__name__, missing.__doc__ = function.__name__, function.__doc__
        return pytest.fixture(missing)


__all__ = ["actor_leaks", "actor_network", "actor_system", "paused_clock", "start_actor_system"]

LEAKS = "actor_leaks"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option to pytest's configuration file."""
    parser.addini(
        LEAKS, "async tests may leave no task running and no socket open", type="bool", default=False
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Have every async test watched, if the configuration says so."""
    if not config.getini(LEAKS):
        return
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.function):
            # The first fixture is the last to end: all others have closed what they opened.
            item.fixturenames.insert(0, LEAKS)


@async_fixture
async def actor_leaks() -> AsyncIterator[None]:
    """Fail the test if it leaves a task running or a socket open."""
    left = ""
    try:
        async with no_leaks():
            yield
    except LeakError as error:
        left = str(error)
    if left:
        pytest.fail(left, pytrace=False)


@pytest.fixture
def paused_clock() -> PausedClock:
    """Time that stands still: see `actors.testing.advance`."""
    return PausedClock()


@pytest.fixture
def actor_network() -> InProcessNetwork:
    """Joins the systems of a test without sockets."""
    return InProcessNetwork()


@async_fixture
async def start_actor_system(
    actor_leaks: None, paused_clock: PausedClock, actor_network: InProcessNetwork
) -> AsyncIterator[Callable[..., Awaitable[ActorSystem]]]:
    """Starts another system when it is awaited: in paused time, without sockets, closed at the end.

    Its parameters are `ActorSystem`'s; `transport=None` is TCP on loopback, `clock=None` real time.
    """
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> ActorSystem:
            options.setdefault("clock", paused_clock)
            if "transport" not in options:
                options["transport"] = actor_network.transport()
            return await stack.enter_async_context(ActorSystem(**options))

        yield start


@async_fixture
async def actor_system(start_actor_system: Callable[..., Awaitable[ActorSystem]]) -> ActorSystem:
    """One actor system, in paused time, without sockets, closed at the end."""
    return await start_actor_system()
