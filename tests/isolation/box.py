"""A directory to run things in, and a marker by which all that was run in it is found again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isolation import ContainerSpec


@dataclass
class Box:
    path: Path
    marker: str

    def spec(self, *argv: str, id: str = "c", **fields: Any) -> ContainerSpec:  # noqa: A002
        values: dict[str, Any] = {
            "env": {"PATH": "/usr/local/bin:/usr/bin:/bin", "MARKER": self.marker},
            "cwd": self.path,
            "stdout": self.path / "stdout",
            "stderr": self.path / "stderr",
        }
        return ContainerSpec(id=id, argv=argv, **{**values, **fields})

    def shell(self, line: str, **fields: Any) -> ContainerSpec:
        return self.spec("sh", "-c", line, **fields)

    @property
    def state(self) -> Path:
        return self.path / "state"

    @property
    def out(self) -> str:
        return (self.path / "stdout").read_text()

    @property
    def err(self) -> str:
        return (self.path / "stderr").read_text()

    def processes(self) -> list[int]:
        """The living processes that have the marker in their environment."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                environ = (entry / "environ").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if self.marker.encode() in environ and state not in "ZX":
                found.append(int(entry.name))
        return found


async def eventually(condition: Callable[[], object]) -> None:
    """Wait for what only the file system or the process table can tell; the test's time limit bounds it."""
    while not condition():
        await asyncio.sleep(0.005)
