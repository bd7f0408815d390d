"""Options of masters that elect one of them, and commands that look for the leader."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

import pytest
from click.testing import CliRunner, Result

from actors import UPID
from cluster.cli import api, main
from cluster.election import MASTER_ID
from cluster.election.leader import leader_key
from cluster.etcd import EtcdAddress, EtcdClient, Put
from cluster.etcd.server import EtcdCluster

ETCD = "etcd://192.0.2.1/ostrom"


def ostrom(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env={"COLUMNS": "400"})


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (["master", "--registry", "etcd"], ["--registry", "etcd: goes with --election"]),
        (
            ["master", "--registry", "sqlite", "--election", ETCD],
            ["--registry", "sqlite: masters that elect one share that in etcd"],
        ),
        (
            ["master", "--registry", "memory", "--election", ETCD],
            ["--registry", "memory: masters that elect"],
        ),
        (["master", "--election", "127.0.0.1:2379"], ["--election", "begins with etcd://"]),
        (["master", "--election", "zk://127.0.0.1/x"], ["--election", "begins with etcd://"]),
        (["master", "--election", "etcd://"], ["--election", "etcd://"]),
        (["master", "--election", ETCD, "--lease-ttl", "0"], ["--lease-ttl", "0"]),
        (["agent", "--master", "etcd://h:0/x"], ["--master", "'h' is not a host, or its port"]),
        (["master", "--standby-proxy"], ["--standby-proxy", "goes with --election"]),
        (["master", "--announce", "etcd://h/x"], ["--announce", "begins with zk://"]),
        (["master", "--announce", "zk://u:secret/x"], ["--announce", "'u' is not a host"]),
        (["local", "--masters", "0"], ["--masters", "0"]),
    ],
)
def test_bad_input_is_named(arguments: list[str], texts: list[str]) -> None:
    result = ostrom(*arguments)
    assert result.exit_code == 2, result.output
    for text in texts:
        assert text in result.output


def refused(*arguments: str) -> str:
    """What a command says that fails: one line."""
    result = ostrom(*arguments)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return " ".join(result.stderr.replace("│", " ").split())


def test_an_announcement_needs_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cluster.zookeeper.announcer", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "kazoo"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "kazoo", None)
    text = refused("master", "--port", "0", "--registry", "memory", "--announce", "zk://192.0.2.1/mesos")
    assert "--announce: there is no kazoo" in text
    assert "pip install 'ostrom[zookeeper]'" in text


def test_a_single_master_has_no_standby() -> None:
    assert "standby_proxy: with one master nobody stands by" in refused("local", "--standby-proxy")


def test_a_command_says_that_nobody_leads(
    etcd: EtcdCluster, etcd_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "ELECTION", 0.3)
    url = f"etcd://{etcd.endpoints[0]}{etcd_path}"
    assert f"no master leads, says {url}" in refused("agents", "--master", url)


def test_a_command_says_that_etcd_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "ELECTION", 0.3)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    text = refused("agents", "--master", f"etcd://me:secret@127.0.0.1:{port}/ostrom")
    assert "or it cannot be asked" in text
    assert "secret" not in text


def test_a_command_says_that_the_leader_does_not_answer(etcd: EtcdCluster, etcd_path: str) -> None:
    """It has just died: etcd names it until its lease ends."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    url = f"etcd://{etcd.endpoints[0]}{etcd_path}"

    async def name_it() -> None:
        address = EtcdAddress.parse(url)
        client = EtcdClient(address)
        upid = UPID(MASTER_ID, "127.0.0.1", port)
        await client.txn([], [Put(leader_key(address.path), f'{{"upid":"{upid}"}}'.encode())])
        await client.close()

    asyncio.run(name_it())
    text = refused("agents", "--master", url)
    assert f"no master at {url}" in text
    assert str(port) in text
