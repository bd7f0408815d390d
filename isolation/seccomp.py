"""The isolator that keeps system calls from containers that they have no business with."""

from __future__ import annotations

import dataclasses
import errno
import platform
import struct
from collections.abc import Collection, Mapping
from types import MappingProxyType

from .isolator import Plain
from .setup import Setup
from .spec import ContainerSpec

__all__ = ["CALLS", "SeccompIsolator", "program_refusing"]

ARCHITECTURES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
)
"""By the name of the machine: the column of CALLS, and AUDIT_ARCH_*."""

CALLS: Mapping[str, tuple[int | None, int | None]] = MappingProxyType(
    {
        # What changes the kernel, or looks into it.
        "kexec_load": (246, 104),
        "kexec_file_load": (320, 294),
        "init_module": (175, 105),
        "finit_module": (313, 273),
        "delete_module": (176, 106),
        "reboot": (169, 142),
        "bpf": (321, 280),
        "perf_event_open": (298, 241),
        "syslog": (103, 116),
        "iopl": (172, None),
        "ioperm": (173, None),
        # What is the whole machine's.
        "swapon": (167, 224),
        "swapoff": (168, 225),
        "acct": (163, 89),
        "quotactl": (179, 60),
        "settimeofday": (164, 170),
        "clock_settime": (227, 112),
        # What undoes namespaces and mounts.
        "mount": (165, 40),
        "umount2": (166, 39),
        "pivot_root": (155, 41),
        "open_tree": (428, 428),
        "move_mount": (429, 429),
        "fsopen": (430, 430),
        "fsconfig": (431, 431),
        "fsmount": (432, 432),
        "fspick": (433, 433),
        "mount_setattr": (442, 442),
        "setns": (308, 268),
        "open_by_handle_at": (304, 265),
        # Keys are not in namespaces.
        "add_key": (248, 217),
        "request_key": (249, 218),
        "keyctl": (250, 219),
        # Of these much has been broken out through.
        "userfaultfd": (323, 282),
        "io_uring_setup": (425, 425),
    }
)
"""What is refused, by its name: the numbers on x86_64 and aarch64."""

LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER_AT, ARCHITECTURE_AT = 0, 4
"""Bytes into struct seccomp_data."""
ALLOW, ERROR, KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
X32 = 0x40000000
"""Calls of a second interface of x86_64 begin here: the same calls by other numbers."""


def program_refusing(names: Collection[str], machine: str) -> bytes:
    """A BPF program by which those calls are EPERM, and calls of another architecture the end of who makes them.

    ValueError for what is not known.
    """
    if machine not in ARCHITECTURES:
        raise ValueError(f"there is no table of system calls for {machine!r}")
    column, architecture = ARCHITECTURES[machine]
    code = [
        _instruction(LOAD, ARCHITECTURE_AT),
        _instruction(EQUAL, architecture, 1, 0),
        _instruction(RETURN, KILL_PROCESS),
        _instruction(LOAD, NUMBER_AT),
    ]
    if machine == "x86_64":
        code += [_instruction(AT_LEAST, X32, 0, 1), _instruction(RETURN, ERROR | errno.ENOSYS)]
    for name in names:
        if name not in CALLS:
            raise ValueError(f"system call {name!r} is not known; known are {', '.join(sorted(CALLS))}")
        number = CALLS[name][column]
        if number is not None:
            code += [_instruction(EQUAL, number, 0, 1), _instruction(RETURN, ERROR | errno.EPERM)]
    code.append(_instruction(RETURN, ALLOW))
    return b"".join(code)


class SeccompIsolator(Plain):
    """Refuses `calls`, by name, with EPERM, and programs of another architecture. ValueError for unknown names.

    It sets no_new_privs, as a filter that setuid programs would meet could mislead them.
    """

    name = "seccomp"

    def __init__(self, calls: Collection[str] = tuple(CALLS)) -> None:
        self._reason: str | None = None
        self._program = b""
        machine = platform.machine()
        if machine in ARCHITECTURES:
            self._program = program_refusing(calls, machine)
        else:
            self._reason = f"there is no table of system calls for {machine}"

    def support(self) -> Mapping[str, str | None]:
        """Whether the calls of this machine are known."""
        return {"system calls": self._reason}

    def prepare(self, spec: ContainerSpec, setup: Setup) -> Setup:
        """Add the filter. ValueError if there is none for this machine, or another isolator has added one."""
        if self._reason is not None:
            raise ValueError(f"SeccompIsolator: {self._reason}")
        if setup.seccomp:
            raise ValueError("SeccompIsolator: the container has a filter already")
        return dataclasses.replace(setup, seccomp=self._program, no_new_privs=True)


def _instruction(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)
