"""What there is to say of each page besides its path and help: parameters, bodies, answers.

By method and path, as they are under the actor that a node's plain paths belong to. A test sees to it that every page
is here, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from cluster.http import bodies
from cluster.v1.schema import Proto
from cluster.v1.types import agent as node_agent
from cluster.v1.types import executor, master, scheduler

__all__ = ["AGENT", "BOTH", "MASTER", "Detail", "Query"]

Body = type[Proto] | type[msgspec.Struct] | Mapping[str, object]
"""A message of the v1 API (as JSON or protobuf), a body of our own, or a schema."""


class Query(NamedTuple):
    """A parameter of the query."""

    help: str
    required: bool = False
    type: str = "string"


class Detail(NamedTuple):
    """A page for one method. `events`: the answer to the calls in `streams` is a stream of these, in RecordIO."""

    query: Mapping[str, Query] = {}
    body: Body | None = None
    answer: Body | str = "application/json"
    events: type[Proto] | None = None
    streams: str = "SUBSCRIBE"
    statuses: Mapping[int, str] = {}


JSON = Detail()
HTML = Detail(answer="text/html")
TEXT = Detail(answer="text/plain")
REFUSED = {409: "the cluster's state does not allow it: the text says why"}
RECORDED = {**REFUSED, 404: "there is no such agent, framework or role", 503: "it may be forgotten"}
V1_STATUSES = {
    202: "taken; what becomes of it is told by events",
    401: "who asks is not known",
    403: "not subscribed, or not over HTTP",
    406: "no encoding that is accepted",
    415: "neither JSON nor protobuf",
    503: "no master leads, or too much is going on",
}
OPERATOR_STATUSES = {
    202: "done, and on record: of reservations",
    401: "who asks is not known",
    404: "there is no such file, or no such agent to be gone",
    406: "no encoding that is accepted",
    409: "the cluster's state does not allow it: the text says why",
    415: "neither JSON nor protobuf",
    501: "a type of call that is not known",
    503: "no master leads, or it may be forgotten",
}
AGENT_STATUSES = {
    202: "there is such a container already: it is not launched again",
    401: "who asks is not known",
    404: "there is no such file, or no such container",
    406: "no encoding that is accepted",
    409: "the container's state does not allow it: the text says why",
    415: "neither JSON nor protobuf, nor RecordIO where that is asked for",
    501: "a type of call that is not known",
}
FRAMEWORK = Query("a framework's id")
AGENT_ID = Query("an agent's id")


def _changes(body: Body) -> Detail:
    return Detail(body=body, statuses=RECORDED)


VIRTUAL = Query("a virtual path, as /files/debug and the `directory` of executors have them", required=True)
JSONP = Query("a function's name: the answer is a call of it, as text/javascript")


def _mesos(pages: Mapping[str, Detail]) -> dict[tuple[str, str], Detail]:
    """Mesos's older pages: each under two names."""
    return {
        ("GET", path + suffix): detail._replace(query={**detail.query, "jsonp": JSONP})
        for path, detail in pages.items()
        for suffix in ("", ".json")
    }


MESOS_FILES = {
    "/files/browse": Detail(query={"path": VIRTUAL}, statuses={404: "there is no such directory"}),
    "/files/read": Detail(
        query={
            "path": VIRTUAL,
            "offset": Query("bytes; -1, if none is given: the answer has the size only", type="integer"),
            "length": Query("bytes, 64 KiB at most; -1: as many as there are", type="integer"),
        },
        statuses={404: "there is no such file"},
    ),
    "/files/download": Detail(
        query={"path": VIRTUAL},
        answer="application/octet-stream",
        statuses={404: "there is no such file"},
    ),
    "/files/debug": JSON,
}

BOTH: Mapping[tuple[str, str], Detail] = {
    ("GET", "/health"): JSON,
    ("GET", "/metrics"): TEXT,
    ("GET", "/metrics/snapshot"): JSON,
    ("GET", "/__processes__"): JSON,
    ("GET", "/help"): TEXT,
    ("POST", "/logging/toggle"): Detail(
        query={
            "level": Query("a level of Python's logging, DEBUG if none is given"),
            "seconds": Query("for how long, 60 if nothing is given", type="number"),
        }
    ),
    ("GET", "/version"): JSON,
    ("GET", "/api/openapi.json"): JSON,
}
"""Pages of masters and agents."""

