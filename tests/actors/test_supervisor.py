"""Supervisors: who is started again, in which order, and when one gives up."""

from __future__ import annotations

import asyncio

import pytest

from actors import (
    NORMAL,
    SHUTDOWN,
    UPID,
    Actor,
    ActorSystem,
    Child,
    PausedClock,
    Restart,
    Strategy,
    Supervisor,
)
from actors.testing import advance, settle

from .probes import Fail, Probe


class House:
    """What its workers did, in order."""

    def __init__(self, system: ActorSystem) -> None:
        self.system = system
        self.log: list[str] = []
        self.stuck: set[str] = set()
        self.broken: set[str] = set()

    def child(self, name: str, restart: Restart = Restart.PERMANENT, shutdown: float | None = 5.0) -> Child:
        return Child(name, lambda: Worker(self, name), restart, shutdown)

    def spawn(self, *children: Child, **options: object) -> Supervisor:
        supervisor = Supervisor(children, **options)
        self.system.spawn(supervisor, "supervisor")
        return supervisor

    def upid(self, name: str) -> UPID:
        return UPID.at(name, self.system.address)

    async def end(self, name: str, reason: str = "error: broken") -> list[str]:
        """End a worker; return what came of it."""
        self.log.clear()
        self.system.terminate(self.upid(name), reason)
        await settle(self.system)
        return self.log


class Worker(Probe):
    def __init__(self, house: House, name: str) -> None:
        super().__init__()
        self.house = house
        self.name = name
        if name in house.broken:
            raise OSError("no such thing")

    def initialize(self) -> None:
        self.house.log.append(f"+{self.name}")

    async def finalize(self) -> None:
        if self.name in self.house.stuck:
            await asyncio.Event().wait()
        self.house.log.append(f"-{self.name}")


@pytest.fixture
def house(system: ActorSystem) -> House:
    return House(system)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("strategy", "came"),
    [
        (Strategy.ONE_FOR_ONE, ["-b", "+b"]),
        (Strategy.ONE_FOR_ALL, ["-b", "-c", "-a", "+a", "+b", "+c"]),
        (Strategy.REST_FOR_ONE, ["-b", "-c", "+b", "+c"]),
    ],
)
async def test_strategies(house: House, strategy: Strategy, came: list[str]) -> None:
    supervisor = house.spawn(*map(house.child, "abc"), strategy=strategy)
    await settle(house.system)
    assert house.log == ["+a", "+b", "+c"]
    assert await house.end("b") == came
    assert supervisor.children == {name: house.upid(name) for name in "abc"}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("restart", "reason", "again"),
    [
        (Restart.PERMANENT, NORMAL, True),
        (Restart.PERMANENT, "error: x", True),
        (Restart.TRANSIENT, NORMAL, False),
        (Restart.TRANSIENT, SHUTDOWN, False),
        (Restart.TRANSIENT, "error: x", True),
        (Restart.TEMPORARY, "error: x", False),
    ],
)
async def test_when_a_child_is_started_again(
    house: House, restart: Restart, reason: str, again: bool
) -> None:
    supervisor = house.spawn(house.child("a", restart))
    await settle(house.system)
    assert await house.end("a", reason) == (["-a", "+a"] if again else ["-a"])
    left = {} if restart is Restart.TEMPORARY else {"a": house.upid("a") if again else None}
    assert supervisor.children == left


@pytest.mark.asyncio
async def test_a_handler_that_raises_is_an_end_like_any_other(house: House) -> None:
    house.spawn(house.child("a"))
    await settle(house.system)
    house.system.send(house.upid("a"), Fail())
    await settle(house.system)
    assert house.log == ["+a", "-a", "+a"]


@pytest.mark.asyncio
async def test_more_restarts_than_allowed_end_the_supervisor_and_its_children(
    house: House, clock: PausedClock
) -> None:
    house.spawn(house.child("a"), house.child("b"), max_restarts=2, period=10)
    boss = Probe()
    house.system.spawn(boss)
    boss.link(house.upid("supervisor"))
    # Two in any ten seconds are allowed, however many there are in all.
    for _ in range(6):
        await advance(clock, 5.1, house.system)
        assert await house.end("a") == ["-a", "+a"]
    assert await house.end("a") == ["-a", "-b"]
    ((_, reason),) = boss.exits
    assert "RestartIntensityError: more than 2 restarts in 10 s" in reason


