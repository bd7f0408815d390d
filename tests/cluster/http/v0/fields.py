"""The members that Mesos 1.11 writes, as its sources have them.

src/master/readonly_handler.cpp, src/slave/http.cpp, src/common/http.cpp, src/files/files.cpp. `MAYBE` are those that it
writes if there is something to write.
"""

from __future__ import annotations

from typing import Any

RESOURCES = {"cpus", "gpus", "mem", "disk"}

STATE = {
    "version",
    "build_date",
    "build_time",
    "build_user",
    "start_time",
    "id",
    "pid",
    "hostname",
    "capabilities",
    "activated_slaves",
    "deactivated_slaves",
    "unreachable_slaves",
    "leader",
    "leader_info",
    "elected_time",
    "flags",
    "slaves",
    "recovered_slaves",
    "frameworks",
    "completed_frameworks",
    "orphan_tasks",
    "unregistered_frameworks",
}
STATE_MAYBE = {"git_sha", "git_branch", "git_tag", "domain", "cluster", "log_dir", "external_log_file"}

SLAVE_INFO = {"id", "hostname", "port", "attributes"}
SLAVE = {
    *SLAVE_INFO,
    "pid",
    "registered_time",
    "resources",
    "used_resources",
    "offered_resources",
    "reserved_resources",
    "unreserved_resources",
    "active",
    "deactivated",
    "version",
    "capabilities",
}
SLAVE_MAYBE = {"domain", "reregistered_time", "drain_info", "estimated_drain_start_time_seconds"}
SLAVE_FULL = {
    "reserved_resources_full",
    "unreserved_resources_full",
    "used_resources_full",
    "offered_resources_full",
}

SUMMARY = {
    "id",
    "name",
    "used_resources",
    "offered_resources",
    "capabilities",
    "hostname",
    "webui_url",
    "active",
    "connected",
    "recovered",
}
SUMMARY_MAYBE = {"pid"}
FRAMEWORK = {
    *SUMMARY,
    "user",
    "failover_timeout",
    "checkpoint",
    "registered_time",
    "unregistered_time",
    "resources",
    "roles",
    "tasks",
    "unreachable_tasks",
    "completed_tasks",
    "offers",
    "executors",
    "offer_constraints",
}
FRAMEWORK_MAYBE = {"pid", "principal", "reregistered_time", "labels"}

TASK = {
    "id",
    "name",
    "framework_id",
    "executor_id",
    "slave_id",
    "state",
    "resources",
    "role",
    "statuses",
}
TASK_MAYBE = {"limits", "user", "labels", "discovery", "container", "health_check"}
STATUS = {"state", "timestamp"}
STATUS_MAYBE = {"labels", "container_status", "healthy"}

EXECUTOR = {"executor_id", "name", "framework_id", "command", "resources", "slave_id"}
EXECUTOR_MAYBE = {"role", "labels", "type"}
OFFER = {"id", "framework_id", "allocation_info", "slave_id", "resources"}

SUMS = {
    "TASK_STAGING",
    "TASK_STARTING",
    "TASK_RUNNING",
    "TASK_KILLING",
    "TASK_FINISHED",
    "TASK_KILLED",
    "TASK_FAILED",
    "TASK_LOST",
    "TASK_ERROR",
    "TASK_UNREACHABLE",
}

ROLE = {"name", "weight", "quota", "resources", "allocated", "offered", "reserved", "frameworks"}
ROLE_QUOTA = {"role", "guarantee", "limit", "consumed"}

AGENT_STATE = {
    "version",
    "build_date",
    "build_time",
    "build_user",
    "start_time",
    "id",
    "pid",
    "hostname",
    "capabilities",
    "resources",
    "reserved_resources",
    "unreserved_resources",
    "reserved_resources_full",
    "unreserved_resources_full",
    "reserved_resources_allocated",
    "unreserved_resources_allocated",
    "resource_providers",
    "attributes",
    "flags",
    "frameworks",
    "completed_frameworks",
}
AGENT_STATE_MAYBE = {
    "domain",
    "drain_config",
    "estimated_drain_start_time_seconds",
    "master_hostname",
    "log_dir",
}
AGENT_FRAMEWORK = {
    "id",
    "name",
    "user",
    "failover_timeout",
    "checkpoint",
    "hostname",
    "roles",
    "executors",
    "completed_executors",
}
AGENT_EXECUTOR = {
    "id",
    "name",
    "source",
    "container",
    "directory",
    "resources",
    "tasks",
    "queued_tasks",
    "completed_tasks",
}
QUEUED = {"id", "name", "slave_id", "resources", "role"}
QUEUED_MAYBE = {"command", "executor_id", "discovery"}

FILE = {"path", "nlink", "size", "mtime", "mode", "uid", "gid"}

BUILD = {"build_date", "build_time"}
"""When it was built is not known here."""


def check(
    shown: dict[str, Any], must: set[str], may: set[str] = frozenset(), lacks: set[str] = frozenset()
) -> None:
    """Exactly these members, and none that Mesos has not."""
    names = set(shown)
    assert must - names == lacks, must - names
    assert names <= must | may, names - must - may


def check_task(task: dict[str, Any]) -> None:
    check(task, TASK, TASK_MAYBE)
    assert set(task["resources"]) >= RESOURCES
    for status in task["statuses"]:
        check(status, STATUS, STATUS_MAYBE)


def check_framework(framework: dict[str, Any]) -> None:
    check(framework, FRAMEWORK, FRAMEWORK_MAYBE)
    for kind in ("tasks", "unreachable_tasks", "completed_tasks"):
        for task in framework[kind]:
            check_task(task)
    for executor in framework["executors"]:
        check(executor, EXECUTOR, EXECUTOR_MAYBE)
    for offer in framework["offers"]:
        check(offer, OFFER)
