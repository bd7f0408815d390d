"""Control groups, of v1, of v2, or of what a machine has of both."""

from .hierarchy import RootInUseError
from .isolator import CgroupIsolator
from .mounts import Mounts, parse_mounts, read_mounts

__all__ = ["CgroupIsolator", "Mounts", "RootInUseError", "parse_mounts", "read_mounts"]
