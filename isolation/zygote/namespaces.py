"""What a process does to itself so that it sees a machine of its own: namespaces, mounts in them, another root.

All of it ends with the last process that is in these namespaces: there is nothing to clean up.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from .failure import LaunchFailureError
from .linux import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWUTS,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_REC,
    make_read_only,
    mount,
    open_within,
    pivot_root,
    unmount,
    unshare,
)

FLAGS = {
    "mount": CLONE_NEWNS,
    "uts": CLONE_NEWUTS,
    "ipc": CLONE_NEWIPC,
    "net": CLONE_NEWNET,
    "cgroup": CLONE_NEWCGROUP,
}
"""In the order in which they are entered."""

SAFE = MS_NOSUID | MS_NODEV | MS_NOEXEC
KIND_FLAGS = {
    "tmpfs": MS_NOSUID | MS_NODEV,
    "proc": SAFE,
    "sysfs": SAFE,
    "mqueue": SAFE,
    "devpts": MS_NOSUID | MS_NOEXEC,
}

SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
IFF_UP = 1
INTERFACE = "16sH22x"
"""struct ifreq, with flags."""


def enter_namespaces(extra: Mapping[str, Any]) -> None:
    """Do what an order asks for. Raises LaunchFailureError. The working directory is to be set again after that."""
    asked = extra.get("namespaces", ())
    for name in asked:
        # That of process ids its parent has made: see init.py.
        if name not in FLAGS and name != "pid":
            raise LaunchFailureError(f"namespace:{name}", errno.ENOTSUP)
    stage = ""
    try:
        for name, flag in FLAGS.items():
            if name in asked:
                stage = f"namespace:{name}"
                unshare(flag)
                if name == "mount":
                    # First of all: what is mounted here must not appear outside.
                    mount(b"none", b"/", b"", MS_REC | MS_PRIVATE)
                elif name == "net":
                    raise_loopback()
        stage = "hostname"
        if hostname := extra.get("hostname"):
            socket.sethostname(hostname)
        mounts: Sequence[Sequence[Any]] = extra.get("mounts", ())
        sources: list[int] = []
        for place, each in enumerate(mounts):
            stage = f"mount:{place}"
            sources.append(open_source(each[2]) if each[1] == "bind" else -1)
        stage = "root"
        if root := extra.get("root"):
            # A root has to be a mount.
            mount(os.fsencode(root), os.fsencode(root), b"", MS_BIND | MS_REC)
        for place, each in enumerate(mounts):
            stage = f"mount:{place}"
            make_mount(root or "/", sources[place], each)
        stage = "root"
        if root:
            change_root(root)
    except OSError as error:
        raise LaunchFailureError(stage, error.errno or errno.EIO) from error


def raise_loopback() -> None:
    """Bring up the interface that each network namespace begins with. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        answer = fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack(INTERFACE, b"lo", 0))
        _name, flags = struct.unpack(INTERFACE, answer)
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack(INTERFACE, b"lo", flags | IFF_UP))


def open_source(path: str) -> int:
    """Return a descriptor (O_PATH) of what is to be bound, before a mount covers it. Raises OSError."""
    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    # A task may put a link in its sandbox where a directory was.
    if stat.S_ISLNK(os.fstat(fd).st_mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    return fd


def make_mount(root: str, source: int, asked: Sequence[Any]) -> None:
    """Make one mount below a root. Raises OSError."""
    target, kind, device, read_only, options = asked
    # By descriptors: a root may hold links that lead out of it.
    base = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    place = open_within(base, os.fsencode(target))
    if kind == "bind":
        mount(_path(source), _path(place), b"", MS_BIND | MS_REC)
    else:
        flags = KIND_FLAGS.get(kind, 0)
        mount(os.fsencode(device or kind), _path(place), os.fsencode(kind), flags, os.fsencode(options))
    os.close(place)
    if read_only:
        # The place is below the mount now, so it is looked up once more.
        place = open_within(base, os.fsencode(target))
        make_read_only(place)
        os.close(place)
    os.close(base)


def change_root(root: str) -> None:
    """Make a mount the root, and let go of all that is not below it. Raises OSError."""
    os.chdir(root)
    # The old root is put over the new one, and taken away: so it needs no directory in it.
    pivot_root(b".", b".")
    unmount(b".")
    os.chdir("/")


def _path(fd: int) -> bytes:
    return b"/proc/self/fd/%d" % fd
