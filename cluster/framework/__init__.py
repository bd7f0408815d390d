"""Frameworks: schedulers that are offered resources and choose what to run on them."""

from .base import Framework, FrameworkEndedError
from .commands import python_command, run_framework
from .driver import FrameworkRefusedError, SchedulerDriver
from .handle import TaskFailedError, TaskHandle
from .locality import DelayScheduler, Locality
from .matching import Queue, TaskQueue

__all__ = [
    "DelayScheduler",
    "Framework",
    "FrameworkEndedError",
    "FrameworkRefusedError",
    "Locality",
    "Queue",
    "SchedulerDriver",
    "TaskFailedError",
    "TaskHandle",
    "TaskQueue",
    "python_command",
    "run_framework",
]
