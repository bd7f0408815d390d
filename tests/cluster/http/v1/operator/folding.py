"""The state of a cluster as a subscriber knows it: what there was at first, and what it was told since."""

from __future__ import annotations

from collections import Counter
from typing import Any

from cluster.messages import TaskState

__all__ = ["Folded"]

Key = tuple[str, str]


def _ended(task: Any) -> bool:
    return TaskState(task["state"]).terminal


def _key(task: Any) -> Key:
    return task["framework_id"]["value"], task["task_id"]["value"]


def _after(statuses: list[Any], status: Any) -> list[Any]:
    """What a task has gone through, with one more: the last of each time that it was in some state."""
    *former, last = statuses
    if last["state"] not in ("TASK_STAGING", status["state"]):
        former.append({name: value for name, value in last.items() if name != "data"})
    return [*former[-15:], status]


class Folded:
    """`event` takes one event, in order; whatever cannot follow on what is known fails. JSON values throughout."""

    def __init__(self, state: Any) -> None:
        tasks, agents, frameworks = state["get_tasks"], state["get_agents"], state["get_frameworks"]
        self.tasks: dict[Key, Any] = {_key(each): each for each in tasks.get("tasks", [])}
        self.unreachable = {_key(each): each for each in tasks.get("unreachable_tasks", [])}
        self.gone = [(_key(each), each["state"]) for each in tasks.get("completed_tasks", [])]
        self.agents = {each["agent_info"]["id"]["value"]: each for each in agents.get("agents", [])}
        self.expected = {each["id"]["value"] for each in agents.get("recovered_agents", [])}
        self.frameworks = {
            each["framework_info"]["id"]["value"]: each for each in frameworks.get("frameworks", [])
        }
        self.ended = [
            each["framework_info"]["id"]["value"] for each in frameworks.get("completed_frameworks", [])
        ]

    def event(self, kind: str, part: Any) -> None:
        getattr(self, f"_{kind.lower()}")(part)

    def _task_added(self, part: Any) -> None:
        task, key = part["task"], _key(part["task"])
        self.unreachable.pop(key, None)
        former = self.tasks.pop(key, None)
        if former is not None:
            assert _ended(former), f"{key} was added twice"
            self.gone.append((key, former["state"]))
        self.tasks[key] = task

    def _task_updated(self, part: Any) -> None:
        status, state = part["status"], part["state"]
        assert status["state"] == state
        key = part["framework_id"]["value"], status["task_id"]["value"]
        task = self.tasks.pop(key, None) or self.unreachable.pop(key, None)
        assert task is not None, f"{key} was never added"
        task = {
            **task,
            "state": state,
            "status_update_state": state,
            "statuses": _after(task["statuses"], status),
        }
        task.pop("status_update_uuid", None)
        if "uuid" in status:
            task["status_update_uuid"] = status["uuid"]
        (self.unreachable if state == "TASK_UNREACHABLE" else self.tasks)[key] = task

    def _agent_added(self, part: Any) -> None:
        agent_id = part["agent"]["agent_info"]["id"]["value"]
        self.expected.discard(agent_id)
        self.agents[agent_id] = part["agent"]

    def _agent_removed(self, part: Any) -> None:
        agent_id = part["agent_id"]["value"]
        if agent_id in self.expected:
            self.expected.remove(agent_id)
        else:
            del self.agents[agent_id]

    def _framework_added(self, part: Any) -> None:
        framework_id = part["framework"]["framework_info"]["id"]["value"]
        assert framework_id not in self.frameworks
        self.frameworks[framework_id] = part["framework"]

    def _framework_updated(self, part: Any) -> None:
        framework_id = part["framework"]["framework_info"]["id"]["value"]
        assert framework_id in self.frameworks
        self.frameworks[framework_id] = part["framework"]

    def _framework_removed(self, part: Any) -> None:
        framework_id = part["framework_info"]["id"]["value"]
        del self.frameworks[framework_id]
        self.ended.append(framework_id)

    def facts(self) -> Any:
        """What is known by now. Which tasks that have ended are remembered, and who has offers, is not told."""
        live = {key: task for key, task in self.tasks.items() if not _ended(task)}
        gone = [*self.gone, *((key, task["state"]) for key, task in self.tasks.items() if _ended(task))]
        frameworks = {
            framework_id: {
                name: each.get(name)
                for name in ("framework_info", "active", "connected", "recovered", "registered_time")
            }
            for framework_id, each in self.frameworks.items()
        }
        agents = {
            agent_id: (each["agent_info"], each["pid"], each["registered_time"])
            for agent_id, each in self.agents.items()
        }
        return live, self.unreachable, Counter(gone), agents, self.expected, frameworks, self.ended
