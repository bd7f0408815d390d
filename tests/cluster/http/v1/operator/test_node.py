"""The master itself, as operators are shown it."""

from __future__ import annotations

import base64
import logging
from pathlib import Path

import pytest

from cluster.http import master as pages
from cluster.http.mesos_files import MASTER_LOG, MesosFiles
from cluster.http.v0.flags import duration_text, master_flags
from cluster.master import MasterOptions
from cluster.messages import TaskState
from tests.cluster.http.served import Served
from tests.cluster.http.v1.operator.client import Operator
from tests.cluster.world import task


@pytest.mark.asyncio
async def test_health_and_version(operator: Operator) -> None:
    assert await operator.get("GET_HEALTH") == {"healthy": True}
    assert await operator.get("GET_VERSION") == {"version_info": {"version": "1.11.0"}}


@pytest.mark.asyncio
async def test_master(served: Served, operator: Operator) -> None:
    await served.advance(5)
    found = await operator.get("GET_MASTER")
    info = found["master_info"]
    assert info["id"] == served.master.state.master_id
    assert (info["version"], info["pid"].partition("@")[0]) == ("1.11.0", "master")
    assert found["start_time"] == found["elected_time"] == served.clock.time() - 5


@pytest.mark.asyncio
async def test_flags(operator: Operator) -> None:
    flags = {each["name"]: each["value"] for each in (await operator.get("GET_FLAGS"))["flags"]}
    assert flags["agent_ping_timeout"] == "15secs"
    assert flags["registry_max_agent_age"] == "2weeks"
    assert flags["max_operator_event_stream_subscribers"] == "1000"
    assert "agent_removal_rate_limit" not in flags


@pytest.mark.asyncio
async def test_the_rate_of_removals_is_a_flag() -> None:
    async with Served(MasterOptions(agent_removal_rate_limit=(3, 600.0))) as served:
        assert master_flags(served.master)["agent_removal_rate_limit"] == "3/10mins"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0ns"),
        (15, "15secs"),
        (100, "100secs"),
        (600, "10mins"),
        (7200, "2hrs"),
        (86400, "1days"),
        (0.5, "500ms"),
        (1e-6, "1us"),
        (1.5e-7, "150ns"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.asyncio
async def test_metrics(served: Served, operator: Operator) -> None:
    agent = await served.agent()
    framework = await served.framework()
    await served.accept(framework, framework.offers(), task("t"))
    await served.update(agent, framework, "t", TaskState.RUNNING)
    for timeout in ({}, {"timeout": {"nanoseconds": 5_000_000_000}}):
        status, answer = await operator.send({"type": "GET_METRICS", "get_metrics": timeout})
        assert status == 200
        figures = {each["name"]: each["value"] for each in answer["get_metrics"]["metrics"]}
        assert figures["master/tasks_running"] == 1
        assert figures["master/elected"] == 1
    text = await operator.refused("GET_METRICS", timeout={"nanoseconds": -1})
    assert text == "400 get_metrics.timeout is -1 ns, below 0"
    assert (
        await operator.refused("GET_METRICS") == "400 get_metrics is missing, though the type is GET_METRICS"
    )


@pytest.mark.asyncio
async def test_logging_level(served: Served, operator: Operator) -> None:
    logger = logging.getLogger("ostrom")
    before = logger.level
    logger.setLevel(logging.INFO)
    try:
        assert await operator.get("GET_LOGGING_LEVEL") == {"level": 0}
        await operator.done("SET_LOGGING_LEVEL", level=1, duration={"nanoseconds": 60_000_000_000})
        assert await operator.get("GET_LOGGING_LEVEL") == {"level": 1}
        assert logger.level == logging.DEBUG
        await served.advance(60)
        assert await operator.get("GET_LOGGING_LEVEL") == {"level": 0}
        for duration in (0, -1, 86401 * 10**9):
            text = await operator.refused("SET_LOGGING_LEVEL", level=1, duration={"nanoseconds": duration})
            assert text.startswith("400 set_logging_level.duration is ")
        assert logger.level == logging.INFO
    finally:
        logger.setLevel(before)


@pytest.mark.asyncio
async def test_files(
    served: Served, operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    (tmp_path / "b").mkdir()
    monkeypatch.setattr(pages, "master_files", lambda: MesosFiles({"/logs": tmp_path}))
    await served.restart()
    first, second = (await operator.get("LIST_FILES", path="/logs"))["file_infos"]
    assert (first["path"], first["size"], first["nlink"]) == ("/logs/a", 10, 1)
    assert second["path"] == "/logs/b"
    assert second["mode"] & 0o040000
    assert first["mtime"]["nanoseconds"] == (tmp_path / "a").stat().st_mtime_ns
    read = await operator.get("READ_FILE", path="/logs/a", offset=2, length=3)
    assert (read["size"], base64.b64decode(read["data"])) == (10, b"234")
    read = await operator.get("READ_FILE", path="/logs/a", offset=7)
    assert base64.b64decode(read["data"]) == b"789"
    read = await operator.get("READ_FILE", path="/logs/a", offset=70)
    assert (read["size"], read["data"]) == (10, "")
    assert await operator.refused("READ_FILE", path="/logs/c", offset=0) == (
        "404 read_file.path: there is no '/logs/c' here"
    )
    assert (await operator.refused("READ_FILE", path="/logs/b", offset=0)).startswith("400 read_file.path: ")
    assert (await operator.refused("LIST_FILES", path="/logs/a")).startswith("400 list_files.path: ")
    assert (await operator.refused("LIST_FILES", path="/etc")).startswith("404 list_files.path: ")
    assert (await operator.refused("READ_FILE", path="/logs/../../etc/passwd", offset=0)).startswith("40")


@pytest.mark.asyncio
async def test_a_master_without_a_log_file_has_none(operator: Operator) -> None:
    assert (await operator.refused("READ_FILE", path=MASTER_LOG, offset=0)).startswith("404 ")
