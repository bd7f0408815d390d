"""Containers that operators and executors start beside what an agent runs, and what goes in and out of them."""

from .containers import Nested, NestedContainers, Surroundings
from .errors import ContainerBusyError, ContainerExistsError, NestedError, NoContainerError
from .ids import ContainerPath, path_problem
from .switchboard import InputClosedError, Stream, Switchboard, Viewer, WindowSize

__all__ = [
    "ContainerBusyError",
    "ContainerExistsError",
    "ContainerPath",
    "InputClosedError",
    "Nested",
    "NestedContainers",
    "NestedError",
    "NoContainerError",
    "Stream",
    "Surroundings",
    "Switchboard",
    "Viewer",
    "WindowSize",
    "path_problem",
]
