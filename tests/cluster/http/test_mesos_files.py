"""Virtual files: the names that Mesos has for logs and sandboxes."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cluster.agent import Agent, Sandboxes
from cluster.http.mesos_files import (
    MAX_READ,
    FilesError,
    MesosFiles,
    NoFileError,
    agent_files,
    master_files,
    virtual_sandbox,
)

pytestmark = pytest.mark.asyncio


class Node:
    """An agent's sandboxes."""

    def __init__(self, work_dir: Path) -> None:
        self.sandboxes = Sandboxes(work_dir)
        self.box = self.sandboxes.create("A", "F", "e")
        (self.box / "stdout").write_bytes(b"0123456789")
        (self.box / "inner").mkdir()
        (self.box / "inner" / "file").write_text("inner")
        run = SimpleNamespace(key=("F", "e"), sandbox=self.box.name)
        state = SimpleNamespace(info=SimpleNamespace(id="A"), runs={("F", "e"): run})
        self.agent = cast(Agent, SimpleNamespace(sandboxes=self.sandboxes, state=state))
        self.files = agent_files(self.agent)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "work")


async def read(files: MesosFiles, path: str, *args: Any) -> bytes:
    return (await files.read(path, *(args or (0,))))[0]


async def test_a_sandbox_has_two_names(node: Node) -> None:
    for name in (str(node.box), "/frameworks/F/executors/e/runs/latest"):
        assert await read(node.files, f"{name}/stdout") == b"0123456789"
        assert await read(node.files, f"{name}/inner/file/") == b"inner"
        assert [row.path for row in await node.files.browse(name)] == [f"{name}/inner", f"{name}/stdout"]
        assert [row.path for row in await node.files.browse(f"{name}/inner/")] == [f"{name}/inner/file"]
        assert node.files.attached()[name] == node.box
    assert virtual_sandbox("F", "e") == "/frameworks/F/executors/e/runs/latest"


async def test_the_latest_run_and_those_before(node: Node) -> None:
    second = node.sandboxes.create("A", "F", "e")
    (second / "stdout").write_text("second")
    assert await read(node.files, f"{virtual_sandbox('F', 'e')}/stdout") == b"second"
    assert await read(node.files, f"{node.box}/stdout") == b"0123456789"
    assert await read(node.files, f"{second}/stdout") == b"second"


async def test_the_tasks_of_a_group_below_its_executor(node: Node) -> None:
    group = virtual_sandbox("F", "group")
    assert await read(node.files, f"{group}/tasks/e/stdout") == b"0123456789"
    assert len(await node.files.browse(f"{group}/tasks/e")) == 2
    with pytest.raises(NoFileError):
        await node.files.browse(group)


async def test_rows(node: Node, tmp_path: Path) -> None:
    (node.box / "inside").symlink_to("inner/file")
    (node.box / "outside").symlink_to(tmp_path)
    (node.box / os.fsdecode(b"\xff")).write_text("")
    os.utime(node.box / "stdout", ns=(0, 1_700_000_000_123_456_789))
    rows = {row.path.rpartition("/")[2]: row for row in await node.files.browse(str(node.box))}
    assert list(rows) == ["inner", "inside", "outside", "stdout", "\ufffd"]
    row = rows["stdout"]
    assert (row.size, row.nlink, row.mtime) == (10, 1, 1_700_000_000_123_456_789)
    assert row.mode_text == stat.filemode((node.box / "stdout").stat().st_mode)
    assert (row.uid, row.gid) == ((node.box / "stdout").owner(), (node.box / "stdout").group())
    assert rows["inside"].size == 5
    assert rows["inside"].mode_text.startswith("-")
    assert rows["outside"].mode_text.startswith("l")
    assert rows["inner"].mode_text.startswith("d")


async def test_parts(node: Node) -> None:
    name = f"{node.box}/stdout"
    assert await node.files.read(name, 0, 4) == (b"0123", 10)
    assert await node.files.read(name, 8, None) == (b"89", 10)
    assert await node.files.read(name, -1, None) == (b"", 10)
    assert await node.files.read(name, 10, 1) == (b"", 10)
    assert await node.files.read(name, 2**63, 1) == (b"", 10)
    assert await node.files.read(name, 3, 0) == (b"", 10)
    (node.box / "large").write_bytes(b"x" * (MAX_READ + 1))
    data, size = await node.files.read(f"{node.box}/large", 0, 2**60)
    assert (len(data), size) == (MAX_READ, MAX_READ + 1)
    for offset, length in ((-2, 1), (0, -1)):
        with pytest.raises(FilesError, match="offset and length"):
            await node.files.read(name, offset, length)


async def test_all_of_a_file(node: Node) -> None:
    file = await node.files.open(f"{node.box}/stdout")
    try:
        assert (file.name, file.size) == ("stdout", 10)
        assert await file.read(4, 100) == b"456789"
        assert await file.read(10, 100) == b""
    finally:
        file.close()


async def test_what_is_not_there(node: Node) -> None:
    (node.box.parent / "other").write_text("no sandbox")
    sandboxes = node.box.parent
    for path in (
        "/no",
        "no",
        "/slave/log",
        str(sandboxes),
        str(sandboxes / "other"),
        str(sandboxes / "no"),
        f"{sandboxes}/../executors/e/stdout",
        f"{sandboxes}/./e/stdout",
        f"{node.box}/no",
        f"{node.box}/stdout/x",
        f"{node.box}/a\0b",
        "/frameworks/F/executors/no/runs/latest",
        "/frameworks/../executors/e/runs/latest",
        "/frameworks/F/executors/a\0b/runs/latest",
        "/etc/passwd",
        "/",
    ):
        with pytest.raises(NoFileError, match="there is no"):
            await node.files.browse(path)
        with pytest.raises(NoFileError, match="there is no"):
            await node.files.read(path, 0)


async def test_what_cannot_be(node: Node) -> None:
    (node.box / "link").symlink_to("/etc/passwd")
    for name in ("..", "../e.2", "inner/../..", "link"):
        with pytest.raises(FilesError, match="leads out"):
            await node.files.read(f"{node.box}/{name}", 0)
        with pytest.raises(FilesError, match="leads out"):
            await node.files.browse(f"{node.box}/{name}")
    with pytest.raises(FilesError, match="is a directory"):
        await node.files.read(f"{node.box}/inner", 0)
    with pytest.raises(FilesError, match="is a directory"):
        await node.files.open(str(node.box))
    with pytest.raises(FilesError, match="is no directory"):
        await node.files.browse(f"{node.box}/stdout")
    with pytest.raises(FilesError, match="path is missing"):
        await node.files.browse("")


async def test_a_sandbox_that_became_a_link_is_none(node: Node, tmp_path: Path) -> None:
    node.box.rename(tmp_path / "moved")
    node.box.symlink_to(tmp_path / "moved")
    with pytest.raises(NoFileError):
        await node.files.read(f"{node.box}/stdout", 0)


async def test_logs(node: Node, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("line\n")
    (tmp_path / "latest").symlink_to("log")
    for files, name in (
        (agent_files(node.agent, tmp_path / "latest"), "/slave/log"),
        (master_files(log), "/master/log"),
    ):
        assert await read(files, name) == b"line\n"
        assert name in files.attached()
        with pytest.raises(NoFileError):
            await files.read(f"{name}/x", 0)
    with pytest.raises(NoFileError):
        await master_files().read("/master/log", 0)
