"""Containers beside a task, by the operator API of its agent: launched, waited for, killed, removed, spoken with."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from actors.slow_bodies import STALL
from cluster.messages import TaskState
from tests.cluster.http.v1.agents import OperatorClient, RealAgent, child, shell
from tests.cluster.http.v1.client import JSON, PROTOBUF
from tests.system.harness import eventually, processes_with

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[RealAgent]:
    async with asyncio.timeout(60), RealAgent(tmp_path / "work") as world:
        yield world


@pytest_asyncio.fixture(params=[JSON, PROTOBUF])
async def client(world: RealAgent, request: pytest.FixtureRequest) -> AsyncIterator[OperatorClient]:
    async with OperatorClient(world.url, request.param) as client:
        yield client


@pytest_asyncio.fixture
async def parent(world: RealAgent) -> str:
    return await world.running("echo $TASKS >&2; exec sleep 1000")


async def ended(client: OperatorClient, container_id: Any, kind: str = "WAIT_NESTED_CONTAINER") -> int:
    """The status that wait(2) has for it."""
    status: int = (await client.get(kind, container_id=container_id))["exit_status"]
    return status


async def test_from_its_launch_to_its_removal(world: RealAgent, client: OperatorClient, parent: str) -> None:
    one = child(parent, "one")
    line = "echo $A in $PWD; echo wrong >&2; exit 3"
    variables = [{"name": "A", "type": "VALUE", "value": "a"}]
    await client.done(
        "LAUNCH_NESTED_CONTAINER", container_id=one, command=shell(line, environment={"variables": variables})
    )
    assert await ended(client, one) == 3 << 8
    # As often as one asks.
    assert await ended(client, one) == 3 << 8
    box = world.sandbox() / "containers" / "one"
    assert (box / "stdout").read_text() == f"a in {box}\n"
    assert (box / "stderr").read_text() == "wrong\n"
    # Whoever asks for the same again has it.
    launched = await client.call("LAUNCH_NESTED_CONTAINER", container_id=one, command=shell("true"))
    assert launched == (202, "")
    assert (await client.call("KILL_NESTED_CONTAINER", container_id=one))[0] == 404
    await client.done("REMOVE_NESTED_CONTAINER", container_id=one)
    assert not box.exists()
    assert (await client.call("WAIT_NESTED_CONTAINER", container_id=one))[0] == 404
    await client.done("REMOVE_NESTED_CONTAINER", container_id=one)
    await client.done("LAUNCH_NESTED_CONTAINER", container_id=one, command=shell("true"))
    assert await ended(client, one) == 0


async def test_signals(client: OperatorClient, parent: str) -> None:
    for name, number in (("default", None), ("term", signal.SIGTERM), ("kill", signal.SIGKILL)):
        one = child(parent, name)
        await client.done("LAUNCH_NESTED_CONTAINER", container_id=one, command=shell("exec sleep 1000"))
        assert (await client.call("REMOVE_NESTED_CONTAINER", container_id=one))[0] == 409
        more = {} if number is None else {"signal": int(number)}
        await client.done("KILL_NESTED_CONTAINER", container_id=one, **more)
        assert await ended(client, one) == (number or signal.SIGKILL)
    wrong = await client.call("KILL_NESTED_CONTAINER", container_id=child(parent, "x"), signal=1)
    assert wrong[0] == 404
    await client.done("LAUNCH_NESTED_CONTAINER", container_id=child(parent, "x"), command=shell("sleep 1000"))
    status, text = await client.call("KILL_NESTED_CONTAINER", container_id=child(parent, "x"), signal=999)
    assert (status, text) == (400, "kill_nested_container.signal: 999 is no signal of this system")


async def test_it_ends_with_its_parent(world: RealAgent, client: OperatorClient, tmp_path: Path) -> None:
    go = tmp_path / "go"
    marker = str(tmp_path / "marker")
    parent = await world.running(f"until test -e {go}; do sleep 0.02; done")
    below = child(parent, "one"), child(parent, "one", "two"), child(parent, "one", "two", "three")
    for each in below:
        await client.done(
            "LAUNCH_NESTED_CONTAINER", container_id=each, command=shell(f"MARKER={marker} exec sleep 1000")
        )
    listed = await client.get("GET_CONTAINERS", show_nested=True)
    assert len(listed["containers"]) == 4
    waiting = [asyncio.ensure_future(ended(client, each)) for each in below]
    await eventually(lambda: len(processes_with(marker)) == 3)
    go.touch()
    assert await asyncio.gather(*waiting) == [signal.SIGKILL] * 3
    await world.until("t", TaskState.FINISHED)
    # Nothing is left of them when the task's end is told.
    assert processes_with(marker) == []
    assert (await client.call("WAIT_NESTED_CONTAINER", container_id=below[0]))[0] == 404
    assert (await client.get("GET_CONTAINERS", show_nested=True)).get("containers", []) == []


async def test_a_nested_one_ends_with_its_own_parent(client: OperatorClient, parent: str) -> None:
    one, two = child(parent, "one"), child(parent, "one", "two")
    for each in (one, two):
        await client.done("LAUNCH_NESTED_CONTAINER", container_id=each, command=shell("sleep 1000"))
    await client.done("KILL_NESTED_CONTAINER", container_id=one)
    assert await ended(client, two) == signal.SIGKILL
    assert await ended(client, one) == signal.SIGKILL
    launched = await client.call(
        "LAUNCH_NESTED_CONTAINER", container_id=child(parent, "one", "more"), command=shell("true")
    )
    assert launched == (409, f"container '{parent}.one' does not run")


@pytest.mark.parametrize(
    ("part", "status", "text"),
    [
        ({}, 400, "launch_nested_container.command is missing"),
        (
            {"container_id": {"value": "x"}, "command": shell("true")},
            400,
            "launch_nested_container.container_id.parent is missing",
        ),
        (
            {"container_id": child("PARENT", "a.b"), "command": shell("true")},
            400,
            "launch_nested_container.container_id: 'a.b' does not consist of letters, digits, - and _",
        ),
        (
            {"container_id": child("PARENT", "x" * 300), "command": shell("true")},
            400,
            "launch_nested_container.container_id: it has 333 characters with those of its parents,"
            " and can have 192",
        ),
        ({"container_id": child("no", "x"), "command": shell("true")}, 404, "container 'no' is not here"),
        (
            {"container_id": child("PARENT", "no", "x"), "command": shell("true")},
            404,
            "container 'PARENT.no' is not here",
        ),
        (
            {"command": shell("", shell=False, arguments=["a"])},
            400,
            "launch_nested_container: ContainerSpec.argv: ",
        ),
        (
            {"command": shell("/no/such", shell=False)},
            400,
            "launch_nested_container: ",
        ),
        (
            {"command": shell("true", user="other")},
            400,
            "launch_nested_container.command.user is 'other': ",
        ),
        (
            {"command": shell("true"), "container": {"type": "DOCKER"}},
            400,
            "launch_nested_container.container.docker: there are no Docker containers here",
        ),
        (
            {"command": shell("true", uris=[{"value": "/no/such/file"}])},
            400,
            "launch_nested_container: ",
        ),
    ],
)
async def test_what_cannot_be_launched(
    client: OperatorClient, parent: str, part: dict[str, Any], status: int, text: str
) -> None:
    def named(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: named(each) for key, each in value.items()}
        return parent if value == "PARENT" else value

    found = await client.call(
        "LAUNCH_NESTED_CONTAINER", **{"container_id": child(parent, "x"), **named(part)}
    )
    assert found[0] == status, found
    assert found[1].startswith(text.replace("PARENT", parent)), found
    assert (await client.call("WAIT_NESTED_CONTAINER", container_id=child(parent, "x")))[0] == 404


async def test_a_session(world: RealAgent, client: OperatorClient, parent: str) -> None:
    one = child(parent, "one")
    line = "echo out in $PWD; echo $MESOS_TASK_ID of $MESOS_EXECUTOR_AUTHENTICATION_TOKEN. >&2; exit 5"
    async with client.output(
        "LAUNCH_NESTED_CONTAINER_SESSION", container_id=one, command=shell(line)
    ) as output:
        assert await output.all() == {
            "STDOUT": f"out in {world.sandbox()}\n".encode(),
            "STDERR": b"t of .\n",
        }
    assert await ended(client, one) == 5 << 8
    # The task's own files have nothing of it.
    assert (world.sandbox() / "stdout").read_text() == ""
    await client.done("REMOVE_NESTED_CONTAINER", container_id=one)
    assert world.sandbox().exists()


async def test_a_session_that_echoes_its_input(client: OperatorClient, parent: str) -> None:
    """What `exec` of command lines is made of: input attached to, output of the session and of another who looks on."""
    one = child(parent, "one")
    async with (
        client.output("LAUNCH_NESTED_CONTAINER_SESSION", container_id=one, command=shell("cat")) as output,
        client.output("ATTACH_CONTAINER_OUTPUT", container_id=one) as second,
    ):
        heartbeat = {
            "type": "CONTROL",
            "control": {"type": "HEARTBEAT", "heartbeat": {"interval": {"nanoseconds": 10**9}}},
        }
        assert await client.feed(one, b"first\n", heartbeat, b"second\n") == (200, "")
        await output.until(b"first\nsecond\n")
        await second.until(b"first\nsecond\n")
        # The end of a request is not that of the input: that is said by data without any.
        assert await client.feed(one, b"third\n", b"") == (200, "")
        assert (await output.all())["STDOUT"] == b"first\nsecond\nthird\n"
        assert (await second.all())["STDOUT"] == b"first\nsecond\nthird\n"
    assert await ended(client, one) == 0


async def test_a_session_ends_when_its_client_hangs_up(
    world: RealAgent, client: OperatorClient, parent: str, tmp_path: Path
) -> None:
    one, marker = child(parent, "one"), str(tmp_path / "marker")
    line = f"echo ready; trap '' TERM HUP INT PIPE; MARKER={marker} sleep 1000"
    async with client.output(
        "LAUNCH_NESTED_CONTAINER_SESSION", container_id=one, command=shell(line)
    ) as output:
        await output.until(b"ready")
        await eventually(lambda: processes_with(marker))
    assert await ended(client, one) == signal.SIGKILL
    assert processes_with(marker) == []
    assert list((world.work_dir / "streams").iterdir()) == []


async def test_a_client_that_does_not_read_holds_the_process_up(
    client: OperatorClient, parent: str, tmp_path: Path
) -> None:
    one, count = child(parent, "one"), tmp_path / "count"
    # Counts what it could write, in pieces of 64 KiB, 20 MiB in all.
    line = f"i=0; while test $i -lt 320; do head -c 65536 /dev/zero; i=$((i+1)); echo $i >{count}; done"

    def written() -> int:
        text = count.read_text() if count.exists() else ""
        return int(text or 0)

    async with client.output(
        "LAUNCH_NESTED_CONTAINER_SESSION", container_id=one, command=shell(line)
    ) as output:
        # It is held up when nothing more comes for a while, which only time can tell.
        before = -1
        while (now := written()) != before or not now:
            before = now
            await asyncio.sleep(0.3)
        assert now < 200, "all of it went somewhere"
        got = await output.all()
        assert got["STDOUT"] == bytes(320 * 65536)
    assert written() == 320


async def test_a_terminal(client: OperatorClient, parent: str) -> None:
    one = child(parent, "one")
    container = {"type": "MESOS", "tty_info": {"window_size": {"rows": 11, "columns": 22}}}
    line = "stty size; test -t 0 && test -t 1 && test -t 2 && echo ready; trap 'stty size' WINCH"
    line += '; while :; do read a; test "$a" = quit && exit 9; done'
    async with client.output(
        "LAUNCH_NESTED_CONTAINER_SESSION", container_id=one, command=shell(line), container=container
    ) as output:
        await output.until(b"11 22\r\nready\r\n")
        window = {"window_size": {"rows": 33, "columns": 44}}
        assert await client.feed(
            one, {"type": "CONTROL", "control": {"type": "TTY_INFO", "tty_info": window}}, b"typed\n"
        ) == (200, "")
        await output.until(b"33 44\r\n")
        await output.until(b"typed")
        assert output.got["STDERR"] == b""
        assert await client.feed(one, b"quit\n") == (200, "")
        await output.all()
    assert await ended(client, one) == 9 << 8


async def test_a_terminal_without_a_session(world: RealAgent, client: OperatorClient, parent: str) -> None:
    one = child(parent, "one")
    await client.done(
        "LAUNCH_NESTED_CONTAINER",
        container_id=one,
        command=shell("read word; echo got $word"),
        container={"type": "MESOS", "tty_info": {}},
    )
    async with client.output("ATTACH_CONTAINER_OUTPUT", container_id=one) as output:
        assert await client.feed(one, b"it\n") == (200, "")
        assert b"got it\r\n" in (await output.all())["STDOUT"]
    assert await ended(client, one) == 0
    # There is a record of it, too.
    assert b"got it" in (world.sandbox() / "containers" / "one" / "stdout").read_bytes()


async def test_the_output_of_a_task_and_of_a_container_without_streams(
    world: RealAgent, client: OperatorClient, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    line = f"echo before; until test -e {go}; do sleep 0.02; done; echo after; echo wrong >&2"
    parent = await world.running(f"{line}; until test -e {go}.too; do sleep 0.02; done")
    one = child(parent, "one")
    await eventually(lambda: (world.sandbox() / "stdout").read_text())
    await client.done("LAUNCH_NESTED_CONTAINER", container_id=one, command=shell(line))
    await eventually(lambda: (world.sandbox() / "containers" / "one" / "stdout").read_text())
    assert (await client.feed(one, b"x"))[0] == 400
    assert (await client.feed({"value": parent}, b"x"))[0] == 400
    async with (
        client.output("ATTACH_CONTAINER_OUTPUT", container_id=one) as output,
        client.output("ATTACH_CONTAINER_OUTPUT", container_id={"value": parent}) as tasks,
    ):
        go.touch()
        expected = {"STDOUT": b"after\n", "STDERR": b"wrong\n"}
        assert await world.while_time_runs(output.all()) == expected
        Path(f"{go}.too").touch()
        assert await world.while_time_runs(tasks.all()) == expected


async def test_heartbeats(world: RealAgent, client: OperatorClient, parent: str) -> None:
    one = child(parent, "one")
    async with client.output(
        "LAUNCH_NESTED_CONTAINER_SESSION", container_id=one, command=shell("echo ready; cat")
    ) as output:
        await output.until(b"ready")
        await world.advance(30)
        await output.piece()
        assert output.controls == [
            {"type": "HEARTBEAT", "heartbeat": {"interval": {"nanoseconds": 30 * 10**9}}}
        ]


async def test_one_input_at_a_time(client: OperatorClient, parent: str) -> None:
    one, over = child(parent, "one"), asyncio.Event()
    async with client.output(
        "LAUNCH_NESTED_CONTAINER_SESSION", container_id=one, command=shell("cat")
    ) as output:
        first = asyncio.ensure_future(client.feed(one, b"first", wait=over))
        await output.until(b"first")
        assert (await client.feed(one, b"second"))[0] == 409
        over.set()
        assert await first == (200, "")
        assert (await client.feed(one, b"third"))[0] == 200
        await output.until(b"firstthird")


async def test_an_input_may_be_silent_for_long(world: RealAgent, client: OperatorClient, parent: str) -> None:
    one, over = child(parent, "one"), asyncio.Event()
    async with client.output(
        "LAUNCH_NESTED_CONTAINER_SESSION", container_id=one, command=shell("cat")
    ) as output:
        feeding = asyncio.ensure_future(client.feed(one, b"first", wait=over))
        await output.until(b"first")
        await world.advance(3 * STALL)
        over.set()
        assert await feeding == (200, "")


async def test_an_input_that_outlasts_its_container(client: OperatorClient, parent: str) -> None:
    one = child(parent, "one")
    async with client.output(
        "LAUNCH_NESTED_CONTAINER_SESSION", container_id=one, command=shell("read a; exit 7")
    ) as output:
        # The body does not end by itself: the answer comes nevertheless.
        assert await client.feed(one, b"go\n", wait=asyncio.Event()) == (200, "")
        await output.all()
    assert await ended(client, one) == 7 << 8


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"type": "DATA", "data": {"type": "STDOUT", "data": ""}}, "data.type is STDOUT, must be STDIN"),
        ({"type": "DATA"}, "type is DATA, must be DATA or CONTROL, with what it says"),
        ({"type": "DATA", "data": {"type": "STDIN"}}, "data.data is missing"),
        (
            {"type": "CONTROL", "control": {"type": "TTY_INFO", "tty_info": {}}},
            "control.tty_info.window_size is",
        ),
        (
            {
                "type": "CONTROL",
                "control": {"type": "TTY_INFO", "tty_info": {"window_size": {"rows": 1, "columns": 2}}},
            },
            "control.tty_info: the container has no terminal",
        ),
        (
            {
                "type": "CONTROL",
                "control": {"type": "TTY_INFO", "tty_info": {"window_size": {"rows": 1, "columns": 65536}}},
            },
            "control.tty_info.window_size is 1 by 65536, at most 65535 are possible",
        ),
    ],
)
async def test_input_that_is_none(
    client: OperatorClient, parent: str, message: dict[str, Any], text: str
) -> None:
    one = child(parent, "one")
    async with client.output(
        "LAUNCH_NESTED_CONTAINER_SESSION", container_id=one, command=shell("cat")
    ) as output:
        status, found = await client.feed(one, message)
        assert (status, found[: len(text) + 34]) == (400, f"attach_container_input.process_io.{text}")
        # The process is as it was.
        assert await client.feed(one, b"fine", b"") == (200, "")
        assert (await output.all())["STDOUT"] == b"fine"


async def test_a_session_of_an_id_that_is_taken(client: OperatorClient, parent: str) -> None:
    one = child(parent, "one")
    await client.done("LAUNCH_NESTED_CONTAINER", container_id=one, command=shell("sleep 1000"))
    async with client.output(
        "LAUNCH_NESTED_CONTAINER_SESSION", container_id=one, command=shell("true")
    ) as output:
        assert (await output.refused())[0] == 409


async def test_standalone_containers(world: RealAgent, client: OperatorClient, tmp_path: Path) -> None:
    go = tmp_path / "go"
    line = f"echo $PWD; until test -e {go}; do sleep 0.02; done; exit 4"
    await client.done("LAUNCH_CONTAINER", container_id={"value": "alone"}, command=shell(line))
    await client.done("LAUNCH_CONTAINER", container_id=child("alone", "below"), command=shell("sleep 1000"))
    assert (await client.get("GET_CONTAINERS")).get("containers", []) == []
    listed = await client.get("GET_CONTAINERS", show_standalone=True, show_nested=True)
    assert [each["container_id"] for each in listed["containers"]] == [
        {"value": "alone"},
        child("alone", "below"),
    ]
    await world.crash()
    await world.start()
    go.touch()
    assert await ended(client, {"value": "alone"}, "WAIT_CONTAINER") == 4 << 8
    assert await ended(client, child("alone", "below"), "WAIT_CONTAINER") == signal.SIGKILL
    box = world.work_dir / "containers" / "alone"
    assert (box / "stdout").read_text() == f"{box}\n"
    await client.done("REMOVE_CONTAINER", container_id={"value": "alone"})
    assert not box.exists()
    assert (await client.call("KILL_CONTAINER", container_id={"value": "alone"}))[0] == 404


async def test_another_process_of_the_agent_finds_nested_containers(
    world: RealAgent, client: OperatorClient, parent: str, tmp_path: Path
) -> None:
    """Those that run and those that ended meanwhile; sessions end with the agent's process."""
    go, marker = tmp_path / "go", str(tmp_path / "marker")
    wait = f"until test -e {go}; do sleep 0.02; done"
    runs, ends, session = child(parent, "runs"), child(parent, "ends"), child(parent, "session")
    below = child(parent, "runs", "below")
    await client.done(
        "LAUNCH_NESTED_CONTAINER", container_id=runs, command=shell(f"{wait}; echo went on; exit 4")
    )
    await client.done("LAUNCH_NESTED_CONTAINER", container_id=below, command=shell("sleep 1000"))
    await client.done("LAUNCH_NESTED_CONTAINER", container_id=ends, command=shell("exit 6"))
    assert await ended(client, ends) == 6 << 8
    async with client.output(
        "LAUNCH_NESTED_CONTAINER_SESSION", container_id=session, command=shell(f"MARKER={marker} sleep 1000")
    ):
        await eventually(lambda: processes_with(marker))
        await world.crash()
    assert processes_with(marker) == []
    await world.start()
    go.touch()
    assert await ended(client, runs) == 4 << 8
    assert await ended(client, below) == signal.SIGKILL
    assert await ended(client, ends) == 6 << 8
    assert (await client.call("WAIT_NESTED_CONTAINER", container_id=session))[0] == 404
    assert (world.sandbox() / "containers" / "runs" / "stdout").read_text() == "went on\n"
    # Its id can be used again once it is removed, and so can what is started below the same parent.
    await client.done("REMOVE_NESTED_CONTAINER", container_id=runs)
    await client.done("LAUNCH_NESTED_CONTAINER", container_id=runs, command=shell("true"))
    assert await ended(client, runs) == 0
    world.agent.runner.destroy(world.agent.state.runs["F1", "t"])
    await world.until("t", TaskState.LOST)
    assert (await client.call("WAIT_NESTED_CONTAINER", container_id=runs))[0] == 404


async def test_a_value_alone_finds_the_only_one_of_that_value(client: OperatorClient, parent: str) -> None:
    """Clients that have no word for parents, such as PyMesos, can use it so."""
    await client.done("LAUNCH_NESTED_CONTAINER", container_id=child(parent, "one"), command=shell("exit 2"))
    assert await ended(client, {"value": "one"}) == 2 << 8
    await client.done(
        "LAUNCH_NESTED_CONTAINER", container_id=child(parent, "two"), command=shell("sleep 1000")
    )
    for place in ("one", "two"):
        await client.done(
            "LAUNCH_NESTED_CONTAINER", container_id=child(parent, "two", place), command=shell("sleep 1000")
        )
    assert (await client.call("WAIT_NESTED_CONTAINER", container_id={"value": "one"}))[0] == 404
