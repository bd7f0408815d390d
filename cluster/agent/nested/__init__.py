"""Containers that operators and executors start beside what an agent runs, and what goes in and out of them."""

from .containers import NestedContainers
from .errors import ContainerBusyError, ContainerExistsError, NestedError, NoContainerError
from .ids import ContainerPath, path_problem
from .records import Nested, Surroundings
from .switchboard import InputClosedError, Switchboard, WindowSize
from .viewers import Stream, Viewer

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
