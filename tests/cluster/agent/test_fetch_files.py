"""Files of the agent's own machine, and what its disk does."""

from __future__ import annotations

import asyncio
import errno
import gzip
import hashlib
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from cluster.agent.fetching import Fetcher, FetchError
from cluster.agent.fetching.threads import Stop, StoppedError, Workers, in_thread, to_end
from cluster.messages.uris import URI
from tests.cluster.agent.fetch_world import Server, listing, member, mode, refusal, tar, until

pytestmark = pytest.mark.asyncio

MIB = 1 << 20


@pytest_asyncio.fixture
async def fetcher(tmp_path: Path) -> AsyncIterator[Fetcher]:
    fetcher = Fetcher(tmp_path / "cache", max_size=4 * MIB)
    yield fetcher
    await fetcher.close()


@pytest.fixture
def sandbox(tmp_path: Path) -> Path:
    path = tmp_path / "sandbox"
    path.mkdir()
    return path


async def test_files_are_copied(fetcher: Fetcher, sandbox: Path, tmp_path: Path) -> None:
    source = tmp_path / "the file%20"
    source.write_bytes(b"contents" * MIB)
    source = source.rename(tmp_path / "the file")
    source.write_bytes(b"contents")
    source.chmod(0o600)
    digest = hashlib.sha512(b"contents").hexdigest()
    uris = [
        URI(str(source), checksum=f"sha512:{digest}"),
        URI(f"file://{tmp_path}/the%20file", output_file="second", executable=True),
        URI(f"file://localhost{tmp_path}/the%20file", output_file="third", cache=True),
    ]
    await fetcher.fetch(uris, sandbox)
    assert listing(sandbox) == dict.fromkeys(("the file", "second", "third"), b"contents")
    assert mode(sandbox / "the file") == 0o644
    assert mode(sandbox / "second") == 0o755
    assert source.exists()


@pytest.mark.parametrize("cache", [False, True])
async def test_files_that_cannot_be_copied(
    fetcher: Fetcher, sandbox: Path, tmp_path: Path, cache: bool
) -> None:
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(bytes(4 * MIB + 1))
    for name, text in [
        ("missing", f"no such file or directory ({tmp_path}/missing)"),
        ("directory", "not a regular file"),
        ("pipe", "not a regular file"),
        ("large", f"larger than the limit of {4 * MIB} bytes"),
    ]:
        uri = URI(f"file://{tmp_path}/{name}", cache=cache)
        assert await refusal(fetcher, sandbox, uri) == f"cannot fetch {uri.value}: {text}"
    uri = URI(str(tmp_path / "large"), checksum="sha256:" + "0" * 64, cache=cache)
    uri = URI(str(tmp_path / "small"), checksum="sha256:" + "0" * 64, cache=cache)
    (tmp_path / "small").write_bytes(b"small")
    found = hashlib.sha256(b"small").hexdigest()
    assert f"expected sha256:{'0' * 64}, found sha256:{found}" in await refusal(fetcher, sandbox, uri)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == []


