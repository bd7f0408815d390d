"""The executor library against an agent that says what the test wants."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import pytest

from actors import UPID, Actor, ActorSystem, Message, PausedClock
from actors.testing import settle
from cluster.executor import Executor, ExecutorDriver
from cluster.messages import (
    AgentInfo,
    ExecutorAcknowledgement,
    ExecutorInfo,
    ExecutorRegistered,
    ExecutorStatusUpdate,
    FrameworkInfo,
    LaunchTask,
    ReconnectExecutor,
    RegisterExecutor,
    TaskInfo,
    TaskState,
)
from cluster.resources import Resources

M = TypeVar("M", bound=Message)


class Agent(Actor):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.inbox: list[Message] = []

    def unhandled(self, message: Message, sender: UPID | None) -> None:
        self.inbox.append(message)

    def take(self, kind: type[M]) -> list[M]:
        taken = [message for message in self.inbox if isinstance(message, kind)]
        self.inbox = [message for message in self.inbox if not isinstance(message, kind)]
        return taken


class Held(Executor):
    """Its task ends when the test says so."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def run(self, task: TaskInfo) -> bytes | None:
        await self.gate.wait()
        return b"done"


REGISTERED = ExecutorRegistered(
    ExecutorInfo("x"), FrameworkInfo("f", id="F1"), AgentInfo("host", Resources.of(cpus=1))
)


@pytest.mark.asyncio
async def test_what_happens_while_a_new_agent_is_asked_is_told_once_it_answers() -> None:
    """Found by the campaign (seed 11992): the end of a task was kept for ever by its executor."""
    async with ActorSystem(clock=PausedClock()) as system:
        first, second, executor = Agent(), Agent(), Held()
        one, other = system.spawn(first, "agent"), system.spawn(second, "agent-again")
        driver = system.spawn(ExecutorDriver(executor, one, "F1", "x", "C", 900.0), "executor")

        async def say(sender: UPID, message: Message) -> None:
            system.send(driver, message, sender)
            await settle(system)

        await settle(system)
        await say(one, REGISTERED)
        await say(one, LaunchTask(TaskInfo("t", Resources.of(cpus=1))))
        (running,) = first.take(ExecutorStatusUpdate)
        assert running.status.state is TaskState.RUNNING
        await say(one, ExecutorAcknowledgement("t", running.status.uuid))
        system.terminate(one)
        await settle(system)
        await say(other, ReconnectExecutor("C"))
        (register,) = second.take(RegisterExecutor)
        assert (register.tasks, register.updates) == (("t",), ())
        executor.gate.set()
        await settle(system)
        assert second.inbox == []
        await say(other, REGISTERED)
        (finished,) = second.take(ExecutorStatusUpdate)
        assert finished.status.state is TaskState.FINISHED
        # Not with each answer; but with each registration, until it is on the agent's disk.
        await say(other, REGISTERED)
        assert second.take(ExecutorStatusUpdate) == []
        await say(other, ReconnectExecutor("C"))
        (register,) = second.take(RegisterExecutor)
        assert [status.uuid for status in register.updates] == [finished.status.uuid]
        await say(other, REGISTERED)
        assert second.take(ExecutorStatusUpdate) == []
        await say(other, ExecutorAcknowledgement("t", finished.status.uuid))
        await say(other, ReconnectExecutor("C"))
        (register,) = second.take(RegisterExecutor)
        assert (register.tasks, register.updates) == ((), ())
