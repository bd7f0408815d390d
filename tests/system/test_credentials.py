"""Nodes that answer over HTTP to those alone who say who they are, and the commands of those."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import jwt
import pytest
import pytest_asyncio

from cluster.etcd.server import EtcdCluster
from cluster.local import NodeProcess
from tests.system.harness import LIMIT as SHORT
from tests.system.masters import Masters
from tests.system.test_command_line import Result, ostrom, start

LIMIT = 3 * SHORT
"""Each command is a process."""
KEY = "0123456789abcdef0123456789abcdef"


class Files:
    """What operators give nodes and commands."""

    def __init__(self, directory: Path) -> None:
        def file(name: str, text: str) -> str:
            path = directory / name
            path.write_text(text)
            return str(path)

        entries = [{"principal": "ops", "secret": "s:é"}, {"principal": "eng", "secret": "word"}]
        self.node = ["--http-credentials", file("credentials", json.dumps({"credentials": entries}))]
        self.node += ["--http-token-key", file("key", f"{KEY}\n")]
        self.ops = ["--principal", "ops", "--secret-file", file("ops", "s:é\n")]
        self.wrong = ["--principal", "eng", "--secret-file", file("ops", "s:é\n")]
        self.token = ["--token-file", file("token", jwt.encode({"sub": "ops"}, KEY) + "\n")]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest_asyncio.fixture
async def master(tmp_path: Path, files: Files) -> AsyncIterator[str]:
    """A cluster of one agent; where its master is."""
    common = ["--port", "0", *files.node, "--work-dir"]
    master = NodeProcess("master", ["master", *common, str(tmp_path / "m")], tmp_path / "master.log")
    await master.start()
    arguments = ["agent", "--master", master.address, *common, str(tmp_path / "a"), "--overcommit"]
    agent = NodeProcess("agent", [*arguments, "--resources", "cpus:2;mem:512"], tmp_path / "agent.log")
    try:
        await agent.start()
        yield master.address
    finally:
        await agent.stop()
        await master.stop()


def refused(result: Result) -> str:
    assert (result.code, result.out) == (1, ""), result
    return result.err


@pytest.mark.asyncio
async def test_commands_say_who_asks(master: str, files: Files) -> None:
    async with asyncio.timeout(LIMIT):
        at = ["--master", master]
        for who in ([], files.wrong):
            assert "401 who are you?" in refused(await ostrom("agents", *at, *who))
        for who in (files.ops, files.token):
            found = await ostrom("agents", *at, *who, "--json")
            assert (found.code, [row["state"] for row in json.loads(found.out)]) == (0, ["active"])
        assert (await ostrom("weights", "eng=2", *at, *files.ops)).code == 0
        assert (await ostrom("maintenance", *files.ops, *at, "--json")).code == 0
        # Nobody need be known to be told whether it lives, and what it is.
        async with aiohttp.ClientSession() as http:
            for path, status in (
                ("/health", 200),
                ("/version", 200),
                ("/api/v1/scheduler", 401),
                ("/metrics", 401),
            ):
                async with http.get(f"http://{master}{path}") as response:
                    assert response.status == status, path


@pytest.mark.asyncio
async def test_commands_take_it_from_the_environment(
    master: str, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSTROM_MASTER", master)
    monkeypatch.setenv("OSTROM_PRINCIPAL", "ops")
    monkeypatch.setenv("OSTROM_SECRET_FILE", files.ops[-1])
    async with asyncio.timeout(LIMIT):
        assert (await ostrom("agents")).code == 0
        # Also the output of tasks, which the agent has.
        assert await ostrom("run", "-q", "--", "echo", "hello") == (0, "hello\n", "")
        monkeypatch.delenv("OSTROM_SECRET_FILE")
        assert (await ostrom("agents")).code == 2
        monkeypatch.delenv("OSTROM_PRINCIPAL")
        ran = await start("run", "--", "echo", "hello")
        out, err = await ran.communicate()
        assert out == b""
        assert b"stdout is not for everybody" in err


@pytest.mark.asyncio
async def test_a_standby_sends_operators_on_as_who_they_are(
    etcd: EtcdCluster, tmp_path: Path, files: Files
) -> None:
    async with (
        asyncio.timeout(LIMIT),
        Masters(tmp_path, etcd.endpoints, agents=0, flags=files.node) as masters,
    ):
        lead = await masters.leader()
        for node in (masters.node(lead), masters.others(lead)[0]):
            found = await ostrom("weights", "eng=3", "--master", node.address, *files.ops, "--json")
            assert (found.code, json.loads(found.out)) == (0, {"eng": 3.0})
            assert "401" in refused(await ostrom("weights", "--master", node.address))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--principal", "ops"], "--principal and --secret-file go together"),
        (["--secret-file", "OPS"], "--principal and --secret-file go together"),
        (["--principal", "ops", "--secret-file", "OPS", "--token-file", "OPS"], "one or the other"),
        (["--principal", "ops", "--secret-file", "nothing"], "does not exist"),
    ],
)
async def test_what_is_not_enough(files: Files, arguments: list[str], problem: str) -> None:
    given = [files.ops[-1] if each == "OPS" else each for each in arguments]
    result = await ostrom("agents", "--master", "127.0.0.1:1", *given)
    assert result.code == 2
    assert problem in result.err


@pytest.mark.asyncio
async def test_a_node_does_not_start_with_files_that_are_no_good(tmp_path: Path, files: Files) -> None:
    (tmp_path / "short").write_text("short")
    (tmp_path / "bad").write_text("ops secret")
    for option, name in (("--http-token-key", "short"), ("--http-credentials", "bad")):
        for node in ("master", "agent"):
            work = ["--port", "0", "--work-dir", str(tmp_path / node)]
            result = await ostrom(node, *work, option, str(tmp_path / name))
            assert result.code == 1
            assert name in result.err
