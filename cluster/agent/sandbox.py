"""Where tasks live on disk: a fresh directory for each run of an executor."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["Sandboxes"]

MAX_NAME = 255
"""Bytes."""


class Sandboxes:
    """The sandboxes below an agent's work directory.

    `agents/<agent>/frameworks/<framework>/executors/<executor>` for the first run of an executor, the same
    with `.2`, `.3` and so on for later ones. A command task's executor has the task's id. Ids are checked by
    the master before they come here; they are checked again, since a path is what they become.

    Mesos has `<executor>/runs/<container>` and a link `latest`: four inodes for each task where this has one,
    and inodes are what launching short tasks spends most time on.
    """

    def __init__(self, work_dir: Path) -> None:
        self.work_dir = work_dir.resolve()
        self._made: set[Path] = set()
        self._latest: dict[tuple[str, str, str], Path] = {}

    def _parent(self, agent_id: str, framework_id: str, executor_id: str) -> Path:
        for part in (agent_id, framework_id, executor_id):
            long = len(part.encode(errors="surrogatepass")) > MAX_NAME
            if not part or part in (".", "..") or "/" in part or "\0" in part or long:
                raise ValueError(f"{part[:80]!r} cannot be part of a sandbox's path")
        return self.work_dir / "agents" / agent_id / "frameworks" / framework_id / "executors"

    def create(self, agent_id: str, framework_id: str, executor_id: str) -> Path:
        """Make the directory of a new run. OSError if the disk refuses."""
        parent = self._parent(agent_id, framework_id, executor_id)
        if parent not in self._made:
            parent.mkdir(parents=True, exist_ok=True)
            self._made.add(parent)
        path, number = parent / executor_id, 1
        while True:
            try:
                path.mkdir(mode=0o755)
            except FileNotFoundError:
                # The last sandbox in there was removed, and the directory with it.
                parent.mkdir(parents=True, exist_ok=True)
            except FileExistsError:
                number += 1
                path = parent / f"{executor_id}.{number}"
            else:
                self._latest[agent_id, framework_id, executor_id] = path
                return path

    def remember(self, agent_id: str, framework_id: str, executor_id: str, name: str) -> None:
        """Note which directory is an executor's latest: it was made by an earlier life of the agent."""
        path = self._parent(agent_id, framework_id, executor_id) / name
        self._latest[agent_id, framework_id, executor_id] = path

    def latest(self, agent_id: str, framework_id: str, executor_id: str) -> Path | None:
        """The directory of the latest run, if there is one."""
        known = self._latest.get((agent_id, framework_id, executor_id))
        if known is not None:
            return known if known.is_dir() else None
        # An earlier life of the agent may have made it. Which it is can only be guessed: `e.2` may be another's.
        parent = self._parent(agent_id, framework_id, executor_id)
        found, number = parent / executor_id, 2
        # Not Path.is_dir, which raises where a name is too long.
        if not os.path.isdir(found):  # noqa: PTH112
            return None
        while os.path.isdir(following := parent / f"{executor_id}.{number}"):  # noqa: PTH112
            found, number = following, number + 1
        self._latest[agent_id, framework_id, executor_id] = found
        return found

    def forget(self, path: Path) -> None:
        """Note that a sandbox was removed, and perhaps the directories above it."""
        self._made.discard(path.parent)
        for key in [key for key, latest in self._latest.items() if latest == path]:
            del self._latest[key]
