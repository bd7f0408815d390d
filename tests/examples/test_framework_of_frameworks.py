"""A dispatcher, its engines and their workers, as processes: what is left of whom when who is killed."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from actors import UPID, ActorSystem, RemoteError, parse_address
from cluster import LocalCluster
from cluster.local import AgentNode, MasterNode
from cluster.master import MasterState
from examples.framework_of_frameworks.desk import CancelRequest, ListRequests, SubmitRequest
from examples.framework_of_frameworks.dispatcher import Dispatcher
from examples.framework_of_frameworks.rules import Entry, Request, State
from examples.framework_of_frameworks.store import Store
from tests.system.harness import LIMIT, check, eventually, processes_with

PARTS = 2


def limited(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """End a test that hangs: a timeout in a fixture would not."""

    @functools.wraps(test)
    async def run(*arguments: object, **named: object) -> None:
        async with asyncio.timeout(LIMIT):
            await test(*arguments, **named)

    return run


class Place:
    """A cluster in this process, a dispatcher as a process, and a directory that the requests' parts write to."""

    def __init__(self, cluster: LocalCluster, system: ActorSystem, path: Path) -> None:
        self.cluster = cluster
        self.path = path
        self.process: asyncio.subprocess.Process
        self._system = system
        self._desk: UPID

    @property
    def state(self) -> MasterState:
        """The master's."""
        assert isinstance(self.cluster.master_node, MasterNode)
        return self.cluster.master_node.master.state

    async def dispatcher(self, *more: str) -> None:
        """Start a dispatcher, the first or a next. AssertionError, with its log, if it does not serve."""
        arguments = (
            *more,
            "--master",
            self.cluster.master,
            "--store",
            str(self.path / "store"),
            "--port",
            "0",
        )
        with (self.path / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "examples.framework_of_frameworks", *arguments),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdout is not None
        line = (await self.process.stdout.readline()).decode()
        assert line, (self.path / "log").read_text()
        self._desk = UPID.at("dispatcher", parse_address(line.split()[2].rstrip(",")))

    async def end(self, number: signal.Signals) -> None:
        """End the dispatcher by a signal."""
        self.process.send_signal(number)
        await self.process.wait()

    async def submit(self, name: str) -> Entry:
        """Request parts that note that they have begun, and end when the test says `go`."""
        line = f"echo $PART >> {name}.began; while [ ! -e {name}.go ]; do sleep 0.02; done; echo {name} $PART"
        request = Request(name, f"cd {self.path}; {line}", parts=PARTS)
        (entry,) = (await self._system.ask(self._desk, SubmitRequest(request))).entries
        return entry

    async def cancel(self, name: str) -> Entry:
        (entry,) = (await self._system.ask(self._desk, CancelRequest(name))).entries
        return entry

    async def reached(self, name: str, condition: Callable[[Entry], object]) -> Entry:
        """Wait for something of a request; return it."""
        while True:
            answer = await self._system.ask(self._desk, ListRequests())
            (entry,) = [entry for entry in answer.entries if entry.request.id == name]
            if condition(entry):
                return entry
            await asyncio.sleep(0.02)

    def began(self, name: str) -> Counter[str]:
        """How often each part of a request has begun."""
        path = self.path / f"{name}.began"
        return Counter(path.read_text().split() if path.exists() else ())

    def go(self, name: str) -> None:
        (self.path / f"{name}.go").touch()


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with LocalCluster(agents=3) as cluster, ActorSystem() as system:
        place = Place(cluster, system, tmp_path)
        await place.dispatcher()
        yield place
        if place.process.returncode is None:
            await place.end(signal.SIGKILL)
        assert "Traceback" not in (tmp_path / "log").read_text()


def each_part(times: int) -> Counter[str]:
    return Counter({str(part): times for part in range(PARTS)})


def output(name: str) -> str:
    return "".join(f"{name} {part}\n" for part in range(PARTS))


async def nothing_left(place: Place, entry: Entry) -> None:
    """Wait until nothing is left of an engine (as it was launched): no framework, no task, no process."""
    await eventually(lambda: not processes_with(entry.engine) and not processes_with(f"={entry.task_id}\0"))
    state = place.state
    assert entry.engine not in state.frameworks
    for agent in state.agents.values():
        assert not [key for key in (*agent.tasks, *agent.executors) if key[0] == entry.engine]
        await eventually(lambda agent=agent: not [k for k in agent.executors if k[1] == entry.task_id])
    check(place.cluster)


