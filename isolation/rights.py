"""The isolator that takes rights away: who a container is, and what it could become."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType

from .isolator import Plain
from .setup import Setup, User
from .spec import ContainerSpec

__all__ = ["CAPABILITIES", "DOCKER", "RightsIsolator", "capabilities_named", "effective_capabilities"]

NAMES = """
    chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service
    net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin
    sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override
    mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore
"""
CAPABILITIES: Mapping[str, int] = MappingProxyType(
    {name: number for number, name in enumerate(NAMES.split())}
)
"""Their numbers, as in linux/capability.h, by their names in lower case without CAP_."""

DOCKER = frozenset(
    {
        "audit_write",
        "chown",
        "dac_override",
        "fowner",
        "fsetid",
        "kill",
        "mknod",
        "net_bind_service",
        "net_raw",
        "setfcap",
        "setgid",
        "setpcap",
        "setuid",
        "sys_chroot",
    }
)
"""What Docker leaves to a container that asks for nothing else."""


def capabilities_named(names: Collection[str]) -> frozenset[int]:
    """The numbers of capabilities such as `chown` or `CAP_CHOWN`. ValueError, naming it, for one that is not known."""
    found = set()
    for name in names:
        short = name.lower().removeprefix("cap_")
        if short not in CAPABILITIES:
            raise ValueError(f"capability {name!r} is not known; known are {', '.join(sorted(CAPABILITIES))}")
        found.add(CAPABILITIES[short])
    return frozenset(found)


def effective_capabilities() -> frozenset[int]:
    """The numbers of those that this process has."""
    lines = Path("/proc/self/status").read_text().splitlines()
    bits = next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")), 0)
    return frozenset(number for number in range(bits.bit_length()) if bits >> number & 1)


class RightsIsolator(Plain):
    """Says whom containers run as, and takes from them what they could become.

    A container runs as the user of its spec, or as `user`. If that is root, or there is neither and we are root, it is
    refused, unless `allow_root`. It can get none but `capabilities`, by names (None: whatever we can), root has those,
    and with `no_new_privs` no program that it executes gives it more than it has. ValueError for unknown names.
    """

    name = "rights"

    def __init__(
        self,
        *,
        user: User | None = None,
        allow_root: bool = False,
        capabilities: Collection[str] | None = DOCKER,
        no_new_privs: bool = True,
    ) -> None:
        self._user = user
        self._allow_root = allow_root
        self._capabilities = None if capabilities is None else capabilities_named(capabilities)
        self._no_new_privs = no_new_privs

    def support(self) -> Mapping[str, str | None]:
        """What of it our own rights allow."""
        return {
            "user": _needs("setuid", "setgid"),
            "capabilities": _needs("setpcap"),
            "no_new_privs": None,
        }

    def prepare(self, spec: ContainerSpec, setup: Setup) -> Setup:
        """Add them. ValueError for a user that it cannot or may not be."""
        user = setup.user or self._user
        uid = os.geteuid() if user is None else user.uid
        if uid == 0 and not self._allow_root:
            asked = None if user is None else uid
            raise ValueError(f"ContainerSpec.user: {asked!r}: it would be root, which is not allowed here")
        if user is not None and (reason := _needs("setuid", "setgid")):
            if (user.uid, user.gid) != (os.geteuid(), os.getegid()):
                raise ValueError(f"ContainerSpec.user: {user.uid}: another user than ours {reason}")
            user = None
        # Without the right to take them away we are not root, and no_new_privs keeps it from getting any.
        capabilities = None if _needs("setpcap") else self._capabilities
        return dataclasses.replace(
            setup,
            user=user,
            capabilities=_both(setup.capabilities, capabilities),
            no_new_privs=setup.no_new_privs or self._no_new_privs,
        )


def _both(one: frozenset[int] | None, other: frozenset[int] | None) -> frozenset[int] | None:
    if one is None or other is None:
        return one if other is None else other
    return one & other


def _needs(*names: str) -> str | None:
    """Why something cannot be done that takes those capabilities."""
    missing = capabilities_named(names) - effective_capabilities()
    if not missing:
        return None
    return f"takes {' and '.join(f'CAP_{name.upper()}' for name in names)}"
