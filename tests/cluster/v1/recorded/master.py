"""What operators send to masters with PyMesos, and are told."""

from __future__ import annotations

from typing import Any

from cluster.v1 import types as v1
from cluster.v1.types import maintenance, master, quota
from tests.cluster.v1.recorded.common import AGENT_ID, FRAMEWORK_ID, TASK_ID, F, S, T, cpus, v1_cpus

MC = master.Call
PLAIN_OF_MASTERS = [
    "GET_HEALTH", "GET_FLAGS", "GET_VERSION", "GET_LOGGING_LEVEL", "GET_STATE", "GET_FRAMEWORKS", "GET_EXECUTORS",
    "GET_TASKS", "GET_AGENTS", "GET_ROLES", "GET_WEIGHTS", "GET_MASTER", "GET_MAINTENANCE_STATUS",
    "GET_MAINTENANCE_SCHEDULE", "GET_QUOTA", "SUBSCRIBE",
]  # fmt: skip
RESERVED = cpus(2.5, role="r", reservation={"principal": "p"})
V1_RESERVED = v1_cpus(2.5, role="r", reservation=v1.Resource.ReservationInfo(principal="p"))
VOLUME = {
    "type": "SCALAR",
    "name": "disk",
    "role": "r",
    "scalar": {"value": 64.0},
    "disk": {
        "persistence": {"id": "id1", "principal": "p"},
        "volume": {"container_path": "path1", "mode": "RW"},
    },
}
V1_VOLUME = v1.Resource(
    name="disk",
    type=v1.Value.Type.SCALAR,
    role="r",
    scalar=v1.Value.Scalar(value=64.0),
    disk=v1.Resource.DiskInfo(
        persistence=v1.Resource.DiskInfo.Persistence(id="id1", principal="p"),
        volume=v1.Volume(container_path="path1", mode=v1.Volume.Mode.RW),
    ),
)
CALLS: list[tuple[dict[str, Any], master.Call]] = [
    *(({"type": kind}, MC(type=MC.Type(kind))) for kind in PLAIN_OF_MASTERS),
    (
        {"type": "GET_METRICS", "get_metrics": {"timeout": {"nanoseconds": 5000000000}}},
        MC(
            type=MC.Type.GET_METRICS,
            get_metrics=MC.GetMetrics(timeout=v1.DurationInfo(nanoseconds=5 * 10**9)),
        ),
    ),
    (
        {
            "type": "SET_LOGGING_LEVEL",
            "set_logging_level": {"duration": {"nanoseconds": 60000000000}, "level": 1},
        },
        MC(
            type=MC.Type.SET_LOGGING_LEVEL,
            set_logging_level=MC.SetLoggingLevel(duration=v1.DurationInfo(nanoseconds=60 * 10**9), level=1),
        ),
    ),
    (
        {"type": "LIST_FILES", "list_files": {"path": "one/"}},
        MC(type=MC.Type.LIST_FILES, list_files=MC.ListFiles(path="one/")),
    ),
    (
        {"type": "READ_FILE", "read_file": {"length": 6, "offset": 1, "path": "myname"}},
        MC(type=MC.Type.READ_FILE, read_file=MC.ReadFile(length=6, offset=1, path="myname")),
    ),
    (
        {"type": "UPDATE_WEIGHTS", "update_weights": {"weight_infos": [{"role": "r", "weight": 4.0}]}},
        MC(
            type=MC.Type.UPDATE_WEIGHTS,
            update_weights=MC.UpdateWeights(weight_infos=(v1.WeightInfo(role="r", weight=4.0),)),
        ),
    ),
    (
        {"type": "RESERVE_RESOURCES", "reserve_resources": {"agent_id": S, "resources": [RESERVED]}},
        MC(
            type=MC.Type.RESERVE_RESOURCES,
            reserve_resources=MC.ReserveResources(agent_id=AGENT_ID, resources=(V1_RESERVED,)),
        ),
    ),
    (
        {"type": "UNRESERVE_RESOURCES", "unreserve_resources": {"agent_id": S, "resources": [RESERVED]}},
        MC(
            type=MC.Type.UNRESERVE_RESOURCES,
            unreserve_resources=MC.UnreserveResources(agent_id=AGENT_ID, resources=(V1_RESERVED,)),
        ),
    ),
    (
        {"type": "CREATE_VOLUMES", "create_volumes": {"agent_id": S, "volumes": [VOLUME]}},
        MC(
            type=MC.Type.CREATE_VOLUMES,
            create_volumes=MC.CreateVolumes(agent_id=AGENT_ID, volumes=(V1_VOLUME,)),
        ),
    ),
    (
        {"type": "DESTROY_VOLUMES", "destroy_volumes": {"agent_id": S, "volumes": [VOLUME]}},
        MC(
            type=MC.Type.DESTROY_VOLUMES,
            destroy_volumes=MC.DestroyVolumes(agent_id=AGENT_ID, volumes=(V1_VOLUME,)),
        ),
    ),
    (
        {
            "type": "UPDATE_MAINTENANCE_SCHEDULE",
            "update_maintenance_schedule": {
                "schedule": {
                    "windows": [
                        {
                            "machine_ids": [{"hostname": "myhost"}, {"ip": "0.0.0.2"}],
                            "unavailability": {"start": {"nanoseconds": 1470820233192017920}},
                        }
                    ]
                }
            },
        },
        MC(
            type=MC.Type.UPDATE_MAINTENANCE_SCHEDULE,
            update_maintenance_schedule=MC.UpdateMaintenanceSchedule(
                schedule=maintenance.Schedule(
                    windows=(
                        maintenance.Window(
                            machine_ids=(v1.MachineID(hostname="myhost"), v1.MachineID(ip="0.0.0.2")),
                            unavailability=v1.Unavailability(
                                start=v1.TimeInfo(nanoseconds=1470820233192017920)
                            ),
                        ),
                    )
                )
            ),
        ),
    ),
    (
        {
            "type": "START_MAINTENANCE",
            "start_maintenance": {"machines": [{"hostname": "myhost", "ip": "0.0.0.3"}]},
        },
        MC(
            type=MC.Type.START_MAINTENANCE,
            start_maintenance=MC.StartMaintenance(machines=(v1.MachineID(hostname="myhost", ip="0.0.0.3"),)),
        ),
    ),
    (
        {
            "type": "STOP_MAINTENANCE",
            "stop_maintenance": {"machines": [{"hostname": "myhost", "ip": "0.0.0.3"}]},
        },
        MC(
            type=MC.Type.STOP_MAINTENANCE,
            stop_maintenance=MC.StopMaintenance(machines=(v1.MachineID(hostname="myhost", ip="0.0.0.3"),)),
        ),
    ),
    (
        {
            "type": "SET_QUOTA",
            "set_quota": {"quota_request": {"force": True, "role": "r", "guarantee": [cpus(1.5)]}},
        },
        MC(
            type=MC.Type.SET_QUOTA,
            set_quota=MC.SetQuota(
                quota_request=quota.QuotaRequest(force=True, role="r", guarantee=(v1_cpus(1.5),))
            ),
        ),
    ),
    (
        {"type": "REMOVE_QUOTA", "remove_quota": {"role": "r"}},
        MC(type=MC.Type.REMOVE_QUOTA, remove_quota=MC.RemoveQuota(role="r")),
    ),
    (
        {"type": "MARK_AGENT_GONE", "mark_agent_gone": {"agent_id": S}},
        MC(type=MC.Type.MARK_AGENT_GONE, mark_agent_gone=MC.MarkAgentGone(agent_id=AGENT_ID)),
    ),
]

