"""What PyMesos's executors send, and are told."""

from __future__ import annotations

from typing import Any

from cluster.v1 import types as v1
from cluster.v1.types import executor
from tests.cluster.v1.recorded.common import (
    AGENT_ID,
    EXECUTOR_ID,
    FRAMEWORK_ID,
    TASK_ID,
    UUID,
    UUID_TEXT,
    E,
    F,
    S,
    T,
    cpus,
    v1_cpus,
)


def executor_call(kind: str, **parts: Any) -> executor.Call:
    return executor.Call(
        type=executor.Call.Type(kind), framework_id=FRAMEWORK_ID, executor_id=EXECUTOR_ID, **parts
    )


CALLS: list[tuple[dict[str, Any], executor.Call]] = [
    (
        {
            "type": "SUBSCRIBE",
            **F,
            **E,
            "subscribe": {"unacknowledged_tasks": [], "unacknowledged_updates": []},
        },
        executor_call("SUBSCRIBE", subscribe=executor.Call.Subscribe()),
    ),
    (
        # When it comes back it has the tasks of which nothing was acknowledged, as they were sent.
        {
            "type": "SUBSCRIBE",
            **F,
            **E,
            "subscribe": {
                "unacknowledged_tasks": [{"name": "1", "task_id": T, "agent_id": S, "resources": [cpus(1)]}],
                "unacknowledged_updates": [],
            },
        },
        executor_call(
            "SUBSCRIBE",
            subscribe=executor.Call.Subscribe(
                unacknowledged_tasks=(
                    v1.TaskInfo(name="1", task_id=TASK_ID, agent_id=AGENT_ID, resources=(v1_cpus(1.0),)),
                )
            ),
        ),
    ),
    (
        {
            "type": "UPDATE",
            **E,
            **F,
            "update": {
                "status": {
                    "task_id": T,
                    "state": "TASK_RUNNING",
                    "timestamp": 1795208408,
                    "uuid": UUID_TEXT,
                    "source": "SOURCE_EXECUTOR",
                }
            },
        },
        executor_call(
            "UPDATE",
            update=executor.Call.Update(
                status=v1.TaskStatus(
                    task_id=TASK_ID,
                    state=v1.TaskState.TASK_RUNNING,
                    timestamp=1795208408.0,
                    uuid=UUID,
                    source=v1.TaskStatus.Source.SOURCE_EXECUTOR,
                )
            ),
        ),
    ),
    (
        {"type": "MESSAGE", **E, **F, "message": {"data": "aGk="}},
        executor_call("MESSAGE", message=executor.Call.Message(data=b"hi")),
    ),
]


XE = executor.Event
EVENTS: list[tuple[executor.Event, dict[str, Any]]] = [
    (
        XE(
            type=XE.Type.SUBSCRIBED,
            subscribed=XE.Subscribed(
                executor_info=v1.ExecutorInfo(executor_id=EXECUTOR_ID, framework_id=FRAMEWORK_ID),
                framework_info=v1.FrameworkInfo(user="u", name="n", id=FRAMEWORK_ID),
                agent_info=v1.AgentInfo(hostname="h"),
            ),
        ),
        {
            "type": "SUBSCRIBED",
            "subscribed": {
                "executor_info": {**E, **F},
                "framework_info": {"user": "u", "name": "n", "id": {"value": "F"}},
                "agent_info": {"hostname": "h"},
            },
        },
    ),
    (
        XE(
            type=XE.Type.LAUNCH,
            launch=XE.Launch(task=v1.TaskInfo(name="1", task_id=TASK_ID, agent_id=AGENT_ID)),
        ),
        {"type": "LAUNCH", "launch": {"task": {"name": "1", "task_id": T, "agent_id": S}}},
    ),
    (
        XE(
            type=XE.Type.LAUNCH_GROUP,
            launch_group=XE.LaunchGroup(
                task_group=v1.TaskGroupInfo(
                    tasks=(v1.TaskInfo(name="1", task_id=TASK_ID, agent_id=AGENT_ID),)
                )
            ),
        ),
        {
            "type": "LAUNCH_GROUP",
            "launch_group": {"task_group": {"tasks": [{"name": "1", "task_id": T, "agent_id": S}]}},
        },
    ),
    (XE(type=XE.Type.KILL, kill=XE.Kill(task_id=TASK_ID)), {"type": "KILL", "kill": {"task_id": T}}),
    (
        XE(type=XE.Type.ACKNOWLEDGED, acknowledged=XE.Acknowledged(task_id=TASK_ID, uuid=UUID)),
        {"type": "ACKNOWLEDGED", "acknowledged": {"task_id": T, "uuid": UUID_TEXT}},
    ),
    (
        XE(type=XE.Type.MESSAGE, message=XE.Message(data=b"hi")),
        {"type": "MESSAGE", "message": {"data": "aGk="}},
    ),
    (
        XE(type=XE.Type.ERROR, error=XE.Error(message="wrong")),
        {"type": "ERROR", "error": {"message": "wrong"}},
    ),
    (XE(type=XE.Type.SHUTDOWN), {"type": "SHUTDOWN"}),
]
