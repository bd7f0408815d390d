"""What to run: the command, where its output goes, and its limits."""

from __future__ import annotations

import re
import resource
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .limits import Limits
from .setup import User

ID = re.compile(r"[A-Za-z0-9._-]{1,200}")

RLIMITS: Mapping[str, int] = MappingProxyType(
    {
        name.removeprefix("RLIMIT_").lower(): number
        for name, number in vars(resource).items()
        # OFILE is BSD's name of NOFILE: one limit under two names could be given twice.
        if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE"
    }
)
"""The limits that this platform knows, by their names in lower case without RLIMIT_: `nofile`, `cpu`, `core`, ..."""

UNLIMITED = resource.RLIM_INFINITY


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """One command to run contained.

    `id` consists of letters, digits, `.`, `_` and `-`, at most 200, without `..`. `argv[0]` is looked up in the PATH of
    `env` when it has no slash. `env` is the whole environment of the command, nothing is added. `cwd`, `stdout` and
    `stderr` are absolute; the two files are appended to, and created with mode 0644. They may be named pipes that are
    being read. `stdin`, a file or a named pipe, is where its input comes from; without there is none. `terminal` is the
    path of a terminal that becomes its own, for input and both outputs; those three are not opened then. `rlimits`
    maps names such as "nofile" to (soft, hard) in the units of setrlimit(2), `UNLIMITED` for none. What `limits` ask
    for is done by isolators; one for which there is none is refused at the launch. `within` is the id of a container
    that runs, if this one shares what that is limited to, and has no limits of its own. `user` is whom it runs as, if
    not the launcher's own user: the caller sees to it that this one may write in `cwd`. Raises ValueError for anything
    else, naming the field and its value.
    """

    id: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    stdout: Path
    stderr: Path
    stdin: Path | None = None
    terminal: Path | None = None
    rlimits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    umask: int = 0o022
    limits: Limits = field(default_factory=Limits)
    within: str = ""
    user: User | None = None

    def __post_init__(self) -> None:
        if not ID.fullmatch(self.id) or ".." in self.id:
            raise _wrong("id", self.id, "must be 1 to 200 of A-Z a-z 0-9 . _ - without '..'")
        if self.within and not ID.fullmatch(self.within):
            raise _wrong("within", self.within, "is no id of a container")
        if self.within and self.limits.asked():
            raise _wrong("limits", self.limits, f"are those of {self.within!r}, within which it runs")
        if not isinstance(self.user, User | None):
            raise _wrong("user", self.user, "must be a User, as User.named() gives")
        if isinstance(self.argv, str) or not self.argv or not self.argv[0]:
            raise _wrong("argv", self.argv, "must name a command")
        for argument in self.argv:
            _check_text("argv", argument)
        for name, value in self.env.items():
            _check_text("env", name)
            _check_text(f"env[{name!r}]", value)
            if not name or "=" in name:
                raise _wrong("env", name, "is not the name of a variable")
        for label in ("cwd", "stdout", "stderr", "stdin", "terminal"):
            path: Path | None = getattr(self, label)
            if path is None:
                continue
            if not path.is_absolute():
                raise _wrong(label, str(path), "must be an absolute path")
            _check_text(label, str(path))
        for name, limit in self.rlimits.items():
            if name not in RLIMITS:
                raise _wrong("rlimits", name, f"is not a limit; known are {', '.join(sorted(RLIMITS))}")
            _check_limit(f"rlimits[{name!r}]", limit)
        if not 0 <= self.umask <= 0o777:
            raise _wrong("umask", self.umask, "must be between 0 and 0o777")


def _check_text(label: str, text: str) -> None:
    if "\0" in text:
        raise _wrong(label, text, "holds a NUL character")
    try:
        text.encode(errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise _wrong(label, text, "holds a lone surrogate") from error


def _check_limit(label: str, limit: tuple[int, int]) -> None:
    if len(limit) != 2 or not all(UNLIMITED <= number < 2**63 for number in limit):
        raise _wrong(label, limit, "must be (soft, hard), each UNLIMITED or 0 and more")
    soft, hard = limit
    if hard != UNLIMITED and (soft == UNLIMITED or soft > hard):
        raise _wrong(label, limit, "has a soft limit above the hard one")


def _wrong(label: str, value: Any, why: str) -> ValueError:
    return ValueError(f"ContainerSpec.{label}: {value!r} {why}")
