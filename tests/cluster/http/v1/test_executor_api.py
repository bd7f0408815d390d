"""The executor API: what executors hear and say, over restarts of the agent and of their connections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from actors import UPID
from cluster.agent import AgentOptions, load_key
from cluster.agent.environment import environment_of
from cluster.agent.records import ExecutorRun
from cluster.messages import (
    CheckKind,
    CheckStatusInfo,
    ExecutorToFramework,
    FrameworkToExecutor,
    KillTask,
    RunTaskGroup,
    ShutdownExecutor,
    Source,
    TaskState,
)
from isolation import Exit
from tests.cluster.agent.world import FRAMEWORK
from tests.cluster.http.v1.client import JSON, PROTOBUF, value
from tests.cluster.http.v1.executors import ExecutorClient, ServedAgent, data, status_of
from tests.cluster.world import executor, task

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[ServedAgent]:
    async with ServedAgent(tmp_path) as world:
        yield world


@pytest_asyncio.fixture(params=[JSON, PROTOBUF])
async def client(world: ServedAgent, request: pytest.FixtureRequest) -> AsyncIterator[ExecutorClient]:
    """An executor whose first task waits for it."""
    await launch(world, "t")
    async with ExecutorClient(world.url, request.param, framework_id=FRAMEWORK.id) as client:
        yield client


async def launch(world: ServedAgent, *names: str) -> None:
    await world.run(*(task(name, "cpus:0.1;mem:16", executor=executor("e")) for name in names))


async def running(world: ServedAgent, client: ExecutorClient) -> str:
    """Subscribe, and have the task run; returns its update's uuid."""
    await client.subscribe()
    await client.next("LAUNCH")
    return await client.update("t", "TASK_RUNNING")


async def test_what_it_is_told_first(world: ServedAgent, client: ExecutorClient) -> None:
    told = await client.subscribe()
    # Some clients compare these whole.
    assert told["executor_info"]["executor_id"] == value("e")
    assert told["framework_info"]["id"] == value(FRAMEWORK.id)
    assert told["agent_info"]["id"] == value("A1")
    assert told["container_id"] == value(world.machine.container("e").id)
    launched = await client.next("LAUNCH")
    assert launched["task"]["task_id"] == value("t")


async def test_a_task_from_its_launch_to_its_end(world: ServedAgent, client: ExecutorClient) -> None:
    name = await running(world, client)
    assert await client.next("ACKNOWLEDGED") == {"task_id": value("t"), "uuid": name}
    (status,) = await world.acknowledge()
    assert (status.state, status.source, status.agent_id, status.executor_id) == (
        TaskState.RUNNING,
        Source.EXECUTOR,
        "A1",
        "e",
    )
    await launch(world, "u")
    assert (await client.next("LAUNCH"))["task"]["task_id"] == value("u")
    await client.update("t", "TASK_FINISHED", data=data(b"result"), message="well")
    (status,) = await world.acknowledge()
    assert (status.task_id, status.state, status.data, status.message) == (
        "t",
        TaskState.FINISHED,
        b"result",
        "well",
    )


async def test_what_it_found_of_a_tasks_health_and_checks(world: ServedAgent, client: ExecutorClient) -> None:
    await running(world, client)
    check = {"type": "COMMAND", "command": {"exit_code": 3}}
    await client.update("t", "TASK_RUNNING", healthy=True, check_status=check)
    *_, status = await world.acknowledge()
    assert status.healthy is True
    assert status.check_status == CheckStatusInfo(CheckKind.COMMAND, exit_code=3)


async def test_messages_both_ways(world: ServedAgent, client: ExecutorClient) -> None:
    await client.subscribe()
    await world.tell(FrameworkToExecutor(FRAMEWORK.id, "A1", "e", b"ping"))
    assert await client.next("MESSAGE") == {"data": data(b"ping")}
    await client.done("MESSAGE", data=data(b"pong"))
    await world.settle()
    (message,) = world.master.take(ExecutorToFramework)
    assert (message.executor_id, message.agent_id, message.data) == ("e", "A1", b"pong")


