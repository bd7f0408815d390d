"""Ports held by looking: what the processes of a container listen on, against the ports that it may use."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .proc import PROC
from .rounds import CallLater
from .trees import Process, processes_below
from .watching import Watched, Watcher

__all__ = ["Listener", "PortsCheck", "parse_listeners"]

LISTEN = b"0A"
"""TCP_LISTEN, as /proc/net/tcp has it."""
SOCKET = "socket:["
TABLES = ("net/tcp", "net/tcp6")
EPHEMERAL = "sys/net/ipv4/ip_local_port_range"
"""The ports, of IPv6 too, that the kernel gives to who asks for any."""

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Listener:
    """A TCP socket that listens. `inode` is its name in /proc/PID/fd."""

    address: str
    port: int
    inode: int


@dataclass(slots=True)
class _Seen:
    """A container with a ports limit, and which of its processes listen outside of that."""

    root: Watched
    ranges: Ranges
    keepers: tuple[int, ...]
    wrong: list[tuple[Listener, Process]] = field(default_factory=list)


class PortsCheck(Watcher):
    """Ends containers in which a process listens (TCP, on whatever address) on a port that is not among theirs.

    Each `interval` seconds the table of sockets of this network namespace is read once for all containers, and the
    descriptors of the processes of those in question. A client's port needs no permission. With `ephemeral` neither
    does to listen on one that the kernel hands out (`ip_local_port_range`), unless it is among another container's:
    executors listen on such a port, and do not know it before.
    """

    name = "ports"
    kind = "ports"

    def __init__(
        self,
        interval: float = 30.0,
        *,
        ephemeral: bool = False,
        proc: Path = PROC,
        call_later: CallLater | None = None,
    ) -> None:
        super().__init__(interval, call_later)
        self._ephemeral = ephemeral
        self._proc = proc

    def support(self) -> Mapping[str, str | None]:
        """It works where /proc has the table of sockets."""
        table = self._proc / TABLES[0]
        return {"ports": None if table.exists() else f"there is no {table}"}

    async def look(self) -> None:
        """Look for listeners; report the containers that have one that they may not."""
        groups = [
            _Seen(root, root.limits.ports, tuple(each.container.keeper_pid for each in parts))
            for root, parts in self._groups()
            if root.limits.ports is not None
        ]
        handed_out = await asyncio.to_thread(_search, groups, self._proc)
        free = handed_out if self._ephemeral else ()
        for seen in groups:
            if self._lives(seen.root):
                self._judge(seen, free)

    def _judge(self, seen: _Seen, free: Ranges) -> None:
        ranges = seen.root.limits.ports or ()
        for listener, process in seen.wrong:
            # It may have been given more meanwhile.
            if not _among(listener.port, ranges) and not self._free(listener.port, free):
                self._hit(
                    seen.root,
                    f"ports limit {_in_words(ranges)}: process {process.pid} ({process.command!r}) listens on port "
                    f"{listener.port} of {listener.address}",
                )
                return

    def _free(self, port: int, free: Ranges) -> bool:
        """Whether anybody may have a port that is not its own."""
        given = (each.limits.ports or () for each in self._watched.values())
        return _among(port, free) and not any(_among(port, ranges) for ranges in given)


def parse_listeners(data: bytes) -> Iterator[Listener]:
    """The sockets that listen of a /proc/net/tcp or tcp6; lines that are none are passed over."""
    for line in data.splitlines():
        fields = line.split()
        if len(fields) < 10 or fields[3] != LISTEN:
            continue
        address, _, port = fields[1].partition(b":")
        yield Listener(_address(address), int(port, 16), int(fields[9]))


def _address(text: bytes) -> str:
    # Each word of four bytes is printed as a number of this machine.
    raw = bytes.fromhex(text.decode())
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    return str(ipaddress.ip_address(raw))


def _search(groups: Sequence[_Seen], proc: Path) -> Ranges:
    """Find what listens where it may not; return the ports that the kernel hands out."""
    trees = processes_below({keeper for seen in groups for keeper in seen.keepers if keeper}, proc)
    listeners = [
        (f"{SOCKET}{each.inode}]", each) for name in TABLES for each in parse_listeners(_table(proc / name))
    ]
    for seen in groups:
        sockets = {name: each for name, each in listeners if not _among(each.port, seen.ranges)}
        if not sockets:
            continue
        for process in (process for keeper in seen.keepers for process in trees.get(keeper, ())):
            seen.wrong += [
                (sockets[name], process) for name in _open_files(process.pid, proc) if name in sockets
            ]
    words = _table(proc / EPHEMERAL).split()
    return ((int(words[0]), int(words[1])),) if len(words) == 2 else ()


def _table(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        # A kernel without IPv6; a network namespace of which less is told.
        return b""


def _open_files(pid: int, proc: Path) -> Iterator[str]:
    """What the descriptors of a process are; nothing of one that has ended or may not be looked at."""
    directory = proc / str(pid) / "fd"
    try:
        names = os.listdir(directory)  # noqa: PTH208 (there may be thousands)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return
    for name in names:
        try:
            yield os.readlink(f"{directory}/{name}")  # noqa: PTH115
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue


def _among(port: int, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(low <= port <= high for low, high in ranges)


def _in_words(ranges: Ranges) -> str:
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges) or "(none)"
