"""The isolator that shows a container less of the host: an own /tmp, paths that cannot be written, own names."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from .cgroups.choosing import kernel
from .isolator import Plain
from .rights import CAPABILITIES, effective_capabilities
from .setup import Mount, Namespace, Setup
from .spec import ContainerSpec

__all__ = ["NamespaceIsolator"]

HOSTNAME = re.compile(r"(?!-)[A-Za-z0-9.-]{1,64}(?<!-)")
TMP = Path("/tmp")  # noqa: S108 (what is made private)
IN_SANDBOX = "tmp"
"""The directory of the sandbox that is its /tmp, as in Mesos: its files count as the sandbox's, and go with it."""
NAMESPACES: Mapping[Namespace, str] = {"mount": "mnt", "uts": "uts", "ipc": "ipc", "net": "net", "pid": "pid"}
"""By the name of each in /proc/self/ns."""


class NamespaceIsolator(Plain):
    """Gives each container namespaces of its own.

    With `private_tmp` its /tmp is the directory `tmp` of its working directory, which is made. `read_only` are paths
    of the host that it cannot write, with all below them, whoever it is. With `ipc` it has System V's and POSIX' IPC
    to itself; it has the name `hostname`, if that is not empty. Its network is the host's, or, if `network` is false,
    nothing but a loopback interface of its own. With `pid` it sees no processes but its own, below one that adopts its
    orphans and with which all of them die. ValueError, naming the field, for what cannot be.
    """

    name = "namespaces"

    def __init__(
        self,
        *,
        private_tmp: bool = True,
        read_only: Sequence[Path] = (),
        hostname: str = "",
        ipc: bool = True,
        network: bool = True,
        pid: bool = False,
    ) -> None:
        for path in read_only:
            if not path.is_absolute() or ".." in path.parts or path == Path("/"):
                raise _wrong("read_only", str(path), "must be an absolute path below /, without '..'")
        if hostname and not HOSTNAME.fullmatch(hostname):
            raise _wrong("hostname", hostname, "must be 1 to 64 of A-Z a-z 0-9 . -")
        self._private_tmp = private_tmp
        self._read_only = tuple(read_only)
        self._hostname = hostname
        asked: dict[Namespace, bool] = {
            "mount": private_tmp or bool(read_only) or pid,
            "uts": bool(hostname),
            "ipc": ipc,
            "net": not network,
            "pid": pid,
        }
        self._namespaces = frozenset(name for name, wanted in asked.items() if wanted)

    def support(self) -> Mapping[str, str | None]:
        """What of it this kernel and our rights allow."""
        found = {name: _missing(name) for name in NAMESPACES}
        return {
            "private /tmp": found["mount"] or _before((5, 6), "mounts"),
            "read-only paths": found["mount"] or _before((5, 12), "read-only mounts"),
            "hostname": found["uts"],
            "ipc": found["ipc"],
            "no network": found["net"],
            "process ids": found["pid"] or found["mount"] or _before((5, 6), "mounts"),
        }

    def prepare(self, spec: ContainerSpec, setup: Setup) -> Setup:
        """Add them. ValueError for what is not here, OSError if there can be no /tmp in the working directory."""
        for name in sorted(self._namespaces):
            if reason := _missing(name):
                raise ValueError(f"NamespaceIsolator: {reason}")
        mounts: list[Mount] = []
        if "pid" in self._namespaces:
            mounts.append(Mount(target=Path("/proc"), kind="proc"))
        if setup.root is None:
            # In another root these paths are none of the host's.
            mounts += (
                Mount(target=path, source=path.resolve(strict=True), read_only=True)
                for path in self._read_only
            )
        if self._private_tmp:
            mounts.append(Mount(target=TMP, source=_tmp_of(spec.cwd)))
        if setup.root is None:
            covered = (*self._read_only, *([TMP] if self._private_tmp else ()))
            mounts += self._put_back(spec.cwd, covered)
        return dataclasses.replace(
            setup,
            namespaces=setup.namespaces | self._namespaces,
            mounts=(*setup.mounts, *mounts),
            hostname=self._hostname or setup.hostname,
        )

    def _put_back(self, sandbox: Path, covered: Sequence[Path]) -> list[Mount]:
        """What shows a working directory again that is below one of those. OSError."""
        if not covered:
            return []
        real = sandbox.resolve(strict=True)
        mounts = []
        for path in dict.fromkeys((sandbox, real)):
            if any(path.is_relative_to(each) for each in covered):
                if self._private_tmp and path.is_relative_to(TMP):
                    _make(real / IN_SANDBOX, path.relative_to(TMP).parts)
                mounts.append(Mount(target=path, source=real))
        return mounts


def _tmp_of(sandbox: Path) -> Path:
    """Make the directory of a sandbox that is its /tmp. OSError; ValueError for /tmp itself."""
    real = sandbox.resolve(strict=True)
    if real == TMP.resolve():
        raise ValueError(f"ContainerSpec.cwd: {str(sandbox)!r} cannot hold a private /tmp, as it is /tmp")
    _make(real, (IN_SANDBOX,), 0o1777)
    return real / IN_SANDBOX


def _make(base: Path, parts: Sequence[str], mode: int | None = None) -> None:
    """Make directories that are not there, each in the one before; no link is followed. OSError."""
    # By descriptors: a task that runs there may put links in the way.
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(base, flags)
    try:
        for part in parts:
            new = True
            try:
                os.mkdir(part, 0o755, dir_fd=fd)
            except FileExistsError:
                new = False
            below = os.open(part, flags, dir_fd=fd)
            os.close(fd)
            fd = below
            if new and mode is not None:
                os.fchmod(fd, mode)
    finally:
        os.close(fd)


def _missing(name: Namespace) -> str | None:
    """Why there can be no such namespace."""
    if not Path("/proc/self/ns", NAMESPACES[name]).exists():
        return f"the kernel has no {name} namespaces"
    if CAPABILITIES["sys_admin"] not in effective_capabilities():
        return f"{name} namespaces take CAP_SYS_ADMIN"
    return None


def _before(version: tuple[int, int], what: str) -> str | None:
    return None if kernel() >= version else f"{what} take Linux {version[0]}.{version[1]}"


def _wrong(label: str, value: object, why: str) -> ValueError:
    return ValueError(f"NamespaceIsolator.{label}: {value!r} {why}")