MASTER: Mapping[tuple[str, str], Detail] = {
    **BOTH,
    **_mesos(
        {
            **MESOS_FILES,
            "/state": JSON,
            "/state-summary": JSON,
            "/frameworks": Detail(query={"framework_id": FRAMEWORK}),
            "/slaves": Detail(query={"slave_id": AGENT_ID}),
            "/tasks": Detail(
                query={
                    "limit": Query("how many, 100 if nothing is said", type="integer"),
                    "offset": Query("how many are left out before those", type="integer"),
                    "order": Query("asc or des (if nothing is said), by the time of their first status"),
                    "framework_id": FRAMEWORK,
                    "task_id": Query("a task's id"),
                }
            ),
            "/flags": JSON,
            "/roles": JSON,
            "/quota": JSON,
            "/weights": JSON,
            "/maintenance/schedule": JSON,
            "/maintenance/status": JSON,
        }
    ),
    ("GET", "/"): HTML,
    ("GET", "/ui"): HTML,
    ("GET", "/leader"): JSON,
    ("GET", "/redirect"): Detail(
        answer="text/plain", statuses={307: "where the leader is", 503: "no master leads"}
    ),
    ("POST", "/api/v1/scheduler"): Detail(
        body=scheduler.Call, answer=scheduler.Event, events=scheduler.Event, statuses=V1_STATUSES
    ),
    ("POST", "/api/v1"): Detail(
        body=master.Call, answer=master.Response, events=master.Event, statuses=OPERATOR_STATUSES
    ),
    ("GET", "/ostrom/state"): JSON,
    ("GET", "/ostrom/agents"): JSON,
    ("GET", "/ostrom/frameworks"): JSON,
    ("GET", "/ostrom/roles"): JSON,
    ("GET", "/ostrom/offers"): JSON,
    ("GET", "/ostrom/tasks"): Detail(
        query={
            "framework": FRAMEWORK,
            "agent": AGENT_ID,
            "state": Query("like TASK_RUNNING"),
            "completed": Query("1: also those that have ended"),
        }
    ),
    ("GET", "/ostrom/explain"): Detail(
        query={"framework": Query("a framework's id", required=True), "agent": AGENT_ID},
        statuses={404: "there is no such framework or agent"},
    ),
    ("GET", "/ostrom/weights"): JSON,
    ("POST", "/ostrom/weights"): _changes({"type": "object", "additionalProperties": {"type": "number"}}),
    ("GET", "/ostrom/quota"): JSON,
    ("POST", "/ostrom/quota"): _changes(bodies.QuotaBody),
    ("DELETE", "/ostrom/quota"): Detail(query={"role": Query("a role", required=True)}, statuses=RECORDED),
    ("GET", "/ostrom/reservations"): JSON,
    ("POST", "/ostrom/reserve"): _changes(bodies.ReserveBody),
    ("POST", "/ostrom/unreserve"): _changes(bodies.ReserveBody),
    ("POST", "/ostrom/agents/drain"): _changes(bodies.DrainBody),
    ("POST", "/ostrom/agents/deactivate"): _changes(bodies.AgentBody),
    ("POST", "/ostrom/agents/reactivate"): _changes(bodies.AgentBody),
    ("POST", "/ostrom/agents/gone"): _changes(bodies.AgentBody),
    ("GET", "/ostrom/maintenance"): JSON,
    ("POST", "/ostrom/maintenance/schedule"): _changes(bodies.ScheduleBody),
    ("POST", "/ostrom/maintenance/down"): _changes(bodies.MachinesBody),
    ("POST", "/ostrom/maintenance/up"): _changes(bodies.MachinesBody),
    ("POST", "/ostrom/teardown"): Detail(
        query={"framework": Query("a framework's id", required=True)}, statuses=RECORDED
    ),
}

SANDBOX = {
    "framework": Query("a framework's id", required=True),
    "executor": Query("an executor's id, or that of a task without one", required=True),
}
NO_FILE = {404: "there is no such sandbox, directory or file"}

AGENT: Mapping[tuple[str, str], Detail] = {
    **BOTH,
    **_mesos(
        {
            **MESOS_FILES,
            "/state": JSON,
            "/flags": JSON,
            "/containers": Detail(query={"container_id": Query("a container's id")}),
            "/monitor/statistics": JSON,
        }
    ),
    ("POST", "/api/v1/executor"): Detail(
        body=executor.Call, answer=executor.Event, events=executor.Event, statuses=V1_STATUSES
    ),
    ("POST", "/api/v1"): Detail(
        body=node_agent.Call,
        answer=node_agent.Response,
        events=node_agent.ProcessIO,
        streams="LAUNCH_NESTED_CONTAINER_SESSION and ATTACH_CONTAINER_OUTPUT",
        statuses=AGENT_STATUSES,
    ),
    ("GET", "/ostrom/state"): JSON,
    ("GET", "/ostrom/usage"): JSON,
    ("GET", "/ostrom/files/browse"): Detail(
        query={**SANDBOX, "path": Query("a directory in the sandbox")}, statuses=NO_FILE
    ),
    ("GET", "/ostrom/files/read"): Detail(
        query={
            **SANDBOX,
            "path": Query("a file in the sandbox, stdout if none is given"),
            "offset": Query("bytes", type="integer"),
            "length": Query("bytes", type="integer"),
            "raw": Query("1: the bytes themselves"),
            "wait": Query("1: wait up to 10 seconds for more"),
        },
        statuses=NO_FILE,
    ),
}
