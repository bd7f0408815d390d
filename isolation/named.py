"""Isolators by the names that operators give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from .cgroups import CgroupIsolator
from .disk import DiskUsage
from .isolator import Isolator
from .monitor import MemoryMonitor
from .namespaces import NamespaceIsolator
from .ports import PortsCheck
from .posix import PosixIsolator
from .rights import RightsIsolator
from .seccomp import SeccompIsolator

__all__ = ["ISOLATORS", "isolators_named", "support_of"]

Make = Callable[[str], Isolator]

ISOLATORS: Mapping[str, Make] = MappingProxyType(
    {
        "posix": lambda _root: PosixIsolator(),
        "cgroups": CgroupIsolator,
        "cgroups1": lambda root: CgroupIsolator(root, "1"),
        "cgroups2": lambda root: CgroupIsolator(root, "2"),
        "memory-monitor": lambda _root: MemoryMonitor(),
        "disk": lambda _root: DiskUsage(),
        # Executors of our own listen on a port that they ask the kernel for.
        "ports": lambda _root: PortsCheck(ephemeral=True),
        "ports-strict": lambda _root: PortsCheck(),
        "namespaces": lambda _root: NamespaceIsolator(),
        "namespaces-pid": lambda _root: NamespaceIsolator(pid=True),
        "rights": lambda _root: RightsIsolator(),
        "rights-root": lambda _root: RightsIsolator(allow_root=True),
        "seccomp": lambda _root: SeccompIsolator(),
    }
)
"""How each is made, from the name of the root for what it keeps; see `CgroupIsolator`."""


def isolators_named(names: str, root: str) -> list[Isolator]:
    """The isolators of a list such as `posix,cgroups`, in its order.

    ValueError, naming the one, for names that are not known, or are there twice, and for what there is not here.
    """
    found: dict[str, Isolator] = {}
    for name in (each.strip() for each in names.split(",")):
        if name not in ISOLATORS:
            raise ValueError(f"isolation: {name!r} is not known; known are {', '.join(ISOLATORS)}")
        if name in found:
            raise ValueError(f"isolation: {name!r} is there twice")
        found[name] = ISOLATORS[name](root)
    for kind, words in (
        ("cgroups", "control groups"),
        ("namespaces", "namespaces"),
        ("rights", "rights"),
        ("ports", "ports"),
    ):
        if len([name for name in found if name.startswith(kind)]) > 1:
            raise ValueError(f"isolation: {names!r} has {words} twice")
    return list(found.values())


def support_of(root: str) -> dict[str, Mapping[str, str | None] | str]:
    """What each can do here, thing by thing, with the reason for what it cannot; or why there is nothing of it."""
    found: dict[str, Mapping[str, str | None] | str] = {}
    for name, make in ISOLATORS.items():
        try:
            isolator = make(root)
        except ValueError as error:
            found[name] = str(error)
        else:
            found[name] = isolator.support()
            isolator.close()
    return found
