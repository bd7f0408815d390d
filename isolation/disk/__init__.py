"""Disk quotas of containers."""

from .usage import DiskUsage

__all__ = ["DiskUsage"]
