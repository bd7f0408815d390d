"""A real ZooKeeper, from Debian's packages: installed by whoever is root, started by each test on a port of its own."""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Self

import pytest
import pytest_asyncio
from kazoo.client import KazooClient
from kazoo.exceptions import NoNodeError

from cluster.etcd.server import BECOME

__all__ = ["Ensemble", "ensemble", "zookeeper_package"]

JAR = Path("/usr/share/java/zookeeper.jar")
# The server is in the library; the package `zookeeper` would bring a desktop's Java.
PACKAGES = ("libzookeeper-java", "default-jre-headless")
INSTALL_TIMEOUT = 600
WITHIN = 30.0
AGAIN = {"max_tries": -1, "max_delay": 0.2}
JAVA = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


@functools.cache
def install() -> str:
    """Have ZooKeeper here; or why there is none."""
    if JAR.exists() and shutil.which("java"):
        return ""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return f"there is no ZooKeeper: apt-get install {' '.join(PACKAGES)}"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for line in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
        try:
            done = subprocess.run(
                ["apt-get", "-qq", *line],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=INSTALL_TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            return f"there is no ZooKeeper: apt-get {line[0]} took more than {INSTALL_TIMEOUT} s"
        if done.returncode != 0:
            return f"there is no ZooKeeper: apt-get {line[0]}: {done.stderr.strip()[-300:]}"
    return ""


class Ensemble:
    """One server, whose sessions end `session` seconds after their client is heard no more; and who looks into it."""

    def __init__(self, work_dir: Path, session: float = 1.5) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._work_dir = work_dir
        self._session = session
        self._process: subprocess.Popen[bytes] | None = None
        self._client: Any = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
        if self._client is not None:
            self._client.stop()
            self._client.close()
        self.kill()

    async def start(self) -> None:
        """Start it, again with what it had; return when it answers."""
        lines = {
            "tickTime": 200,
            "maxSessionTimeout": int(self._session * 1000),
            "dataDir": self._work_dir / "zookeeper",
            "clientPort": self.port,
            "clientPortAddress": "127.0.0.1",
            "admin.enableServer": "false",
        }
        await asyncio.to_thread(self._launch, lines)
        if self._client is None:
            self._client = KazooClient(self.address, 2.0, connection_retry=AGAIN, command_retry=AGAIN)
            self._client.start_async()
        async with asyncio.timeout(WITHIN):
            while not self._client.connected:
                assert self._process is not None
                assert self._process.poll() is None, (self._work_dir / "zookeeper.log").read_text()
                await asyncio.sleep(0.02)

    def _launch(self, lines: dict[str, object]) -> None:
        config = self._work_dir / "zoo.cfg"
        config.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        java = shutil.which("java")
        assert java is not None
        main = "org.apache.zookeeper.server.ZooKeeperServerMain"
        command = [java, *JAVA, "-cp", str(JAR), main, str(config)]
        with (self._work_dir / "zookeeper.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", BECOME, str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    # What is in it.

    async def do(self, method: str, *args: Any, **options: Any) -> Any:
        """Call the client that looks into it; again if the server was not there, as its client may not know yet."""
        return await asyncio.to_thread(self._client.retry, getattr(self._client, method), *args, **options)

    async def nodes(self, path: str) -> dict[str, bytes]:
        """The children of a path, with what they say."""
        found = {}
        try:
            for name in await self.do("get_children", path):
                found[name], _ = await self.do("get", f"{path}/{name}")
        except NoNodeError:
            return await self.nodes(path) if found else {}
        return found

    async def until(self, path: str, condition: Callable[[dict[str, bytes]], object]) -> dict[str, bytes]:
        """Return the children of a path when they are as they should."""
        async with asyncio.timeout(WITHIN):
            while not condition(nodes := await self.nodes(path)):
                await asyncio.sleep(0.02)
        return nodes


@pytest.fixture(scope="session")
def zookeeper_package() -> None:
    if reason := install():
        pytest.skip(reason)


@pytest_asyncio.fixture
async def ensemble(zookeeper_package: None, tmp_path: Path) -> AsyncIterator[Ensemble]:
    async with Ensemble(tmp_path) as ensemble:
        await ensemble.start()
        yield ensemble
