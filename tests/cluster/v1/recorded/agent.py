"""What operators send to agents with PyMesos."""

from __future__ import annotations

from typing import Any

from cluster.v1 import types as v1
from cluster.v1.types import agent

AC = agent.Call
NESTED = v1.ContainerID(value="c", parent=v1.ContainerID(value="p", parent=v1.ContainerID(value="g")))
NESTED_TEXT = {"value": "c", "parent": {"value": "p", "parent": {"value": "g"}}}
CHILD = v1.ContainerID(value="c", parent=v1.ContainerID(value="p"))
CHILD_TEXT = {"parent": {"value": "p"}, "value": "c"}
COMMAND_TEXT = {
    "environment": {"variables": [{"name": "K", "type": "VALUE", "value": "v"}]},
    "shell": False,
    "value": "exit 0",
}
COMMAND = v1.CommandInfo(
    environment=v1.Environment(
        variables=(v1.Environment.Variable(name="K", type=v1.Environment.Variable.Type.VALUE, value="v"),)
    ),
    shell=False,
    value="exit 0",
)
CALLS: list[tuple[dict[str, Any], agent.Call]] = [
    (
        {"type": "GET_CONTAINERS", "get_containers": {"show_nested": False, "show_standalone": True}},
        AC(
            type=AC.Type.GET_CONTAINERS,
            get_containers=AC.GetContainers(show_nested=False, show_standalone=True),
        ),
    ),
    (
        {
            "type": "LAUNCH_NESTED_CONTAINER",
            "launch_nested_container": {"container_id": NESTED_TEXT, "command": COMMAND_TEXT},
        },
        AC(
            type=AC.Type.LAUNCH_NESTED_CONTAINER,
            launch_nested_container=AC.LaunchNestedContainer(container_id=NESTED, command=COMMAND),
        ),
    ),
    (
        {
            "type": "LAUNCH_NESTED_CONTAINER_SESSION",
            "launch_nested_container_session": {"container_id": NESTED_TEXT, "command": COMMAND_TEXT},
        },
        AC(
            type=AC.Type.LAUNCH_NESTED_CONTAINER_SESSION,
            launch_nested_container_session=AC.LaunchNestedContainerSession(
                container_id=NESTED, command=COMMAND
            ),
        ),
    ),
    (
        {"type": "WAIT_NESTED_CONTAINER", "wait_nested_container": {"container_id": CHILD_TEXT}},
        AC(
            type=AC.Type.WAIT_NESTED_CONTAINER,
            wait_nested_container=AC.WaitNestedContainer(container_id=CHILD),
        ),
    ),
    (
        {"type": "KILL_NESTED_CONTAINER", "kill_nested_container": {"container_id": CHILD_TEXT}},
        AC(
            type=AC.Type.KILL_NESTED_CONTAINER,
            kill_nested_container=AC.KillNestedContainer(container_id=CHILD),
        ),
    ),
    (
        {"type": "REMOVE_NESTED_CONTAINER", "remove_nested_container": {"container_id": CHILD_TEXT}},
        AC(
            type=AC.Type.REMOVE_NESTED_CONTAINER,
            remove_nested_container=AC.RemoveNestedContainer(container_id=CHILD),
        ),
    ),
    (
        {"type": "ATTACH_CONTAINER_OUTPUT", "attach_container_output": {"container_id": {"value": "c"}}},
        AC(
            type=AC.Type.ATTACH_CONTAINER_OUTPUT,
            attach_container_output=AC.AttachContainerOutput(container_id=v1.ContainerID(value="c")),
        ),
    ),
    (
        {
            "type": "ATTACH_CONTAINER_INPUT",
            "attach_container_input": {"type": "CONTAINER_ID", "container_id": {"value": "c"}},
        },
        AC(
            type=AC.Type.ATTACH_CONTAINER_INPUT,
            attach_container_input=AC.AttachContainerInput(
                type=AC.AttachContainerInput.Type.CONTAINER_ID, container_id=v1.ContainerID(value="c")
            ),
        ),
    ),
    (
        {
            "type": "ATTACH_CONTAINER_INPUT",
            "attach_container_input": {
                "type": "PROCESS_IO",
                "process_io": {"type": "DATA", "data": {"type": "STDIN", "data": "dGVzdAo="}},
            },
        },
        AC(
            type=AC.Type.ATTACH_CONTAINER_INPUT,
            attach_container_input=AC.AttachContainerInput(
                type=AC.AttachContainerInput.Type.PROCESS_IO,
                process_io=agent.ProcessIO(
                    type=agent.ProcessIO.Type.DATA,
                    data=agent.ProcessIO.Data(type=agent.ProcessIO.Data.Type.STDIN, data=b"test\n"),
                ),
            ),
        ),
    ),
    (
        {
            "type": "ATTACH_CONTAINER_INPUT",
            "attach_container_input": {
                "type": "PROCESS_IO",
                "process_io": {
                    "type": "CONTROL",
                    "control": {
                        "type": "HEARTBEAT",
                        "heartbeat": {"interval": {"nanoseconds": 30000000000}},
                    },
                },
            },
        },
        AC(
            type=AC.Type.ATTACH_CONTAINER_INPUT,
            attach_container_input=AC.AttachContainerInput(
                type=AC.AttachContainerInput.Type.PROCESS_IO,
                process_io=agent.ProcessIO(
                    type=agent.ProcessIO.Type.CONTROL,
                    control=agent.ProcessIO.Control(
                        type=agent.ProcessIO.Control.Type.HEARTBEAT,
                        heartbeat=agent.ProcessIO.Control.Heartbeat(
                            interval=v1.DurationInfo(nanoseconds=30 * 10**9)
                        ),
                    ),
                ),
            ),
        ),
    ),
    (
        {
            "type": "REMOVE_RESOURCE_PROVIDER_CONFIG",
            "remove_resource_provider_config": {"type": "t", "name": "n"},
        },
        AC(
            type=AC.Type.REMOVE_RESOURCE_PROVIDER_CONFIG,
            remove_resource_provider_config=AC.RemoveResourceProviderConfig(type="t", name="n"),
        ),
    ),
    ({"type": "PRUNE_IMAGES"}, AC(type=AC.Type.PRUNE_IMAGES)),
]