@pytest.mark.asyncio
async def test_a_tree_hands_failures_up(house: House) -> None:
    def branch() -> Actor:
        return Supervisor([house.child("leaf")], max_restarts=0)

    house.spawn(Child("branch", branch), house.child("other"))
    await settle(house.system)
    assert await house.end("leaf") == ["-leaf", "+leaf"]
    assert house.system.hosts(house.upid("branch"))
    assert house.system.hosts(house.upid("other"))


@pytest.mark.asyncio
async def test_children_end_last_first_with_their_supervisor(house: House) -> None:
    house.spawn(*map(house.child, "abc"))
    await settle(house.system)
    house.log.clear()
    house.system.terminate(house.upid("supervisor"))
    assert await house.system.wait(house.upid("supervisor")) == NORMAL
    assert house.log == ["-c", "-b", "-a"]


@pytest.mark.asyncio
async def test_a_child_that_does_not_end_in_time_is_killed(house: House, clock: PausedClock) -> None:
    house.stuck.add("b")
    house.spawn(house.child("a"), house.child("b", shutdown=3), house.child("c"))
    await settle(house.system)
    house.log.clear()
    house.system.terminate(house.upid("supervisor"))
    await advance(clock, 2.9, house.system)
    assert house.log == ["-c"]
    await advance(clock, 0.2, house.system)
    assert house.log == ["-c", "-a"]
    assert not house.system.hosts(house.upid("supervisor"))
    assert clock.next_timer() is None


@pytest.mark.asyncio
async def test_a_supervisor_that_is_ended_in_the_middle_of_a_restart_leaves_nobody(
    house: House, clock: PausedClock
) -> None:
    house.stuck.add("c")
    house.spawn(*map(house.child, "abc"), strategy=Strategy.ONE_FOR_ALL)
    await settle(house.system)
    await house.end("a")
    house.system.terminate(house.upid("supervisor"))
    await advance(clock, 20, house.system)
    assert list(house.system.actors) == []


@pytest.mark.asyncio
async def test_the_end_of_the_system_starts_nobody_again(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.spawn(*map(house.child, "abc"), strategy=Strategy.ONE_FOR_ALL)
    await settle(house.system)
    house.log.clear()
    await house.system.close()
    assert house.log == ["-c", "-b", "-a"]
    assert caplog.text == ""


@pytest.mark.asyncio
async def test_children_that_come_and_go(house: House) -> None:
    supervisor = house.spawn(house.child("a"))
    await settle(house.system)
    upid = house.upid("supervisor")
    assert await house.system.call(upid, supervisor.start_child, house.child("b")) == house.upid("b")
    with pytest.raises(ValueError, match="'b'"):
        await house.system.call(upid, supervisor.start_child, house.child("b"))
    await settle(house.system)
    assert await house.end("b") == ["-b", "+b"]
    await house.system.call(upid, supervisor.stop_child, "a")
    with pytest.raises(KeyError):
        await house.system.call(upid, supervisor.stop_child, "a")
    assert supervisor.children == {"b": house.upid("b")}


@pytest.mark.asyncio
async def test_a_child_that_cannot_be_made_ends_the_supervisor_with_those_before_it(house: House) -> None:
    house.broken.add("b")
    boss = Probe()
    house.system.spawn(boss)
    house.spawn(*map(house.child, "abc"))
    boss.link(house.upid("supervisor"))
    await settle(house.system)
    assert house.log == ["+a", "-a"]
    assert [reason for _, reason in boss.exits] == ["error: OSError: no such thing"]


def test_what_is_no_supervisor() -> None:
    child = Child("a", Probe)
    with pytest.raises(ValueError, match="two children with the id 'a'"):
        Supervisor([child, child])
    with pytest.raises(ValueError, match="max_restarts is -1"):
        Supervisor(max_restarts=-1)
    with pytest.raises(ValueError, match="period is 0"):
        Supervisor(period=0)
