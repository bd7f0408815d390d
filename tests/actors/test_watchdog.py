"""The watchdog: who blocks the loop, told while it does."""

from __future__ import annotations

import threading

import pytest

from actors import Actor, ActorSystem, Blocked, Message, Watchdog, handles


class Block(Message, tag="watchdog.Block"):
    pass


class Done(Message, tag="watchdog.Done"):
    pass


class Blocker(Actor):
    """Blocks until the watchdog has seen it, and so in no case for ever."""

    def __init__(self, seen: threading.Event) -> None:
        self.seen = seen

    @handles(Block)
    def block(self, _message: Block) -> Done:
        self.dig()
        return Done()

    def dig(self) -> None:
        if not self.seen.wait(20):
            raise TimeoutError("nobody saw it")


@pytest.mark.asyncio
async def test_the_handler_that_blocks_is_named_once_each_time() -> None:
    seen = threading.Event()
    reports: list[Blocked] = []

    def report(blocked: Blocked) -> None:
        reports.append(blocked)
        seen.set()

    async with ActorSystem() as system, Watchdog(0.02, report):
        upid = system.spawn(Blocker(seen))
        for _ in range(2):
            seen.clear()
            assert await system.ask(upid, Block(), timeout=30) == Done()
    named = [blocked for blocked in reports if blocked.upid]
    assert len(named) == 2
    assert named[0].upid == str(upid)
    assert named[0].handler.endswith("Blocker.block")
    assert "seen.wait" in named[0].stack
    assert named[0].seconds > 0.02


@pytest.mark.asyncio
async def test_by_default_it_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Seen(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            while "is blocked" not in caplog.text:
                super().wait(0.001)
            return True

    async with ActorSystem() as system, Watchdog(0.02):
        upid = system.spawn(Blocker(Seen()), "digger")
        await system.ask(upid, Block(), timeout=30)
    assert "by digger@" in caplog.text


def test_a_threshold_of_nothing() -> None:
    with pytest.raises(ValueError, match="threshold is 0"):
        Watchdog(0)
