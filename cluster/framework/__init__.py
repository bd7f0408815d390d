"""Frameworks: schedulers that are offered resources and choose what to run on them."""

from .base import Framework, FrameworkEndedError
from .commands import python_command, run_framework
from .driver import FrameworkRefusedError, SchedulerDriver
from .handle import TaskFailedError, TaskHandle
from .matching import TaskQueue

__all__ = [
    "Framework",
    "FrameworkEndedError",
    "FrameworkRefusedError",
    "SchedulerDriver",
    "TaskFailedError",
    "TaskHandle",
    "TaskQueue",
    "python_command",
    "run_framework",
]
