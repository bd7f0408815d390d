"""Where tasks live on disk: Mesos's layout, one fresh directory for each run of an executor."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["Sandboxes"]


class Sandboxes:
    """The sandboxes below an agent's work directory.

    `agents/<agent>/frameworks/<framework>/executors/<executor>/runs/<container>`, and `runs/latest` beside
    it. A command task's executor has the task's id. Ids are checked by the master before they come here;
    they are checked again, since a path is what they become.
    """

    def __init__(self, work_dir: Path) -> None:
        self.work_dir = work_dir.resolve()

    def _runs(self, agent_id: str, framework_id: str, executor_id: str) -> Path:
        for part in (agent_id, framework_id, executor_id):
            if not part or part in (".", "..") or "/" in part or "\0" in part:
                raise ValueError(f"{part!r} cannot be part of a sandbox's path")
        return (
            self.work_dir / "agents" / agent_id / "frameworks" / framework_id
            / "executors" / executor_id / "runs"
        )  # fmt: skip

    def create(self, agent_id: str, framework_id: str, executor_id: str, container_id: str) -> Path:
        """Make the directory of a new run, only for its owner to read. OSError if the disk refuses."""
        runs = self._runs(agent_id, framework_id, executor_id)
        path = runs / container_id
        path.mkdir(parents=True, mode=0o755)
        # Replaced in one step: a reader finds the old link or the new, never none.
        link = runs / f".latest-{container_id}"
        link.symlink_to(container_id)
        link.replace(runs / "latest")
        return path

    def latest(self, agent_id: str, framework_id: str, executor_id: str) -> Path | None:
        """The directory of the latest run, if there is one."""
        path = self._runs(agent_id, framework_id, executor_id) / "latest"
        try:
            return path.parent / path.readlink()
        except OSError:
            return None

    @staticmethod
    def open_file(sandbox: Path, name: str) -> int | None:
        """Open a file of a sandbox for reading; None if there is no such regular file inside it.

        What a task left there is not trusted: a path or a link that leads out of the sandbox is refused.
        """
        try:
            real = (sandbox / name).resolve(strict=True)
            if not real.is_relative_to(sandbox.resolve(strict=True)) or not real.is_file():
                return None
            return os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (OSError, ValueError):
            return None
