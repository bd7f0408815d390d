"""Tasks that are looked after while they run: health checks, checks, and URIs fetched before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cluster.messages import (
    URI,
    Capability,
    Check,
    CheckKind,
    CheckStatusInfo,
    CommandCheck,
    CommandInfo,
    FrameworkInfo,
    HealthCheck,
    KillTask,
    Reason,
    RunTask,
    TaskState,
    TCPCheck,
)
from isolation import Exit
from tests.cluster.agent.world import AgentWorld, FakeContainer
from tests.cluster.world import task

pytestmark = pytest.mark.asyncio
COMMAND = CommandCheck("looks-well")


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[AgentWorld]:
    async with AgentWorld(tmp_path / "work") as world:
        yield world


def probe(world: AgentWorld) -> FakeContainer:
    """The check's command that runs now."""
    (found,) = [c for c in world.machine.containers.values() if ".check" in c.id and not c.ended]
    return found


async def look(world: AgentWorld, code: int) -> None:
    """The next check is made, and its command ends so."""
    await world.advance(10.0)
    probe(world).end(Exit(code=code))
    await world.settle()


def main_container(world: AgentWorld) -> FakeContainer:
    (found,) = [c for c in world.machine.containers.values() if ".check" not in c.id]
    return found


async def test_a_task_that_is_not_well_is_ended(world: AgentWorld) -> None:
    check = HealthCheck(command=COMMAND, delay_seconds=0.0, grace_period_seconds=0.0)
    await world.run(task("t", health_check=check))
    await world.acknowledge()
    await look(world, 0)
    (well,) = await world.acknowledge()
    assert (well.state, well.healthy) == (TaskState.RUNNING, True)
    assert well.reason is Reason.TASK_HEALTH_CHECK_STATUS_UPDATED
    statuses = []
    for _ in range(3):
        await look(world, 1)
        statuses += await world.acknowledge()
    assert [(s.state, s.healthy) for s in statuses] == [
        *[(TaskState.RUNNING, False)] * 3,
        (TaskState.KILLED, False),
    ]
    assert statuses[-1].reason is Reason.TASK_HEALTH_CHECK_STATUS_UPDATED
    assert "not healthy" in statuses[-1].message
    assert world.machine.containers == {}


async def test_a_check_tells_and_ends_nothing(world: AgentWorld) -> None:
    await world.run(task("t", check=Check(command=COMMAND, delay_seconds=0.0)))
    await world.acknowledge()
    statuses = []
    for code in (7, 7, 0):
        await look(world, code)
        statuses += await world.acknowledge()
    assert [s.check_status for s in statuses] == [
        CheckStatusInfo(CheckKind.COMMAND, exit_code=7),
        CheckStatusInfo(CheckKind.COMMAND, exit_code=0),
    ]
    assert not main_container(world).ended
    main_container(world).end(Exit(code=0))
    await world.settle()
    (last,) = await world.acknowledge()
    # The end says what was known last.
    assert last.check_status == CheckStatusInfo(CheckKind.COMMAND, exit_code=0)


async def test_a_check_that_is_none_fails_its_task_and_nothing_else(world: AgentWorld) -> None:
    await world.run(task("t", health_check=HealthCheck(tcp=TCPCheck(0))), "other")
    await world.settle()
    statuses = {s.task_id: s for s in await world.acknowledge()}
    assert (statuses["t"].state, statuses["t"].reason) == (TaskState.ERROR, Reason.TASK_INVALID)
    assert "port is 0" in statuses["t"].message
    assert statuses["other"].state is TaskState.RUNNING


async def test_a_check_has_the_environment_of_its_task(world: AgentWorld) -> None:
    command = CommandInfo("true", environment={"A": "task", "B": "task"})
    check = Check(command=CommandCheck("look", environment={"B": "check"}), delay_seconds=0.0)
    await world.run(task("t", command=command, check=check))
    await world.advance(10.0)
    spec = probe(world).spec
    assert (spec.env["A"], spec.env["B"]) == ("task", "check")
    assert spec.cwd == main_container(world).spec.cwd
    assert spec.argv == ("/bin/sh", "-c", "look")


async def test_checks_end_with_their_task(world: AgentWorld) -> None:
    await world.run(task("t", check=Check(command=COMMAND, delay_seconds=0.0)))
    await world.advance(10.0)
    under_way = probe(world)
    main_container(world).end(Exit(code=0))
    await world.settle()
    assert under_way.ended
    await world.advance(60.0)
    assert world.machine.containers == {}


async def test_checks_go_on_after_a_restart(world: AgentWorld) -> None:
    await world.run(task("t", check=Check(command=COMMAND, delay_seconds=0.0)))
    await look(world, 0)
    await world.acknowledge()
    await world.crash()
    await world.start()
    await world.advance(0.1)
    probe(world).end(Exit(code=0))
    await world.settle()
    # The same as was told before: no news.
    assert await world.acknowledge() == []


async def test_a_kill_is_told_to_those_who_know_the_state(world: AgentWorld) -> None:
    world.machine.deaf = True
    framework = FrameworkInfo("f", id="F1", capabilities=(Capability.TASK_KILLING_STATE,))
    await world.tell(RunTask(framework, task("t"), "*"))
    await world.tell(KillTask("F1", "t", 5.0))
    await world.tell(KillTask("F1", "t", 3.0))
    await world.advance(3.1)
    states = [status.state for status in await world.acknowledge()]
    assert states == [TaskState.RUNNING, TaskState.KILLING, TaskState.KILLED]


async def test_uris_are_there_before_the_command_runs(world: AgentWorld, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("hello")
    command = CommandInfo("true", uris=(URI(str(tmp_path / "data"), output_file="input"),))
    await world.run(task("t", command=command))
    await until(lambda: world.machine.launches)
    await world.settle()
    assert (main_container(world).spec.cwd / "input").read_text() == "hello"


async def test_what_cannot_be_fetched_is_a_task_that_failed(world: AgentWorld, tmp_path: Path) -> None:
    command = CommandInfo("true", uris=(URI(str(tmp_path / "nothing")),))
    await world.run(task("t", command=command))
    await until(lambda: world.agent.state.runs == {})
    await world.settle()
    (status,) = await world.acknowledge()
    assert (status.state, status.reason) == (TaskState.FAILED, Reason.CONTAINER_LAUNCH_FAILED)
    assert str(tmp_path / "nothing") in status.message
    assert world.machine.launches == []


async def test_a_task_is_killed_while_its_uris_are_fetched(world: AgentWorld) -> None:
    accepted, closed = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        await reader.read()
        writer.close()
        closed.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        command = CommandInfo("true", uris=(URI(f"http://127.0.0.1:{port}/never"),))
        await world.run(task("t", command=command))
        await accepted.wait()
        await world.tell(KillTask("F1", "t"))
        await until(lambda: world.agent.state.runs == {})
        await world.settle()
        (status,) = await world.acknowledge()
        assert status.state is TaskState.KILLED
        assert world.machine.launches == []
        await closed.wait()


async def until(condition: object) -> None:
    """Wait for threads and sockets; the test's own time limit bounds it."""
    assert callable(condition)
    while not condition():
        await asyncio.sleep(0.001)
