"""UPID: the address of an actor, anywhere."""

from __future__ import annotations

import re
from functools import total_ordering

__all__ = ["UPID", "Address", "format_address", "parse_address"]

Address = tuple[str, int]
"""Host and TCP port of an actor system, as other systems reach it; or the path of its Unix socket, and 0."""

_ID = re.compile(r"[A-Za-z0-9_.()\-]{1,128}")
_HOST = re.compile(r"[A-Za-z0-9_.:\-%]{1,255}")
_PATH = re.compile(r"/[!-?A-~]{1,106}")
_UNIX = "unix:"


def format_address(address: Address) -> str:
    """`host:port`, with IPv6 hosts in brackets; `unix:/path`."""
    host, port = address
    if host.startswith("/"):
        return f"{_UNIX}{host}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_address(text: str) -> Address:
    """Parse `host:port`, `[ipv6]:port` or `unix:/path`; raise ValueError naming the text."""
    if text.startswith(_UNIX):
        path = text.removeprefix(_UNIX)
        if not _PATH.fullmatch(path):
            raise ValueError(
                f"address {text[:300]!r}: the path of a Unix socket is absolute, 2 to 107 characters of ASCII "
                "without spaces and @"
            )
        return path, 0
    host, separator, port = text.strip().rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"address {text[:300]!r}: an IPv6 host stands in brackets, [::1]:5050")
    if not separator or not _HOST.fullmatch(host):
        raise ValueError(f"address {text[:300]!r} is not host:port")
    # int() refuses thousands of digits with an error of its own.
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) < 65536):
        raise ValueError(f"address {text[:300]!r}: port {port[:40]!r} is not a number from 0 to 65535")
    return host, int(port)


@total_ordering
class UPID:
    """The address of one actor: `id@host:port`, libprocess's form.

    Cheap, immutable, hashable and ordered. It names an actor; it does not say that the actor exists.

    >>> UPID.parse("master@127.0.0.1:5050").id
    'master'
    """

    __slots__ = ("_hash", "address", "id")

    id: str
    address: Address
    _hash: int

    def __init__(self, id: str, host: str, port: int) -> None:  # noqa: A002 - libprocess's name
        _set_id(self, id)
        _set_address(self, (host, port))

    @classmethod
    def at(cls, id: str, address: Address) -> UPID:  # noqa: A002
        """Make a UPID that shares the given address tuple, as all actors of one system do."""
        upid = _new(cls)
        _set_id(upid, id)
        _set_address(upid, address)
        return upid

    @classmethod
    def parse(cls, text: str) -> UPID:
        """Parse `id@host:port`; raise ValueError naming the text."""
        id_, separator, address = text.strip().partition("@")
        if not separator or not _ID.fullmatch(id_):
            raise ValueError(f"UPID {text[:300]!r} is not id@host:port")
        return cls.at(id_, parse_address(address))

    @property
    def host(self) -> str:
        """The host part."""
        return self.address[0]

    @property
    def port(self) -> int:
        """The port part."""
        return self.address[1]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"UPID is immutable: {name}")

    def __reduce__(self) -> tuple[type[UPID], tuple[str, str, int]]:
        return UPID, (self.id, *self.address)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, UPID) and self.id == other.id and self.address == other.address

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"UPID is immutable: {name}")

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, UPID):
            return NotImplemented
        return (self.address, self.id) < (other.address, other.id)

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            # When it is first wanted: most actors are never in a set, and a number takes as much room as the UPID.
            value = hash((self.id, *self.address))
            _set_hash(self, value)
            return value

    def __str__(self) -> str:
        return f"{self.id}@{format_address(self.address)}"

    def __repr__(self) -> str:
        return f"UPID({str(self)!r})"


_new = object.__new__
# The slots' own setters: past __setattr__, which refuses, at a third of the cost of object's.
_set_id = UPID.__dict__["id"].__set__
_set_address = UPID.__dict__["address"].__set__
_set_hash = UPID.__dict__["_hash"].__set__


def valid_id(id: str) -> bool:  # noqa: A002
    """Whether this may be an actor's id."""
    return _ID.fullmatch(id) is not None