ME = master.Event
FRAMEWORK = master.Response.GetFrameworks.Framework(
    framework_info=v1.FrameworkInfo(
        user="root",
        name="n",
        id=FRAMEWORK_ID,
        checkpoint=True,
        failover_timeout=0.0,
        role="*",
        capabilities=(
            v1.FrameworkInfo.Capability(type=v1.FrameworkInfo.Capability.Type.RESERVATION_REFINEMENT),
        ),
    ),
    active=True,
    connected=True,
    recovered=False,
    registered_time=v1.TimeInfo(nanoseconds=1501191957829317120),
)
FRAMEWORK_INFO_TEXT = {
    "user": "root",
    "name": "n",
    "id": {"value": "F"},
    "checkpoint": True,
    "failover_timeout": 0,
    "role": "*",
    "capabilities": [{"type": "RESERVATION_REFINEMENT"}],
}
FRAMEWORK_TEXT = {
    "framework_info": FRAMEWORK_INFO_TEXT,
    "active": True,
    "connected": True,
    "recovered": False,
    "registered_time": {"nanoseconds": 1501191957829317120},
}
EVENTS: list[tuple[master.Event, dict[str, Any]]] = [
    (
        ME(
            type=ME.Type.SUBSCRIBED,
            subscribed=ME.Subscribed(get_state=master.Response.GetState(), heartbeat_interval_seconds=15.0),
        ),
        {"type": "SUBSCRIBED", "subscribed": {"get_state": {}, "heartbeat_interval_seconds": 15.0}},
    ),
    (
        ME(
            type=ME.Type.TASK_ADDED,
            task_added=ME.TaskAdded(
                task=v1.Task(
                    name="dummy-task",
                    task_id=TASK_ID,
                    framework_id=FRAMEWORK_ID,
                    agent_id=AGENT_ID,
                    state=v1.TaskState.TASK_STAGING,
                )
            ),
        ),
        {
            "type": "TASK_ADDED",
            "task_added": {
                "task": {"name": "dummy-task", "task_id": T, **F, "agent_id": S, "state": "TASK_STAGING"}
            },
        },
    ),
    (
        ME(
            type=ME.Type.TASK_UPDATED,
            task_updated=ME.TaskUpdated(
                framework_id=FRAMEWORK_ID,
                status=v1.TaskStatus(task_id=TASK_ID, state=v1.TaskState.TASK_RUNNING, agent_id=AGENT_ID),
                state=v1.TaskState.TASK_RUNNING,
            ),
        ),
        {
            "type": "TASK_UPDATED",
            "task_updated": {
                **F,
                "status": {"task_id": T, "state": "TASK_RUNNING", "agent_id": S},
                "state": "TASK_RUNNING",
            },
        },
    ),
    (
        ME(type=ME.Type.FRAMEWORK_ADDED, framework_added=ME.FrameworkAdded(framework=FRAMEWORK)),
        {"type": "FRAMEWORK_ADDED", "framework_added": {"framework": FRAMEWORK_TEXT}},
    ),
    (
        ME(type=ME.Type.FRAMEWORK_UPDATED, framework_updated=ME.FrameworkUpdated(framework=FRAMEWORK)),
        {"type": "FRAMEWORK_UPDATED", "framework_updated": {"framework": FRAMEWORK_TEXT}},
    ),
    (
        ME(
            type=ME.Type.FRAMEWORK_REMOVED,
            framework_removed=ME.FrameworkRemoved(framework_info=FRAMEWORK.framework_info),
        ),
        {"type": "FRAMEWORK_REMOVED", "framework_removed": {"framework_info": FRAMEWORK_INFO_TEXT}},
    ),
    (
        ME(
            type=ME.Type.AGENT_ADDED,
            agent_added=ME.AgentAdded(
                agent=master.Response.GetAgents.Agent(
                    agent_info=v1.AgentInfo(hostname="172.31.2.24", id=AGENT_ID, port=5051),
                    active=True,
                    version="1.4.0",
                    pid="slave(1)@172.31.2.24:5051",
                    registered_time=v1.TimeInfo(nanoseconds=1500993262264135000),
                    capabilities=(
                        v1.AgentInfo.Capability(type=v1.AgentInfo.Capability.Type.HIERARCHICAL_ROLE),
                    ),
                )
            ),
        ),
        {
            "type": "AGENT_ADDED",
            "agent_added": {
                "agent": {
                    "agent_info": {"hostname": "172.31.2.24", "id": S, "port": 5051},
                    "active": True,
                    "version": "1.4.0",
                    "pid": "slave(1)@172.31.2.24:5051",
                    "registered_time": {"nanoseconds": 1500993262264135000},
                    "capabilities": [{"type": "HIERARCHICAL_ROLE"}],
                }
            },
        },
    ),
    (
        ME(type=ME.Type.AGENT_REMOVED, agent_removed=ME.AgentRemoved(agent_id=AGENT_ID)),
        {"type": "AGENT_REMOVED", "agent_removed": {"agent_id": S}},
    ),
]