async def test_a_kill(world: ServedAgent, client: ExecutorClient) -> None:
    await running(world, client)
    await world.tell(KillTask(FRAMEWORK.id, "t", 1.5))
    kill = await client.next("KILL")
    assert kill["task_id"] == value("t")
    assert kill["kill_policy"] == {"grace_period": {"nanoseconds": 1_500_000_000}}
    await client.update("t", "TASK_KILLED")
    assert (await world.acknowledge())[-1].state is TaskState.KILLED


async def test_a_group_comes_at_once(world: ServedAgent, client: ExecutorClient) -> None:
    await client.subscribe()
    members = tuple(task(name, "cpus:0.1;mem:16", executor=executor("e")) for name in "ab")
    await world.tell(RunTaskGroup(FRAMEWORK, executor("e"), members, "*", launch_executor=False))
    group = await client.next("LAUNCH_GROUP")
    assert [each["task_id"] for each in group["task_group"]["tasks"]] == [value("a"), value("b")]


async def test_shutdown_and_its_last_words(world: ServedAgent, client: ExecutorClient) -> None:
    await running(world, client)
    await world.tell(ShutdownExecutor(FRAMEWORK.id, "A1", "e"))
    assert await client.next("SHUTDOWN") is None
    await client.update("t", "TASK_KILLED")
    world.machine.container("e").end(Exit(code=0))
    await world.settle()
    assert [status.state for status in await world.acknowledge()] == [TaskState.RUNNING, TaskState.KILLED]


async def test_heartbeats(world: ServedAgent, client: ExecutorClient) -> None:
    await client.subscribe()
    await client.next("LAUNCH")
    await world.advance(1800)
    assert await client.record() == {"type": "HEARTBEAT"}


# Connections and agents that go.


async def test_it_comes_back_with_what_was_not_acknowledged(
    world: ServedAgent, client: ExecutorClient
) -> None:
    await running(world, client)
    client.close()
    await launch(world, "u")
    status = status_of("t", "TASK_FAILED")
    await client.subscribe(
        unacknowledged_tasks=[{"name": "t", "task_id": value("t"), "agent_id": value("A1")}],
        unacknowledged_updates=[{"status": status}],
    )
    assert (await client.next("ACKNOWLEDGED"))["uuid"] == status["uuid"]
    assert (await client.next("LAUNCH"))["task"]["task_id"] == value("u")
    assert [each.state for each in await world.acknowledge()] == [TaskState.RUNNING, TaskState.FAILED]


async def test_it_outlives_its_agent_and_names_nothing(world: ServedAgent, client: ExecutorClient) -> None:
    await running(world, client)
    await world.acknowledge()
    await world.crash()
    await world.start()
    assert world.machine.launches == ["e"]
    # As clients do that forget a task with the first acknowledgement.
    await client.subscribe(unacknowledged_tasks=[], unacknowledged_updates=[])
    assert await world.acknowledge() == []
    await client.update("t", "TASK_FINISHED")
    assert [each.state for each in await world.acknowledge()] == [TaskState.FINISHED]


async def test_one_that_does_not_come_back_is_destroyed(world: ServedAgent, client: ExecutorClient) -> None:
    await running(world, client)
    await world.acknowledge()
    client.close()
    while world.agent.state.runs[FRAMEWORK.id, "e"].upid is not None:
        await world.settle()
    await world.advance(19.9)
    assert await world.acknowledge() == []
    await world.advance(0.2)
    assert [each.state for each in await world.acknowledge()] == [TaskState.FAILED]


