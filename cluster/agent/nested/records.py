"""What is known of a nested container."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cluster.agent.containerizer import Container
from isolation import Exit

from .ids import ContainerPath
from .switchboard import Switchboard

__all__ = ["Nested", "Surroundings"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a container's processes are, and their environment."""

    directory: Path
    environment: Mapping[str, str]


@dataclass(eq=False, slots=True)
class Nested:
    """A container. `passing`: it is a session, or has a terminal, and does not outlive the agent's process."""

    path: ContainerPath
    passing: bool
    surroundings: Surroundings | None = None
    """What those below it have from it; None before it runs."""
    directory: Path | None = None
    """Its own, if it has one."""
    switchboard: Switchboard | None = None
    container: Container | None = None
    doomed: bool = False
    ended: asyncio.Future[Exit] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """How it ended, once nothing is left of it and of those below it. NestedError if it could not be launched."""

    @property
    def running(self) -> bool:
        """Whether others can be launched below it."""
        return self.container is not None and not self.doomed and not self.ended.done()
