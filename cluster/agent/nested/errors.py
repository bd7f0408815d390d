"""What can be wrong with a wish about a nested container."""

from __future__ import annotations

__all__ = ["ContainerBusyError", "ContainerExistsError", "NestedError", "NoContainerError"]


class NestedError(Exception):
    """It cannot be done; the text says why."""


class NoContainerError(NestedError):
    """There is no such container."""


class ContainerExistsError(NestedError):
    """There is one already."""


class ContainerBusyError(NestedError):
    """It is not in the state for that: it runs, or does not run, or somebody else has its input."""