async def test_the_last_to_subscribe_is_the_executor(world: ServedAgent, client: ExecutorClient) -> None:
    await running(world, client)
    async with ExecutorClient(world.url, framework_id=FRAMEWORK.id) as again:
        await again.subscribe(
            unacknowledged_tasks=[{"name": "t", "task_id": value("t"), "agent_id": value("A1")}]
        )
        assert [event["type"] for event in await client.end()] == ["ACKNOWLEDGED"]
        await again.update("t", "TASK_FINISHED")
        assert [each.state for each in await world.acknowledge()] == [TaskState.RUNNING, TaskState.FINISHED]


async def test_one_that_is_to_end_is_told_so(world: ServedAgent, client: ExecutorClient) -> None:
    world.machine.deaf = True
    await world.tell(ShutdownExecutor(FRAMEWORK.id, "A1", "e"))
    await client.begin()
    assert await client.end() == [{"type": "SHUTDOWN"}]


async def test_one_that_does_not_read_is_cut_off(tmp_path: Path) -> None:
    async with ServedAgent(tmp_path, max_waiting=1000) as world:
        await launch(world, "t")
        async with ExecutorClient(world.url, framework_id=FRAMEWORK.id) as client:
            await client.begin()
            run = world.agent.state.runs[FRAMEWORK.id, "e"]
            for _ in range(10_000):
                if run.upid is None:
                    break
                await world.tell(FrameworkToExecutor(FRAMEWORK.id, "A1", "e", bytes(1 << 16)))
            assert run.upid is None


# Bad calls.


@pytest.mark.parametrize(
    ("call", "status", "text"),
    [
        ({"framework_id": value("F1x")}, 400, "framework_id: framework 'F1x' has nothing here"),
        (
            {"executor_id": value("x")},
            400,
            f"executor_id: framework {FRAMEWORK.id!r} has no executor 'x' here",
        ),
        ({"executor_id": value("command")}, 400, "executor_id: 'command' is run by the agent itself"),
        ({"type": "SHUTDOWN"}, 400, "type is missing, or not known"),
        ({"type": None}, 400, "type is missing, or not known"),
        ({"type": "MESSAGE"}, 403, "executor_id: executor 'e' is not subscribed"),
        ({"framework_id": None}, 400, "framework_id is missing"),
        (
            {"type": "SUBSCRIBE", "subscribe": {"unacknowledged_updates": [{}]}},
            400,
            "subscribe.unacknowledged",
        ),
    ],
)
async def test_a_bad_call(world: ServedAgent, call: dict[str, Any], status: int, text: str) -> None:
    await launch(world, "t")
    await world.run("command")
    async with ExecutorClient(world.url, framework_id=FRAMEWORK.id) as client:
        whole = {"type": "SUBSCRIBE", **client.ids, **call}
        answered, answer = await client.send(whole)
        assert (answered, answer[: len(text)]) == (status, text)


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({}, "update is missing, though the type is UPDATE"),
        ({"status": {"task_id": value("t")}}, "update.status.state is missing"),
        ({"status": {**status_of("t", "TASK_RUNNING"), "uuid": None}}, "update.status.uuid is missing"),
        (
            {"status": {**status_of("t", "TASK_RUNNING"), "source": "SOURCE_MASTER"}},
            "update.status.source is",
        ),
    ],
)
async def test_a_bad_update(world: ServedAgent, part: dict[str, Any], text: str) -> None:
    await launch(world, "t")
    async with ExecutorClient(world.url, framework_id=FRAMEWORK.id) as client:
        await client.subscribe()
        status, answer = await client.call("UPDATE", **part)
        assert (status, answer[: len(text)]) == (400, text)
        # Nothing was taken, and it is still there.
        await client.update("t", "TASK_RUNNING")


async def test_bodies_that_are_none(world: ServedAgent) -> None:
    await launch(world, "t")
    async with ExecutorClient(world.url, framework_id=FRAMEWORK.id) as client:
        assert (await client.send(b'{"type": "SUBSC'))[0] == 400
        assert (await client.send(b"{}", **{"Content-Type": "text/plain"}))[0] == 415
        call = {"type": "SUBSCRIBE", **client.ids}
        assert (await client.send(call, Accept="text/html"))[0] == 406


