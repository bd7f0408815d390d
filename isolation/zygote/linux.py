"""Attributes of this process that only Linux has, and its calls that Python 3.11 does not have."""

from __future__ import annotations

import ctypes
import os
import struct

PR_SET_DUMPABLE = 4
PR_SET_NAME = 15
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MNT_DETACH = 2

# The same on all architectures, as all calls since Linux 5.1 are.
SYS_OPENAT2 = 437
SYS_MOUNT_SETATTR = 442
RESOLVE_IN_ROOT = 0x10
AT_EMPTY_PATH, AT_RECURSIVE = 0x1000, 0x8000
MOUNT_ATTR_RDONLY = 1

SECCOMP_MODE_FILTER = 2
BPF_INSTRUCTION = 8
"""Bytes of one."""

LIBC = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int | bytes) -> None:
    """Set an attribute of this process. Raises OSError."""
    argument = value if isinstance(value, bytes) else ctypes.c_ulong(value)
    zero = ctypes.c_ulong(0)
    _checked(LIBC.prctl(option, argument, zero, zero, zero), f"prctl {option}")


def filter_calls(program: bytes) -> None:
    """Have the kernel ask a BPF program about each call from now on. Raises OSError."""
    code = ctypes.create_string_buffer(program, len(program))
    what = struct.pack("HP", len(program) // BPF_INSTRUCTION, ctypes.addressof(code))
    zero = ctypes.c_ulong(0)
    mode = ctypes.c_ulong(SECCOMP_MODE_FILTER)
    _checked(LIBC.prctl(PR_SET_SECCOMP, mode, what, zero, zero), "prctl PR_SET_SECCOMP")


def unshare(flags: int) -> None:
    """Have namespaces of its own. Raises OSError."""
    _checked(LIBC.unshare(flags), "unshare")


def setns(fd: int, flags: int) -> None:
    """Enter a namespace. Raises OSError."""
    _checked(LIBC.setns(fd, flags), "setns")


def mount(source: bytes, target: bytes, kind: bytes, flags: int, options: bytes = b"") -> None:
    """Mount a file system. Raises OSError."""
    _checked(LIBC.mount(source, target, kind, ctypes.c_ulong(flags), options or None), "mount")


def unmount(target: bytes) -> None:
    """Take away a mount, even if it is in use. Raises OSError."""
    _checked(LIBC.umount2(target, MNT_DETACH), "umount2")


def pivot_root(new: bytes, old: bytes) -> None:
    """Make a mount the root, and put the old one elsewhere. Raises OSError."""
    _checked(LIBC.pivot_root(new, old), "pivot_root")


def open_within(root: int, path: bytes) -> int:
    """Return a descriptor (O_PATH) of what `path` is to a process whose root `root` is: no link leads out of it.

    Raises OSError; ENOSYS before Linux 5.6.
    """
    how = struct.pack("QQQ", os.O_PATH | os.O_CLOEXEC, 0, RESOLVE_IN_ROOT)
    size = ctypes.c_ulong(len(how))
    return _checked(LIBC.syscall(ctypes.c_long(SYS_OPENAT2), root, path, how, size), "openat2")


def make_read_only(fd: int) -> None:
    """Make a mount, and all below it, read-only, for this mount namespace. Raises OSError; ENOSYS before Linux 5.12."""
    attributes = struct.pack("QQQQ", MOUNT_ATTR_RDONLY, 0, 0, 0)
    size = ctypes.c_ulong(len(attributes))
    flags = AT_EMPTY_PATH | AT_RECURSIVE
    number = ctypes.c_long(SYS_MOUNT_SETATTR)
    _checked(LIBC.syscall(number, fd, b"", flags, attributes, size), "mount_setattr")


def _checked(result: int, call: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), call)
    return result
