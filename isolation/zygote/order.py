"""What a shim is told to run."""

from __future__ import annotations

import json
import os
from typing import Any

from .frames import HEADER


class Order:
    """What a shim is to run, as decoded from its socket; see wire.py for the other side."""

    def __init__(self, body: bytes) -> None:
        self.umask, arguments, variables, limits, self.search = HEADER.unpack_from(body)
        fields = body[HEADER.size :].split(b"\0")
        self.cwd, self.stdout, self.stderr, self.stdin, self.terminal, name = fields[:6]
        self.name = name.decode()
        first, second = 6 + arguments, 6 + arguments + variables
        self.argv = fields[6:first]
        self.env = dict(field.split(b"=", 1) for field in fields[first:second])
        self.limits = [tuple(map(int, field.split())) for field in fields[second : second + limits]]
        extra = fields[second + limits]
        self.extra: dict[str, Any] = json.loads(extra) if extra else {}

    @property
    def forks(self) -> bool:
        """Whether there is something that only the process itself can do before it becomes the command."""
        return bool(self.limits or self.extra)

    def programs(self) -> list[bytes]:
        """Return the paths at which to look for the command, in order."""
        if not self.search:
            return [self.argv[0]]
        path = self.env.get(b"PATH", os.fsencode(os.defpath))
        return [os.path.join(directory, self.argv[0]) for directory in path.split(b":")]
