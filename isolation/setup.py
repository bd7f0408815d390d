"""How a command is launched: what isolators add to it, each in turn, for the shim that starts it."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

__all__ = ["Mount", "Namespace", "Setup", "User"]

Namespace = Literal["pid", "mount", "uts", "ipc", "net", "user", "cgroup"]


@dataclass(frozen=True, slots=True)
class User:
    """Whom a command runs as, by numbers; `groups` are those besides `gid`."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name, value in (
            ("uid", self.uid),
            ("gid", self.gid),
            *(("groups", each) for each in self.groups),
        ):
            if not 0 <= value < 2**32 - 1:
                raise ValueError(f"User.{name}: {value!r} is no id")

    @classmethod
    def named(cls, name: str) -> Self:
        """The user of a name on this machine, with all its groups. ValueError if there is none."""
        try:
            entry = pwd.getpwnam(name)
        except (KeyError, ValueError) as error:
            raise ValueError(f"User: there is no user {name!r} here") from error
        groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
        return cls(entry.pw_uid, entry.pw_gid, tuple(sorted(set(groups) - {entry.pw_gid})))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A mount that is made in the container's own mount namespace, in order. `target` is absolute, within its root.

    `target` is there already; links in it lead nowhere out of the root. `kind` is "bind" (of `source`, a file or
    directory of the host, with all that is mounted below it, and no symbolic link itself), or a file system like
    "tmpfs" or "proc", with `options` as mount(2) has them as data. `read_only` is for all that is below it, too.
    """

    target: Path
    kind: str = "bind"
    source: Path | None = None
    read_only: bool = False
    options: str = ""

    def __post_init__(self) -> None:
        if not self.target.is_absolute() or ".." in self.target.parts:
            raise ValueError(f"Mount.target: {str(self.target)!r} must be an absolute path without '..'")
        if self.kind == "bind" and (self.source is None or not self.source.is_absolute()):
            raise ValueError(f"Mount.source: {str(self.source)!r} must be an absolute path")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What is done between the fork and the execution of the command, in this order.

    Its process joins the control groups whose `cgroup.procs` are `groups`; has namespaces of its own, `mounts` made in
    them, `root` as its root directory, and `hostname`; `rlimits`; `oom_score_adj`; keeps of the capabilities those in
    `capabilities` only (numbers; None: all), is `user`, and with `no_new_privs` never more than that; a `seccomp`
    filter (the bytes of a BPF program) is put on it last.
    """

    groups: tuple[Path, ...] = ()
    namespaces: frozenset[Namespace] = frozenset()
    mounts: tuple[Mount, ...] = ()
    root: Path | None = None
    hostname: str = ""
    rlimits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    oom_score_adj: int | None = None
    capabilities: frozenset[int] | None = None
    user: User | None = None
    no_new_privs: bool = False
    seccomp: bytes = b""

    def __post_init__(self) -> None:
        # Without them it would be done to the host.
        if (self.mounts or self.root is not None) and "mount" not in self.namespaces:
            raise ValueError("Setup.namespaces: mounts and a root take one of mounts")
        if "pid" in self.namespaces and "mount" not in self.namespaces:
            raise ValueError("Setup.namespaces: one of process ids takes one of mounts, for its /proc")
        if self.hostname and "uts" not in self.namespaces:
            raise ValueError("Setup.namespaces: a hostname takes one of uts")
        if self.seccomp and not self.no_new_privs:
            raise ValueError("Setup.no_new_privs: a filter of calls takes it")
        if len(self.seccomp) % 8:
            raise ValueError("Setup.seccomp: an instruction has 8 bytes")
        if self.root is not None and not self.root.is_absolute():
            raise ValueError(f"Setup.root: {str(self.root)!r} must be an absolute path")

    def extra(self) -> dict[str, Any]:
        """What a shim is told besides the order itself, as JSON has it; empty if there is nothing."""
        told: dict[str, Any] = {
            "groups": [str(each) for each in self.groups],
            "namespaces": sorted(self.namespaces),
            "mounts": [
                [str(each.target), each.kind, str(each.source or ""), each.read_only, each.options]
                for each in self.mounts
            ],
            "root": "" if self.root is None else str(self.root),
            "hostname": self.hostname,
            "oom_score_adj": self.oom_score_adj,
            "capabilities": None if self.capabilities is None else sorted(self.capabilities),
            "user": None if self.user is None else [self.user.uid, self.user.gid, list(self.user.groups)],
            "no_new_privs": self.no_new_privs,
            "seccomp": self.seccomp.hex(),
        }
        return {name: value for name, value in told.items() if value not in ([], "", None, False)}
