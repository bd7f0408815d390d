"""The operators' commands against a master in paused time, which is served in this process."""

from __future__ import annotations

import asyncio
import importlib
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from cluster.cli import main, operate
from cluster.messages import Acknowledge, KillTask, ShutdownAgent, TaskState
from tests.cluster.http.served import Served
from tests.cluster.world import Peer, task

drain_module = importlib.import_module("cluster.cli.drain")


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    async with Served() as served:
        yield served


async def ostrom(served: Served, *arguments: str, **options: Any) -> Result:
    """Run a command in a thread, as it has an event loop of its own."""
    env = {"COLUMNS": "400", "OSTROM_MASTER": served.url.removeprefix("http://")}
    result = await asyncio.to_thread(CliRunner().invoke, main, list(arguments), env=env, **options)
    await served.settle()
    return result


async def said(served: Served, *arguments: str, **options: Any) -> str:
    """What a command that succeeds prints, with single spaces."""
    result = await ostrom(served, *arguments, **options)
    assert result.exit_code == 0, result.output
    return "\n".join(" ".join(line.split()) for line in result.stdout.splitlines())


async def refused(served: Served, *arguments: str) -> str:
    result = await ostrom(served, *arguments)
    assert result.exit_code != 0
    assert "Traceback" not in result.output
    return f"{result.exit_code} {' '.join(result.output.split())}"


@pytest.mark.asyncio
async def test_weights(served: Served) -> None:
    assert await said(served, "weights") == "no weights are set"
    assert await said(served, "weights", "eng=2", "ops=0.5") == "ROLE WEIGHT\neng 2\nops 0.5"
    assert json.loads(await said(served, "weights", "--json")) == {"eng": 2, "ops": 0.5}
    assert "ROLE=NUMBER" in await refused(served, "weights", "eng")


@pytest.mark.asyncio
async def test_quota(served: Served) -> None:
    await served.agent("cpus:4;mem:1024")
    assert await said(served, "quota") == "no quotas are set"
    assert await said(served, "quota", "eng") == "eng has no quota"
    set_ = ("quota", "eng", "--guarantee", "cpus:1", "--limit", "cpus:2;mem:512")
    assert await said(served, *set_) == "ROLE GUARANTEE LIMIT PRIORITY USED\neng cpus:1 cpus:2;mem:512"
    assert await said(served, "quota", "eng", "--guarantee", "", "--priority", "7") == (
        "ROLE GUARANTEE LIMIT PRIORITY USED\neng cpus:2;mem:512 7"
    )
    await said(served, "quota", "ops", "--limit", "cpus:1")
    assert [row["role"] for row in json.loads(await said(served, "quota", "--json"))] == ["eng", "ops"]
    assert await said(served, "quota", "eng", "--remove") == "eng has no quota"
    text = await refused(served, "quota", "eng", "--limit", "memory:1")
    assert text.startswith("1 ")
    assert "409 limit: no agent has 'memory'" in text
    await said(served, "quota", "eng", "--limit", "memory:1", "--force")
    assert "ROLE is missing" in await refused(served, "quota", "--limit", "cpus:1")
    assert "--remove and --limit" in await refused(served, "quota", "eng", "--remove", "--limit", "cpus:1")


