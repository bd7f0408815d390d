"""Containers of a benchmark: in a directory of their own, with control groups where there are any."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from isolation import CgroupIsolator, ContainerSpec, Isolator, Launcher, Limits

__all__ = ["Box", "opened"]


@dataclass
class Box:
    """A launcher, and where its containers are."""

    launcher: Launcher
    path: Path
    groups: CgroupIsolator | None

    def spec(self, id_: str, *argv: str, limits: Limits | None = None) -> ContainerSpec:
        """A command in the box."""
        return ContainerSpec(
            id=id_,
            argv=argv,
            env={"PATH": os.environ["PATH"]},
            cwd=self.path,
            stdout=self.path / f"{id_}.out",
            stderr=Path(os.devnull),
            limits=limits if limits is not None and self.groups is not None else Limits(),
        )


@asynccontextmanager
async def opened(*, groups: bool) -> AsyncIterator[Box]:
    """A box. With `groups` its containers have control groups; ValueError if there are none here."""
    isolator = CgroupIsolator(f"ostrom-benchmark-{os.getpid()}") if groups else None
    isolators: Sequence[Isolator] | None = None if isolator is None else [isolator]
    with tempfile.TemporaryDirectory() as directory:
        async with Launcher(isolators) as launcher:
            yield Box(launcher, Path(directory), isolator)
