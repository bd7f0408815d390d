"""Where ZooKeeper is, as people wrote it for Mesos."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from cluster.hosts import host_of

__all__ = ["ZooKeeperAddress"]

SCHEME = "zk://"
FILE = "file://"
PORT = 2181


@dataclass(frozen=True)
class ZooKeeperAddress:
    """The members of an ensemble, "host:port" each, and the path of a node. No text made of it has the password."""

    hosts: tuple[str, ...]
    path: str
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> ZooKeeperAddress:
        """Parse `zk://[user:password@]host[:2181][,host[:port]...]/path`, or `file:///FILE` which has that in it.

        User and password are Mesos's digest; what would be taken for a part of the address in them is percent-encoded.
        ValueError says what is wrong.
        """
        if text.startswith(FILE):
            text = _read(text.removeprefix(FILE))
        if not text.startswith(SCHEME):
            raise ValueError(f"a ZooKeeper address begins with {SCHEME}")
        # Whatever may be a password, if wrongly written, is left of the last @: nothing of that is ever shown.
        login, at, place = text.removeprefix(SCHEME).rpartition("@")
        if any(mark in login for mark in "/@"):
            raise ValueError("ZooKeeper address: / and @ are percent-encoded in user and password (%2F %40)")
        user, _, password = (unquote(part) for part in login.partition(":"))
        if at and not (user and password):
            raise ValueError("ZooKeeper address: before the @ there are user:password")
        hosts, _, path = place.partition("/")
        parts = path.rstrip("/").split("/")
        if any(part in ("", ".", "..") for part in parts):
            raise ValueError(f"ZooKeeper address: a path of a node is missing, as in {SCHEME}host/mesos")
        return cls(
            tuple(host_of(host, PORT, "ZooKeeper address") for host in hosts.split(",")),
            f"/{'/'.join(parts)}",
            user,
            password,
        )

    def __str__(self) -> str:
        """The address as it may be shown: without the password."""
        login = f"{self.user}@" if self.user else ""
        return f"{SCHEME}{login}{','.join(self.hosts)}{self.path}"


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ValueError(f"ZooKeeper address: {path}: {why}") from None
