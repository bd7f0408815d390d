"""Why a command could not be started."""

from __future__ import annotations


class LaunchFailureError(Exception):
    """The command could not be started.

    `stage` names what failed: cwd, stdout, stderr, stdin, terminal, command, limit:N, fork, record, group:N, mount:N,
    namespace:NAME, or another part of what isolators asked for, by its name in the order's `extra`.
    """

    def __init__(self, stage: str, code: int) -> None:
        super().__init__(stage, code)
        self.stage = stage
        self.code = code
