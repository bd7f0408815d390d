"""What containers see with the namespaces isolator, and what they do not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from isolation import Launcher, LaunchError, NamespaceIsolator, isolators_named
from tests.isolation.box import Box
from tests.isolation.namespaces.setups import host_mounts


@pytest.fixture(autouse=True)
def nothing_on_the_host() -> Iterator[None]:
    before = (host_mounts(), socket.gethostname())
    yield
    assert (host_mounts(), socket.gethostname()) == before


async def said(box: Box, isolator: NamespaceIsolator, line: str, **fields: Any) -> str:
    async with asyncio.timeout(30), Launcher([isolator]) as launcher:
        end = await (await launcher.launch(box.shell(line, **fields))).wait()
        assert end.code == 0, (end, box.err)
        return box.out


@pytest.mark.asyncio
async def test_a_private_tmp_that_is_in_the_sandbox(box: Box) -> None:
    # The sandbox of this test is below /tmp itself, as everything pytest makes: it is still there.
    line = f"echo mine > /tmp/{box.marker}; cat tmp/{box.marker}; pwd; ls /tmp"
    told = (await said(box, NamespaceIsolator(), line)).splitlines()
    top = [box.path.parts[2]] if box.path.is_relative_to("/tmp") else []
    assert told == ["mine", str(box.path), *sorted([box.marker, *top])]
    assert not Path("/tmp", box.marker).exists()
    assert (box.path / "tmp").stat().st_mode & 0o7777 == 0o1777
    # A second time, when it is there.
    (box.path / "stdout").unlink()
    assert await said(box, NamespaceIsolator(), f"cat /tmp/{box.marker}") == "mine\n"


@pytest.mark.asyncio
async def test_a_tmp_that_a_task_made_a_link_is_not_followed(box: Box) -> None:
    (box.path / "tmp").symlink_to("/root")
    async with asyncio.timeout(30), Launcher([NamespaceIsolator()]) as launcher:
        with pytest.raises(LaunchError, match="directory"):
            await launcher.launch(box.shell("true"))


@pytest.mark.asyncio
async def test_slash_tmp_cannot_be_a_sandbox_with_a_tmp_of_its_own(box: Box) -> None:
    async with asyncio.timeout(30), Launcher([NamespaceIsolator()]) as launcher:
        with pytest.raises(ValueError, match=r"ContainerSpec\.cwd: '/tmp' cannot hold a private /tmp"):
            await launcher.launch(box.shell("true", cwd=Path("/tmp")))
    assert not Path("/tmp/tmp").exists()


@pytest.mark.asyncio
async def test_paths_that_cannot_be_written_but_the_sandbox_below_them_can(box: Box) -> None:
    outside = box.path / "outside"
    sandbox = outside / "sandbox"
    sandbox.mkdir(parents=True)
    isolator = NamespaceIsolator(read_only=(outside, Path("/usr")), private_tmp=False)
    line = f"for d in /usr {outside} {sandbox}; do touch $d/{box.marker} && echo $d; done; true"
    assert await said(box, isolator, line, cwd=sandbox) == f"{sandbox}\n"
    assert box.err.count("Read-only file system") == 2


@pytest.mark.asyncio
async def test_name_ipc_and_network(box: Box) -> None:
    line = "uname -n; readlink /proc/self/ns/ipc; tail -n +3 /proc/net/dev | cut -d: -f1"
    isolator = NamespaceIsolator(hostname="box-1", network=False)
    name, ipc, interfaces = (await said(box, isolator, line)).splitlines()
    assert (name, interfaces.strip()) == ("box-1", "lo")
    assert ipc != str(Path("/proc/self/ns/ipc").readlink())


@pytest.mark.asyncio
async def test_the_network_is_the_hosts_unless_it_is_taken_away(box: Box) -> None:
    told = await said(box, NamespaceIsolator(), "readlink /proc/self/ns/net /proc/self/ns/uts")
    assert told.splitlines() == [str(Path("/proc/self/ns", name).readlink()) for name in ("net", "uts")]


@pytest.mark.asyncio
async def test_a_read_only_path_that_is_not_there(box: Box) -> None:
    async with asyncio.timeout(30), Launcher([NamespaceIsolator(read_only=(Path("/no-such"),))]) as launcher:
        with pytest.raises(LaunchError, match=r"/no-such|No such file"):
            await launcher.launch(box.shell("true"))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"read_only": (Path("usr"),)}, r"NamespaceIsolator\.read_only: 'usr'"),
        ({"read_only": (Path("/"),)}, r"NamespaceIsolator\.read_only: '/'"),
        ({"hostname": "a b"}, r"NamespaceIsolator\.hostname: 'a b'"),
        ({"hostname": "a" * 65}, r"NamespaceIsolator\.hostname"),
    ],
)
def test_what_cannot_be(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        NamespaceIsolator(**fields)


def test_by_name_and_what_is_here() -> None:
    (isolator,) = isolators_named("namespaces", "x")
    assert set(isolator.support().values()) == {None}
    assert "no network" in isolator.support()


@pytest.mark.asyncio
async def test_what_is_missing_is_said_and_refused(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isolation.namespaces.effective_capabilities", frozenset)
    isolator = NamespaceIsolator()
    assert isolator.support()["ipc"] == "ipc namespaces take CAP_SYS_ADMIN"
    async with asyncio.timeout(30), Launcher([isolator]) as launcher:
        with pytest.raises(ValueError, match="ipc namespaces take CAP_SYS_ADMIN"):
            await launcher.launch(box.shell("true"))
    monkeypatch.undo()
    monkeypatch.setattr("isolation.namespaces.kernel", lambda: (5, 10))
    assert isolator.support()["read-only paths"] == "read-only mounts take Linux 5.12"
