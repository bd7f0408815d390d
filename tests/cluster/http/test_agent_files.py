"""Reading sandboxes: every byte, to the end, and nothing else."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cluster import Framework, LocalCluster, TaskState
from cluster.http import files
from tests.system.harness import sandbox


@pytest.fixture
def box(tmp_path: Path) -> Path:
    box = tmp_path / "box"
    (box / "inner").mkdir(parents=True)
    (box / "stdout").write_bytes(b"0123456789")
    (box / "inner" / "file").write_text("inner")
    (tmp_path / "secret").write_text("secret")
    (box / "link").symlink_to(tmp_path / "secret")
    (box / "up").symlink_to("..")
    (box / "good").symlink_to("inner/file")
    os.mkfifo(box / "fifo")
    return box


def test_parts_of_a_file(box: Path) -> None:
    assert files.read(box, "stdout", 0, 4) == files.Piece(b"0123", 10)
    assert files.read(box, "stdout", 8, 100) == files.Piece(b"89", 10)
    assert files.read(box, "stdout", 100, 100) == files.Piece(b"", 10)
    assert files.read(box, "stdout", 2**62, 1) == files.Piece(b"", 10)
    assert files.read(box, "inner/file", 0, 100) == files.Piece(b"inner", 5)
    assert files.read(box, "good", 0, 100) == files.Piece(b"inner", 5)


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "link",
        "up/secret",
        "/etc/passwd",
        "inner/../../secret",
        "fifo",
        "inner",
        "",
        "no",
        "a\0b",
        "x" * 9999,
    ],
)
def test_what_is_no_file_of_the_sandbox_is_not_read(box: Path, name: str) -> None:
    assert files.read(box, name, 0, 100) is None


def test_directories(box: Path) -> None:
    entries = files.browse(box, ".")
    assert entries is not None
    kinds = {entry["name"]: entry["kind"] for entry in entries}
    assert kinds == {
        "fifo": "file",
        "good": "link",
        "inner": "directory",
        "link": "link",
        "stdout": "file",
        "up": "link",
    }
    for name in ("..", "up", "/", "stdout", "no", "a\0b"):
        assert files.browse(box, name) is None


class Reader(Framework):
    """Runs one task, and reads its files while it runs and after."""

    def __init__(self, cluster: LocalCluster) -> None:
        super().__init__("reader")
        self.cluster = cluster

    async def registered(self) -> None:
        handle = self.submit("mkfifo go; echo begin; read line < go; printf end", cpus=0.1, mem=16, name="t")
        await handle.reached(TaskState.RUNNING)
        go = sandbox(self.cluster, handle.task_id) / "go"
        async with aiohttp.ClientSession() as session:

            async def read(**query: str) -> tuple[int, Any, str]:
                address = self.cluster.agents[0].address
                url = f"http://{address}/ostrom/files/read"
                params = {"framework": self.id, "executor": handle.task_id, **query}
                async with session.get(url, params=params) as response:
                    return response.status, await response.read(), response.headers.get("X-Ostrom-Done", "")

            assert await read(path="stdout", raw="1", wait="1") == (200, b"begin\n", "0")
            # A reader that waits for more is answered when there is more.
            more = asyncio.ensure_future(read(path="stdout", raw="1", wait="1", offset="6"))
            await asyncio.to_thread(go.write_text, "\n")
            assert (await more)[:2] == (200, b"end")
            await handle
            while (answer := await read(path="stdout", raw="1", wait="1", offset="6"))[2] != "1":
                pass
            assert answer == (200, b"end", "1")
            assert await read(path="stdout", raw="1", wait="1", offset="9") == (200, b"", "1")
            status, body, _ = await read(path="stdout")
            assert status == 200
            assert b'"data": "begin\\nend"' in body
            for wrong in ({"offset": "-1"}, {"offset": "x"}, {"length": "99999999"}, {"length": "1.5"}):
                status, body, _ = await read(**wrong)
                assert status == 400
                assert next(iter(wrong)).encode() in body
            for path in ("../stdout", "/etc/passwd", "no", "go"):
                assert (await read(path=path))[0] == 404
            assert (await read(framework="x"))[0] == 404
            assert (await read(executor="../.."))[0] == 404
            url = f"http://{self.cluster.agents[0].address}/ostrom/files/browse"
            params = {"framework": self.id, "executor": handle.task_id}
            async with session.get(url, params=params) as response:
                names = {entry["name"] for entry in await response.json()}
                assert names == {"go", "stderr", "stdout"}
            async with session.get(f"http://{self.cluster.agents[0].address}/ostrom/state") as response:
                assert (await response.json())["executors"] == []
        self.stop()


@pytest.mark.asyncio
async def test_a_tasks_output_over_http() -> None:
    async with asyncio.timeout(30), LocalCluster(agents=1) as cluster:
        await cluster.run(Reader(cluster))