# Who it is.


async def test_a_token_that_is_given_must_be_its_own(world: ServedAgent) -> None:
    await launch(world, "t")
    await world.run(task("other", "cpus:0.1;mem:16", executor=executor("e2")))
    async with ExecutorClient(world.url, framework_id=FRAMEWORK.id) as client:
        tokens = [
            world.machine.container(name).spec.env["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"]
            for name in ("e2", "e")
        ]
        call = {"type": "SUBSCRIBE", **client.ids}
        status, text = await client.send(call, Authorization=f"Bearer {tokens[0]}")
        assert (status, text) == (401, "the token is not that of this executor")
        client.headers = {"Authorization": f"Bearer {tokens[1]}"}
        await client.subscribe()


async def test_tokens_can_be_demanded_and_outlive_the_agent(tmp_path: Path) -> None:
    async with ServedAgent(tmp_path, AgentOptions(authenticate_executors=True)) as world:
        await launch(world, "t")
        async with ExecutorClient(world.url, framework_id=FRAMEWORK.id) as client:
            status, _ = await client.send({"type": "SUBSCRIBE", **client.ids})
            assert status == 401
            token = world.machine.container("e").spec.env["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"]
            client.headers = {"Authorization": f"Bearer {token}"}
            await client.subscribe()
            await world.crash()
            await world.start()
            await client.subscribe()


# What its process is told.


async def test_the_environment(world: ServedAgent) -> None:
    await launch(world, "t")
    environment = world.machine.container("e").spec.env
    assert environment["MESOS_FRAMEWORK_ID"] == FRAMEWORK.id
    assert environment["MESOS_EXECUTOR_ID"] == "e"
    assert environment["MESOS_SLAVE_ID"] == "A1"
    host, _, port = environment["MESOS_AGENT_ENDPOINT"].rpartition(":")
    assert (host, int(port)) == (world.agent.upid.host, world.agent.upid.port)
    assert environment["MESOS_SLAVE_PID"] == f"slave(1)@{environment['MESOS_AGENT_ENDPOINT']}"
    assert environment["MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"] == "5secs"
    assert environment["MESOS_CHECKPOINT"] == "1"
    assert environment["MESOS_RECOVERY_TIMEOUT"] == "900secs"
    assert environment["MESOS_SUBSCRIPTION_BACKOFF_MAX"] == "2secs"
    assert environment["MESOS_SANDBOX"] == environment["MESOS_DIRECTORY"] == environment["HOME"]
    await world.run("command")
    environment = world.machine.container("command").spec.env
    assert environment["MESOS_TASK_ID"] == "command"
    assert "MESOS_EXECUTOR_AUTHENTICATION_TOKEN" not in environment


async def test_checkpoint_is_not_in_the_environment_where_nothing_is_kept(tmp_path: Path) -> None:
    run = ExecutorRun(FRAMEWORK, "e", "*", "c", executor("e").command, executor("e"))
    agent = UPID("agent", "127.0.0.1", 5051)
    environment = environment_of(
        run, "A1", agent, AgentOptions(), sandbox=tmp_path, checkpoint=False, token="x"
    )
    # There are executors that take MESOS_CHECKPOINT=0 for yes.
    assert not [name for name in environment if "CHECKPOINT" in name]
    assert environment["OSTROM_RECOVERY_TIMEOUT"] == "0"


async def test_the_key_is_kept_for_nobody_else_to_read(tmp_path: Path) -> None:
    path = tmp_path / "meta" / "executors.key"
    key = load_key(path)
    assert len(key) == 32
    assert load_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    # Half of a key, as of a disk that was full, is none.
    path.write_bytes(key[:5])
    assert len(load_key(path)) == 32
