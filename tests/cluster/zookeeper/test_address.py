from __future__ import annotations

from pathlib import Path

import pytest

from cluster.zookeeper import ZooKeeperAddress


def test_addresses() -> None:
    parse = ZooKeeperAddress.parse
    assert parse("zk://a:1,b,[::1]:3/mesos") == ZooKeeperAddress(("a:1", "b:2181", "[::1]:3"), "/mesos")
    address = parse("zk://me:p%40%2F:x@a:1/x/y/")
    assert address == ZooKeeperAddress(("a:1",), "/x/y", "me", "p@/:x")
    assert str(address) == "zk://me@a:1/x/y"
    assert "p@/" not in repr(address)


def test_an_address_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "zk"
    file.write_text("zk://me:secret@a/mesos\n")
    assert ZooKeeperAddress.parse(f"file://{file}").password == "secret"
    with pytest.raises(ValueError, match="nothing: No such file"):
        ZooKeeperAddress.parse(f"file://{tmp_path / 'nothing'}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("etcd://a/b", "begins with zk://"),
        ("zk://a", "a path of a node is missing"),
        ("zk://a/", "a path of a node is missing"),
        ("zk://a//b", "a path of a node is missing"),
        ("zk://a/../b", "a path of a node is missing"),
        ("zk://a:0/b", "'a' is not a host"),
        ("zk:///b", "'' is not a host"),
        ("zk://a,,b/b", "'' is not a host"),
        ("zk://user@a/b", "user:password"),
        ("zk://user:@a/b", "user:password"),
        ("zk://u:pass/word@a/b", "percent-encoded"),
        ("zk://u:secret/b", "'u' is not a host"),
    ],
)
def test_what_is_none(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as raised:
        ZooKeeperAddress.parse(text)
    assert "secret" not in str(raised.value)
    assert "word" not in str(raised.value).replace("password", "")
