"""Run a command contained, watch it, and leave nothing of it behind. Knows no actors and no messages.

>>> async with Launcher() as launcher:
...     container = await launcher.launch(ContainerSpec(id="hello", argv=("sh", "-c", "sleep 60 & exit 3"), ...))
...     print((await container.wait()).describe())
exited with status 3

Containers end with the process that launched them. With a `state_dir` they outlive it: its successor finds them again,
those that run and those that ended meanwhile, by `Launcher.recover`.
"""

from .cgroups import CgroupIsolator, RootInUseError
from .container import Container
from .disk import DiskUsage
from .errors import LauncherClosedError, LaunchError, StateInUseError
from .isolator import Isolator, Plain
from .launcher import Launcher
from .limits import DeviceRule, IoLimit, Limitation, Limits
from .monitor import MemoryMonitor
from .named import ISOLATORS, isolators_named, support_of
from .namespaces import NamespaceIsolator
from .outcome import Exit
from .ports import PortsCheck
from .posix import PosixIsolator
from .rights import RightsIsolator
from .seccomp import SeccompIsolator
from .setup import Mount, Setup, User
from .spec import RLIMITS, UNLIMITED, ContainerSpec
from .usage import Pressure, Usage

__all__ = [
    "ISOLATORS",
    "RLIMITS",
    "UNLIMITED",
    "CgroupIsolator",
    "Container",
    "ContainerSpec",
    "DeviceRule",
    "DiskUsage",
    "Exit",
    "IoLimit",
    "Isolator",
    "LaunchError",
    "Launcher",
    "LauncherClosedError",
    "Limitation",
    "Limits",
    "MemoryMonitor",
    "Mount",
    "NamespaceIsolator",
    "Plain",
    "PortsCheck",
    "PosixIsolator",
    "Pressure",
    "RightsIsolator",
    "RootInUseError",
    "SeccompIsolator",
    "Setup",
    "StateInUseError",
    "Usage",
    "User",
    "isolators_named",
    "support_of",
]