@pytest.mark.asyncio
async def test_an_order_is_not_given_by_the_environment(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LIMIT", "REMOVE", "YES", "FORCE"):
        monkeypatch.setenv(f"OSTROM_{name}", "1")
    assert await said(served, "quota") == "no quotas are set"


@pytest.mark.asyncio
async def test_reservations(served: Served) -> None:
    agent = await served.agent()
    assert await said(served, "reservations") == "nothing is reserved"
    table = f"AGENT HOST ROLE RESOURCES\n{agent.id} host eng cpus:1"
    assert await said(served, "reserve", agent.id, "eng", "cpus:1") == table
    assert await said(served, "reservations") == table
    assert "eng=cpus:1" in await said(served, "agents")
    assert "409 agent" in await refused(served, "reserve", agent.id, "eng", "cpus:9")
    assert await said(served, "unreserve", agent.id, "eng", "cpus:1") == "nothing is reserved"
    assert "404 agent: 'none' is not known" in await refused(served, "reserve", "none", "eng", "cpus:1")


async def busy(served: Served) -> tuple[Peer, Peer]:
    agent = await served.agent(hostname="m1", checkpoint=True)
    framework = await served.framework()
    await served.accept(framework, framework.offers(), task())
    await served.update(agent, framework, "t", TaskState.RUNNING)
    return agent, framework


async def finish(served: Served, agent: Peer, framework: Peer) -> None:
    uuid = await served.update(agent, framework, "t", TaskState.KILLED)
    served.tell(framework, Acknowledge(framework.id, agent.id, "t", uuid))
    await served.settle()


@pytest.mark.asyncio
async def test_drain_and_back(served: Served) -> None:
    agent, framework = await busy(served)
    assert await said(served, "drain", agent.id, "--max-grace-period", "2") == f"{agent.id} is draining"
    assert [kill.grace_period for kill in agent.take(KillTask)] == [2.0]
    assert " draining " in await said(served, "agents")
    assert "is still draining" in await refused(served, "reactivate", agent.id)
    await finish(served, agent, framework)
    assert await said(served, "reactivate", agent.id) == f"{agent.id} is active"
    assert await said(served, "deactivate", agent.id) == f"{agent.id} is deactivated"
    await served.disconnect(agent)
    assert " deactivated, disconnected " in await said(served, "agents")


class Polls:
    """The pauses of a command that waits: `looked` returns when it has looked, after `go` it looks again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._looked = threading.Semaphore(0)
        self._go = threading.Semaphore(0)
        monkeypatch.setattr(drain_module, "pause", self._pause)

    def _pause(self) -> None:
        self._looked.release()
        assert self._go.acquire(timeout=30)

    async def looked(self) -> None:
        assert await asyncio.to_thread(self._looked.acquire, timeout=30)

    def go(self) -> None:
        self._go.release()


@pytest.mark.asyncio
@pytest.mark.parametrize("mark_gone", [False, True])
async def test_drain_waits(served: Served, monkeypatch: pytest.MonkeyPatch, mark_gone: bool) -> None:
    agent, framework = await busy(served)
    polls = Polls(monkeypatch)
    flags = ["--mark-gone"] if mark_gone else []
    waiting = asyncio.ensure_future(ostrom(served, "drain", agent.id, "--wait", *flags))
    await polls.looked()
    polls.go()
    await polls.looked()
    assert not waiting.done()
    await finish(served, agent, framework)
    # For the pages, which are made anew at most ten times a second.
    await served.advance(1)
    polls.go()
    result = await waiting
    end = "gone" if mark_gone else "drained"
    assert (result.exit_code, result.stdout) == (0, f"{agent.id} is draining\n{agent.id} is {end}\n")
    # Once, though it looked twice; the master's log is beside it.
    assert result.stderr.count("draining") == 1
    assert result.stderr.startswith(f"{agent.id} is draining, with 1 tasks and 0 executors\n")
    assert len(agent.take(ShutdownAgent)) == mark_gone


@pytest.mark.asyncio
async def test_who_waits_is_told_that_the_drain_was_called_off(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, framework = await busy(served)
    polls = Polls(monkeypatch)
    waiting = asyncio.ensure_future(ostrom(served, "drain", agent.id, "--wait"))
    await polls.looked()
    await finish(served, agent, framework)
    await said(served, "reactivate", agent.id)
    polls.go()
    result = await waiting
    assert result.exit_code == 1
    assert f"{agent.id} is active: it is drained no more" in result.output


@pytest.mark.asyncio
async def test_maintenance(served: Served, tmp_path: Path) -> None:
    agent, framework = await busy(served)
    assert await said(served, "maintenance") == "no maintenance is planned"
    file = tmp_path / "plan.json"
    windows = [{"machines": ["m1", "m2"], "start": "2033-05-18T03:33:20Z", "duration": 60}]
    file.write_text(json.dumps({"windows": windows}))
    table = await said(served, "maintenance", "schedule", str(file))
    head, m1, m2 = table.splitlines()
    assert head == "MACHINE STATE FROM UNTIL AGENTS ANSWERS WINDOW"
    assert m1.startswith("m1 SCHEDULED 2033-05-1")
    assert m1.endswith(f" {agent.id} {framework.id}: none yet window-1")
    assert m2.startswith("m2 SCHEDULED")
    assert await said(served, "maintenance") == table
    found = json.loads(await said(served, "maintenance", "--json"))
    assert found["windows"][0]["start"] == 2e9
    # What was got can be sent back.
    assert (
        await said(served, "maintenance", "schedule", "-", input=json.dumps({"windows": found["windows"]}))
        == table
    )
    assert "m1 DOWN" in await said(served, "maintenance", "down", "m1")
    assert "m1" not in await said(served, "maintenance", "up", "m1")
    assert "409 machine 'm1' is not" in await refused(served, "maintenance", "down", "m1")
    file.write_text("{")
    assert "plan.json: not JSON" in await refused(served, "maintenance", "schedule", str(file))
    file.write_text("[]")
    assert "400 Expected `object`, got `array`" in await refused(served, "maintenance", "schedule", str(file))
    assert "MACHINE" in await refused(served, "maintenance", "up")


@pytest.mark.asyncio
async def test_the_master_of_maintenance_may_be_named_in_both_places(served: Served) -> None:
    for arguments in (["--master", "127.0.0.1:1", "up", "m"], ["up", "m", "--master", "127.0.0.1:1"]):
        assert "no master at 127.0.0.1:1" in await refused(served, "maintenance", *arguments)


class Terminal:
    """Standard input as if a person sat there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(operate, "at_terminal", lambda: True)


@pytest.mark.asyncio
async def test_what_destroys_asks_a_person(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, framework = await busy(served)
    await said(
        served, "maintenance", "schedule", "-", input='{"windows": [{"machines": ["m1"], "start": 2e9}]}'
    )
    orders = (["gone", agent.id], ["teardown", framework.id], ["maintenance", "down", "m1"])
    Terminal(monkeypatch)
    for order in orders:
        result = await ostrom(served, *order, input="n\n")
        assert result.exit_code == 1
        assert "[y/N]" in result.output
    assert served.master.state.agents.keys() == {agent.id}
    assert served.master.state.frameworks.keys() == {framework.id}
    assert await said(served, *orders[1], input="y\n") == (
        f"End {framework.id} and all of its tasks? [y/N]: y\n{framework.id} has ended"
    )
    await said(served, *orders[2], "--yes")
    assert await said(served, *orders[0], "--yes") == f"{agent.id} is gone"


@pytest.mark.asyncio
async def test_a_program_is_not_asked(served: Served) -> None:
    agent, framework = await busy(served)
    assert await said(served, "teardown", framework.id) == f"{framework.id} has ended"
    assert await said(served, "gone", agent.id) == f"{agent.id} is gone"
    assert "404 framework: 'none'" in await refused(served, "teardown", "none")
    assert "404 agent: 'none'" in await refused(served, "gone", "none")


@pytest.mark.asyncio
async def test_explain(served: Served) -> None:
    agent, framework = await busy(served)
    for arguments in ([framework.id], [framework.id, agent.id]):
        table = await said(served, "explain", *arguments)
        assert table == f"AGENTS REASONS\n{agent.id} role *: refused for 5 s more"
    found = json.loads(await said(served, "explain", framework.id, "--json"))
    assert found == [{"reasons": ["role *: refused for 5 s more"], "agents": [agent.id]}]
    assert "404 framework: 'none' is not known" in await refused(served, "explain", "none")
    assert "404 agent: 'none' is not known" in await refused(served, "explain", framework.id, "none")


@pytest.mark.parametrize(
    "arguments",
    [
        ["weights"],
        ["weights", "eng=1"],
        ["quota", "eng", "--remove"],
        ["reservations"],
        ["drain", "A"],
        ["gone", "A"],
        ["maintenance"],
        ["teardown", "F"],
        ["explain", "F"],
    ],
)
def test_no_master_there_is_one_line(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, arguments, env={"COLUMNS": "400", "OSTROM_MASTER": "127.0.0.1:1"})
    assert result.exit_code == 1
    assert "no master at 127.0.0.1:1" in result.output