@pytest.mark.asyncio
@limited
async def test_requests_run_side_by_side_each_by_an_engine_of_its_own(place: Place) -> None:
    names = ["one", "two", "three"]
    for name in names:
        assert (await place.submit(name)).request.id == name
    # None ends before all have begun.
    for name in names:
        await eventually(lambda name=name: place.began(name) == each_part(1))
    running = [await place.reached(name, lambda entry: entry.engine) for name in names]
    assert {entry.engine for entry in running} < set(place.state.frameworks)
    for name in names:
        place.go(name)
    for name, before in zip(names, running, strict=True):
        entry = await place.reached(name, lambda entry: not entry.state.running)
        assert (entry.state, entry.result, entry.launches) == (State.FINISHED, output(name), 1)
        await nothing_left(place, before)


@pytest.mark.asyncio
@limited
async def test_an_engine_that_is_killed_leaves_nothing_and_the_request_is_tried_again(place: Place) -> None:
    await place.submit("r")
    await eventually(lambda: place.began("r") == each_part(1))
    first = await place.reached("r", lambda entry: entry.engine)
    assert place.state.frameworks[first.engine].info.failover_timeout == 60
    (engine,) = processes_with(f"OSTROM_EXECUTOR_ID={first.task_id}\0")
    os.kill(engine, signal.SIGKILL)
    await eventually(lambda: place.began("r") == each_part(2))
    second = await place.reached("r", lambda entry: entry.launches == 2)
    assert second.engine != first.engine
    # By the dispatcher: its master would have waited for its failover timeout.
    (done,) = [c for c in place.state.completed_frameworks if c.info.id == first.engine]
    assert done.reason == "torn down by an operator"
    await nothing_left(place, first)
    place.go("r")
    entry = await place.reached("r", lambda entry: not entry.state.running)
    assert (entry.state, entry.failures, entry.result) == (State.FINISHED, 1, output("r"))
    assert place.began("r") == each_part(2)


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@limited
async def test_engines_outlive_their_dispatcher_and_no_result_is_lost(
    place: Place, number: signal.Signals
) -> None:
    for name in ("before", "meanwhile", "after"):
        await place.submit(name)
        await eventually(lambda name=name: place.began(name) == each_part(1))
    place.go("before")
    await place.reached("before", lambda entry: entry.state is State.FINISHED)
    engines = {
        name: await place.reached(name, lambda entry: entry.state is State.RUNNING)
        for name in ("meanwhile", "after")
    }
    await place.end(number)
    with closing(Store(place.path / "store")) as store:
        states = [entry.state for entry in store.entries.values()]
        assert states == [State.FINISHED, State.RUNNING, State.RUNNING]
    place.go("meanwhile")
    # It has ended its framework, and there is nobody to tell.
    await eventually(lambda: engines["meanwhile"].engine not in place.state.frameworks)
    await place.dispatcher()
    await place.reached("meanwhile", lambda entry: entry.state is State.FINISHED)
    place.go("after")
    for name in ("before", "meanwhile", "after"):
        entry = await place.reached(name, lambda entry: entry.state is State.FINISHED)
        assert (entry.result, entry.launches) == (output(name), 1)
        assert place.began(name) == each_part(1)
    for engine in engines.values():
        await nothing_left(place, engine)


@pytest.mark.asyncio
@limited
async def test_an_engine_that_dies_while_nobody_looks_is_tried_again(place: Place) -> None:
    await place.submit("r")
    await eventually(lambda: place.began("r") == each_part(1))
    first = await place.reached("r", lambda entry: entry.engine)
    await place.end(signal.SIGKILL)
    (engine,) = processes_with(f"OSTROM_EXECUTOR_ID={first.task_id}\0")
    os.kill(engine, signal.SIGKILL)
    await eventually(lambda: not processes_with(f"OSTROM_EXECUTOR_ID={first.task_id}\0"))
    await place.dispatcher()
    await eventually(lambda: place.began("r") == each_part(2))
    await nothing_left(place, first)
    place.go("r")
    assert (await place.reached("r", lambda e: e.state is State.FINISHED)).result == output("r")


@pytest.mark.asyncio
@limited
async def test_cancel_leaves_nothing(place: Place) -> None:
    await place.submit("r")
    await eventually(lambda: place.began("r") == each_part(1))
    running = await place.reached("r", lambda entry: entry.engine)
    assert (await place.cancel("r")).state is State.CANCELLING
    entry = await place.reached("r", lambda entry: not entry.state.running and not entry.engine)
    assert (entry.state, entry.failures) == (State.CANCELLED, 0)
    await nothing_left(place, running)
    assert (await place.submit("r")).state is State.CANCELLED


