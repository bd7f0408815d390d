"""What a process does to itself before it becomes a command: joins control groups, becomes a user, gives up rights.

All of it is in a fork of the shim, which has one thread. What isolators want is in the order's `extra`, see
`isolation.setup.Setup`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from typing import Any

from .failure import LaunchFailureError
from .linux import PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, filter_calls, prctl

MOST_CAPABILITIES = 64


def enter_groups(paths: Sequence[str]) -> None:
    """Join control groups, before anything else: what follows is charged to them. Raises LaunchFailureError."""
    for place, path in enumerate(paths):
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                # 0 is whoever writes it.
                os.write(fd, b"0")
            finally:
                os.close(fd)
        except OSError as error:
            raise LaunchFailureError(f"group:{place}", error.errno or errno.EIO) from error


def be_scored(extra: Mapping[str, Any]) -> None:
    """Say whom the kernel is to kill first for want of memory, while there is a /proc. Raises LaunchFailureError."""
    try:
        if (score := extra.get("oom_score_adj")) is not None:
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write(str(score))
    except OSError as error:
        raise LaunchFailureError("oom_score_adj", error.errno or errno.EIO) from error


def lower(extra: Mapping[str, Any]) -> None:
    """Give up what the command is not to have, in the order in which that is still allowed. LaunchFailureError."""
    stage = "capabilities"
    try:
        if (kept := extra.get("capabilities")) is not None:
            _drop_capabilities(set(kept))
        stage = "user"
        if (user := extra.get("user")) is not None:
            uid, gid, groups = user
            os.setgroups(groups)
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
        stage = "no_new_privs"
        if extra.get("no_new_privs"):
            prctl(PR_SET_NO_NEW_PRIVS, 1)
        stage = "seccomp"
        if program := extra.get("seccomp"):
            filter_calls(bytes.fromhex(program))
    except OSError as error:
        raise LaunchFailureError(stage, error.errno or errno.EIO) from error


def _drop_capabilities(kept: set[int]) -> None:
    for number in range(MOST_CAPABILITIES):
        if number in kept:
            continue
        try:
            prctl(PR_CAPBSET_DROP, number)
        except OSError as error:
            # The kernel does not know it, nor any above it. Not by /proc, which the root may not have.
            if error.errno == errno.EINVAL:
                return
            raise
