"""A two-level cluster manager: a master offers resources, frameworks choose what to run, agents run it.

>>> async def main():
...     async with LocalCluster(agents=3) as cluster:
...         await cluster.run(MyFramework())
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .attributes import Attributes
    from .executor import Executor, run_executor
    from .framework import (
        DelayScheduler,
        Framework,
        FrameworkEndedError,
        FrameworkRefusedError,
        TaskFailedError,
        TaskHandle,
        TaskQueue,
        python_command,
        run_framework,
    )
    from .local import LocalCluster
    from .master import MasterOptions
    from .messages import (
        AttributeConstraint,
        CommandInfo,
        ExecutorInfo,
        Filters,
        FrameworkInfo,
        InverseOffer,
        KillPolicy,
        Launch,
        LaunchGroup,
        Offer,
        OperationState,
        Reason,
        Reserve,
        TaskInfo,
        TaskState,
        TaskStatus,
        Unreserve,
        UpdateOperation,
    )
    from .resources import ResourceError, Resources

# Loaded when first used: an executor's process needs a tenth of this, and starts the sooner for it.
_HOME = {
    "AttributeConstraint": "messages",
    "Attributes": "attributes",
    "CommandInfo": "messages",
    "DelayScheduler": "framework",
    "Executor": "executor",
    "ExecutorInfo": "messages",
    "Filters": "messages",
    "Framework": "framework",
    "FrameworkEndedError": "framework",
    "FrameworkInfo": "messages",
    "FrameworkRefusedError": "framework",
    "InverseOffer": "messages",
    "KillPolicy": "messages",
    "Launch": "messages",
    "LaunchGroup": "messages",
    "LocalCluster": "local",
    "MasterOptions": "master",
    "Offer": "messages",
    "OperationState": "messages",
    "Reason": "messages",
    "Reserve": "messages",
    "ResourceError": "resources",
    "Resources": "resources",
    "TaskFailedError": "framework",
    "TaskHandle": "framework",
    "TaskInfo": "messages",
    "TaskQueue": "framework",
    "TaskState": "messages",
    "TaskStatus": "messages",
    "Unreserve": "messages",
    "UpdateOperation": "messages",
    "python_command": "framework",
    "run_executor": "executor",
    "run_framework": "framework",
}

__all__ = [
    "AttributeConstraint",
    "Attributes",
    "CommandInfo",
    "DelayScheduler",
    "Executor",
    "ExecutorInfo",
    "Filters",
    "Framework",
    "FrameworkEndedError",
    "FrameworkInfo",
    "FrameworkRefusedError",
    "InverseOffer",
    "KillPolicy",
    "Launch",
    "LaunchGroup",
    "LocalCluster",
    "MasterOptions",
    "Offer",
    "OperationState",
    "Reason",
    "Reserve",
    "ResourceError",
    "Resources",
    "TaskFailedError",
    "TaskHandle",
    "TaskInfo",
    "TaskQueue",
    "TaskState",
    "TaskStatus",
    "Unreserve",
    "UpdateOperation",
    "python_command",
    "run_executor",
    "run_framework",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{home}", __name__), name)