@pytest.mark.asyncio
@limited
async def test_a_cancelled_engine_that_does_not_listen_is_killed(place: Place) -> None:
    await place.submit("r")
    await eventually(lambda: place.began("r") == each_part(1))
    running = await place.reached("r", lambda entry: entry.engine)
    (engine,) = processes_with(f"OSTROM_EXECUTOR_ID={running.task_id}\0")
    os.kill(engine, signal.SIGSTOP)
    await place.cancel("r")
    # The next dispatcher goes on with it.
    await place.end(signal.SIGKILL)
    await place.dispatcher()
    entry = await place.reached("r", lambda entry: not entry.state.running and not entry.engine)
    assert entry.state is State.CANCELLED
    await nothing_left(place, running)


@pytest.mark.asyncio
@limited
async def test_what_is_refused(place: Place) -> None:
    with pytest.raises(RemoteError, match="no request 'r'"):
        await place.cancel("r")
    first = await place.submit("r")
    # Sent again, it is the same request, wherever it stands now.
    assert (await place.submit("r")).request == first.request
    await place.reached("r", lambda entry: entry.launches == 1)
    assert (await place.submit("r")).launches == 1
    place.path = place.path / "elsewhere"
    with pytest.raises(RemoteError, match=r"request.id: 'r' is the id of another request"):
        await place.submit("r")
    place.path = place.path.parent


@pytest.mark.asyncio
@limited
async def test_an_engine_whose_agent_ends_is_tried_again_elsewhere(place: Place) -> None:
    await place.submit("r")
    await eventually(lambda: place.began("r") == each_part(1))
    first = await place.reached("r", lambda entry: entry.engine)
    (node,) = [
        n
        for n in place.cluster.agents
        if isinstance(n, AgentNode) and n.agent.state.info.id == first.agent_id
    ]
    place.cluster.agents.remove(node)
    await node.stop()
    await eventually(lambda: place.began("r") == each_part(2))
    await nothing_left(place, first)
    place.go("r")
    entry = await place.reached("r", lambda entry: entry.state is State.FINISHED)
    assert (entry.result, entry.failures) == (output("r"), 1)
    assert entry.agent_id != first.agent_id


@pytest.mark.asyncio
@limited
async def test_after_a_teardown_the_next_dispatcher_is_a_new_framework(place: Place) -> None:
    await place.submit("r")
    await eventually(lambda: place.began("r") == each_part(1))
    first = await place.reached("r", lambda entry: entry.engine)
    (dispatcher,) = [f.id for f in place.state.frameworks.values() if f.info.name == "dispatcher"]
    async with aiohttp.ClientSession() as http:
        url = f"http://{place.cluster.master}/ostrom/teardown"
        async with http.post(url, params={"framework": dispatcher}) as response:
            assert response.status == 200
    assert await place.process.wait() == 1
    await nothing_left(place, first)
    await place.dispatcher()
    assert await place.process.wait() == 1
    assert (place.path / "log").read_text().splitlines()[
        -1
    ] == f"dispatcher: framework {dispatcher} has ended"
    await place.dispatcher("--new")
    await eventually(lambda: place.began("r") == each_part(2))
    place.go("r")
    entry = await place.reached("r", lambda entry: entry.state is State.FINISHED)
    assert (entry.result, entry.failures, entry.launches) == (output("r"), 0, 2)


@pytest.mark.asyncio
@limited
async def test_a_store_is_for_one_dispatcher_at_a_time(place: Place) -> None:
    first = place.process
    with pytest.raises(AssertionError, match="dispatcher: database is locked"):
        await place.dispatcher()
    assert await place.process.wait() == 1
    place.process = first


class FullStore(Store):
    """No engine can be noted down."""

    def save(self, entry: Entry) -> None:
        if entry.launches:
            raise OSError("no space left")
        super().save(entry)


@pytest.mark.asyncio
@limited
async def test_what_breaks_in_the_dispatcher_is_no_teardown(tmp_path: Path) -> None:
    async with LocalCluster(agents=1) as cluster:
        with closing(FullStore(tmp_path / "store")) as store:
            dispatcher = Dispatcher(store, cluster.master)
            dispatcher.request(Request("r", "true"))
            with pytest.raises(OSError, match="no space left"):
                await cluster.run(dispatcher)
            assert isinstance(cluster.master_node, MasterNode)
            state = cluster.master_node.master.state
            # What was not noted down was not launched.
            assert list(state.frameworks) == [store.framework_id]
            assert not state.completed_tasks
            assert not state.frameworks[store.framework_id].tasks