async def test_nothing_in_the_sandbox_is_replaced(fetcher: Fetcher, sandbox: Path, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(b"new")
    (sandbox / "b").write_bytes(b"old")
    with pytest.raises(FetchError, match="'b' is in the sandbox already"):
        await fetcher.fetch([URI(str(tmp_path / name)) for name in ("a", "b", "c")], sandbox)
    assert listing(sandbox) == {"b": b"old"}


async def test_a_sandbox_that_is_gone(fetcher: Fetcher, sandbox: Path, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"new")
    sandbox.rmdir()
    with pytest.raises(FetchError, match=r"cannot put .*/a into the sandbox: no such file or directory"):
        await fetcher.fetch([URI(str(tmp_path / "a"))], sandbox)
    assert not sandbox.exists()


async def test_a_move_that_fails_is_undone(
    fetcher: Fetcher, sandbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"new")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if target == sandbox / "b":
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    text = await refusal(fetcher, sandbox, URI(str(tmp_path / "a")), URI(str(tmp_path / "b")))
    assert "input/output error" in text


async def test_cancelled_while_it_copies(tmp_path: Path, sandbox: Path) -> None:
    fetcher = Fetcher(tmp_path / "cache", max_size=1 << 50)
    with (tmp_path / "endless").open("wb") as file:
        file.truncate(1 << 40)
    task = asyncio.create_task(fetcher.fetch([URI(str(tmp_path / "endless"))], sandbox))
    await until(lambda: any(path.stat().st_size > MIB for path in sandbox.glob(".fetching-*/0")))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert listing(sandbox) == {}
    await fetcher.close()


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A disk that takes half a MiB of each file."""
    write = os.write

    def limited(fd: int, data: bytes) -> int:
        room = MIB // 2 - os.lseek(fd, 0, os.SEEK_CUR)
        if room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, data[:room])

    monkeypatch.setattr("cluster.agent.fetching.files.os.write", limited)
    yield
    monkeypatch.undo()


@pytest.mark.parametrize("cache", [False, True])
@pytest.mark.parametrize("name", ["plain", "a.gz", "a.tar"])
async def test_a_disk_that_is_full(
    fetcher: Fetcher, sandbox: Path, tmp_path: Path, full: None, cache: bool, name: str
) -> None:
    data = {"plain": bytes(MIB), "a.gz": gzip.compress(bytes(MIB)), "a.tar": tar((member("x"), bytes(MIB)))}[
        name
    ]
    (tmp_path / name).write_bytes(data)
    text = await refusal(fetcher, sandbox, URI(str(tmp_path / name), cache=cache))
    assert text == f"cannot fetch {tmp_path}/{name}: no space left on device"
    async with Server().running() as server:
        server.pages = {"/" + name: data}
        text = await refusal(fetcher, sandbox, URI(server.url("/" + name), cache=cache))
    assert "no space left on device" in text
    assert not any(path.name.startswith("part") for path in (tmp_path / "cache").iterdir())


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB."""
    mount = tmp_path / "mount"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mount)]
    if (done := subprocess.run(command, capture_output=True, text=True, check=False)).returncode:
        pytest.skip(f"cannot mount a tmpfs here: {done.stderr.strip()}")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


async def test_a_disk_that_is_really_full(fetcher: Fetcher, tmp_path: Path, tiny: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(2 * MIB))
    assert "no space left on device" in await refusal(fetcher, tiny, URI(str(tmp_path / "large")))
    (tmp_path / "small").write_bytes(bytes(MIB // 2))
    await fetcher.fetch([URI(str(tmp_path / "small"))], tiny)
    assert [path.name for path in tiny.iterdir()] == ["small"]


@pytest.mark.parametrize("field", ["max_size", "max_extracted", "max_members", "attempts", "connections"])
async def test_options_that_cannot_be(tmp_path: Path, field: str) -> None:
    with pytest.raises(ValueError, match=f"{field} is 0, it must be positive"):
        Fetcher(tmp_path, **{field: 0})


async def test_more_options_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cache_size is -1"):
        Fetcher(tmp_path, cache_size=-1)
    with pytest.raises(ValueError, match="stall_timeout is 0"):
        Fetcher(tmp_path, stall_timeout=0.0)
    with pytest.raises(ValueError, match="backoff is nan"):
        Fetcher(tmp_path, backoff=float("nan"))


async def test_work_that_has_not_begun_is_not_waited_for() -> None:
    workers = Workers(1)
    release = asyncio.Event()
    loop = asyncio.get_running_loop()
    begun: list[str] = []

    def work(stop: Stop, name: str) -> None:
        begun.append(name)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()

    first = asyncio.create_task(workers.run(work, "first"))
    await until(lambda: begun)
    second = asyncio.create_task(workers.run(work, "second"))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    release.set()
    await first
    assert begun == ["first"]
    workers.close()


async def test_work_is_stopped_and_its_end_waited_for() -> None:
    workers = Workers(1)
    seen: list[str] = []

    def work(stop: Stop) -> None:
        seen.append("begun")
        try:
            while True:
                stop.check()
        except StoppedError:
            seen.append("stopped")
            raise

    task = asyncio.create_task(workers.run(work))
    await until(lambda: seen)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["begun", "stopped"]
    workers.close()


async def test_to_the_end_means_to_the_end() -> None:
    release = asyncio.Event()
    ended: list[bool] = []

    async def work() -> None:
        await release.wait()
        ended.append(True)

    task = asyncio.create_task(to_end(work()))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    assert not task.done()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)
