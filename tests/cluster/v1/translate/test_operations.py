"""What frameworks do with offers, and what they are told of what cannot be done."""

from __future__ import annotations

import json as python_json
from typing import Any

import pytest

from cluster import messages as m
from cluster.resources import Resources
from cluster.v1 import json
from cluster.v1.errors import RefusedError
from cluster.v1.translate import Dialect, Translated, translate_call
from cluster.v1.types.scheduler import Call

DIALECT = Dialect("F", "root")
CPU = {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}}
ENG = {**CPU, "role": "eng", "reservation": {}}


def task(task_id: str, **more: Any) -> dict[str, Any]:
    given = {"name": "n", "task_id": {"value": task_id}, "agent_id": {"value": "S0"}, "resources": [CPU]}
    return {**given, "command": {"value": "true"}, **more}


def launch(*tasks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "LAUNCH", "launch": {"task_infos": list(tasks)}}


def group(*tasks: dict[str, Any], **executor: Any) -> dict[str, Any]:
    given = {"executor_id": {"value": "e"}, "type": "DEFAULT", **executor}
    return {"type": "LAUNCH_GROUP", "launch_group": {"executor": given, "task_group": {"tasks": list(tasks)}}}


def accept(*operations: dict[str, Any]) -> Translated:
    call = {
        "type": "ACCEPT",
        "framework_id": {"value": "F"},
        "accept": {"offer_ids": [{"value": "O"}], "operations": list(operations)},
    }
    return translate_call(json.decode(python_json.dumps(call).encode(), Call), DIALECT, 5.0)


def taken(done: Translated) -> tuple[m.Operation, ...]:
    assert isinstance(done.message, m.Accept)
    assert done.message.offer_ids == ("O",)
    return done.message.operations


def told(done: Translated) -> list[dict[str, Any]]:
    return [python_json.loads(json.encode(event)) for event in done.events]


TASK = m.TaskInfo("t", Resources.of(cpus=1), "n", "S0", m.CommandInfo("true"))


def test_a_launch() -> None:
    assert accept(launch(task("t"))) == Translated(m.Accept("F", ("O",), (m.Launch((TASK,)),)))


def test_pymesos_s_task() -> None:
    executor = {
        "executor_id": {"value": "main"},
        "name": "main",
        "command": {
            "value": "python executor.py",
            "environment": {"variables": [{"name": "A", "value": "1"}]},
        },
        "resources": [{"name": "mem", "type": "SCALAR", "scalar": {"value": 32}}],
    }
    gpus = {"name": "gpus", "type": "SCALAR", "scalar": {"value": 0}}
    done = accept(launch(task("t", command=None, executor=executor, resources=[CPU, gpus], data="aGVsbG8=")))
    command = m.CommandInfo("python executor.py", environment={"A": "1"})
    expected = m.TaskInfo(
        "t",
        Resources.of(cpus=1),
        "n",
        "S0",
        executor=m.ExecutorInfo("main", command, Resources.of(mem=32), "main"),
        data=b"hello",
    )
    assert taken(done) == (m.Launch((expected,)),)


def test_a_task_with_all_that_there_is() -> None:
    given = task(
        "t",
        command={
            "value": "/bin/sleep",
            "shell": False,
            "arguments": ["sleep", "5"],
            "user": "root",
            "uris": [
                {"value": "http://x/a.tgz", "cache": True, "output_file": "b.tgz"},
                {"value": "/x", "executable": True, "extract": False},
            ],
        },
        container={"type": "MESOS", "mesos": {}, "network_infos": [{}]},
        health_check={"type": "HTTP", "http": {"port": 80}, "grace_period_seconds": 3},
        check={"type": "COMMAND", "command": {"command": {"value": "test -f x"}}, "delay_seconds": 0},
        kill_policy={"grace_period": {"nanoseconds": 2000000000}},
        labels={"labels": [{"key": "k", "value": "v"}]},
        discovery={
            "visibility": "CLUSTER",
            "name": "web",
            "ports": {"ports": [{"number": 80, "name": "http"}, {"number": 53, "protocol": "udp"}]},
        },
        max_completion_time={"nanoseconds": 500000000},
        limits={},
    )
    uris = (
        m.URI("http://x/a.tgz", cache=True, output_file="b.tgz"),
        m.URI("/x", executable=True, extract=False),
    )
    expected = m.TaskInfo(
        "t",
        Resources.of(cpus=1),
        "n",
        "S0",
        m.CommandInfo("/bin/sleep", ("sleep", "5"), shell=False, uris=uris),
        kill_policy=m.KillPolicy(2.0),
        labels={"k": "v"},
        health_check=m.HealthCheck(http=m.HTTPCheck(80), grace_period_seconds=3.0),
        check=m.Check(command=m.CommandCheck("test -f x"), delay_seconds=0.0),
        max_completion_time=0.5,
        discovery=m.DiscoveryInfo("web", "CLUSTER", ports=(m.Port(80, "http"), m.Port(53, protocol="udp"))),
    )
    assert taken(accept(launch(given))) == (m.Launch((expected,)),)


def test_arguments_that_a_shell_cannot_take_are_overlooked_as_in_mesos() -> None:
    (made,) = taken(accept(launch(task("t", command={"value": "ls", "arguments": ["-l"]}))))
    assert made == m.Launch((m.TaskInfo("t", Resources.of(cpus=1), "n", "S0", m.CommandInfo("ls")),))


def test_one_bad_task_does_not_stop_the_others() -> None:
    done = accept(launch(task("bad", limits={"mem": {"value": 1}}), task("t")), launch(task("t")))
    assert taken(done) == (m.Launch((TASK,)), m.Launch((TASK,)))
    problem = "accept.operations[0].launch.task_infos[0].limits: a task's limits are what it requests, here"
    assert done.problems == (problem,)
    assert told(done) == [
        {
            "type": "UPDATE",
            "update": {
                "status": {
                    "task_id": {"value": "bad"},
                    "state": "TASK_ERROR",
                    "message": problem,
                    "source": "SOURCE_MASTER",
                    "reason": "REASON_TASK_INVALID",
                    "agent_id": {"value": "S0"},
                    "timestamp": 5.0,
                }
            },
        }
    ]


def test_offers_are_used_up_also_if_no_task_is_left() -> None:
    assert taken(accept(launch(task("bad", limits={"mem": {"value": 1}})))) == ()


REVOCABLE = {**CPU, "revocable": {}}


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (
            {"container": {"type": "DOCKER", "docker": {"image": "x"}}},
            "container.docker: there are no Docker",
        ),
        (
            {"container": {"type": "MESOS", "mesos": {"image": {"type": "DOCKER", "docker": {"name": "x"}}}}},
            "container.mesos.image: there are no container images",
        ),
        (
            {"container": {"type": "MESOS", "volumes": [{"mode": "RW", "container_path": "x"}]}},
            "container.volumes: there are no volumes",
        ),
        (
            {"container": {"type": "MESOS", "network_infos": [{"name": "cni"}]}},
            "container.network_infos[0].name: containers have their machine's network",
        ),
        ({"container": {"type": "MESOS", "hostname": "h"}}, "container.hostname: "),
        ({"container": {"type": "MESOS", "tty_info": {}}}, "container.tty_info: tasks have no terminal"),
        ({"container": {"type": "MESOS", "linux_info": {}}}, "container.linux_info: "),
        ({"container": {"type": "MESOS", "rlimit_info": {}}}, "container.rlimit_info: "),
        ({"resources": [CPU, REVOCABLE]}, "resources: some are revocable and some are not"),
        ({"command": {"value": "x", "user": "nobody"}}, "command.user is 'nobody': tasks run as"),
        (
            {"command": {"value": "x", "environment": {"variables": [{"name": "A", "type": "SECRET"}]}}},
            "command.environment.variables[0]: 'A' is a secret",
        ),
        (
            {"command": {"value": "x", "environment": {"variables": [{"name": "A"}]}}},
            "command.environment.variables[0].value of 'A' is missing",
        ),
        (
            {"kill_policy": {"grace_period": {"nanoseconds": 10**15}}},
            "kill_policy.grace_period is 1e+06 seconds",
        ),
        ({"max_completion_time": {"nanoseconds": 0}}, "max_completion_time is 0 seconds"),
        (
            {"discovery": {"visibility": "CLUSTER", "ports": {"ports": [{"number": 65536}]}}},
            "discovery.ports.ports[0].number is 65536, not 0 to 65535",
        ),
        (
            {"health_check": {"type": "TCP", "http": {"port": 80}}},
            "health_check.http is given, though task.health_check.type is TCP",
        ),
        ({"check": {"type": "HTTP"}}, "check.http is missing, though task.check.type is HTTP"),
        (
            {"health_check": {"type": "TCP", "tcp": {"port": 80, "protocol": "IPv6"}}},
            "health_check.tcp.protocol: checks are made to 127.0.0.1",
        ),
        (
            {"health_check": {"type": "COMMAND", "command": {"value": "x", "user": "root"}}},
            "health_check.command.user: a check runs as its task",
        ),
        (
            {"check": {"type": "COMMAND", "command": {"command": {"value": "x", "uris": [{"value": "/x"}]}}}},
            "check.command.command.uris: a check finds the files",
        ),
        (
            {"executor": {"executor_id": {"value": "e"}, "type": "CUSTOM"}},
            "executor.command is missing, and an executor of type CUSTOM",
        ),
        (
            {"executor": {"executor_id": {"value": "e"}, "framework_id": {"value": "G"}}},
            "executor.framework_id is 'G', not the framework's, 'F'",
        ),
        (
            {"executor": {"executor_id": {"value": "e"}, "resources": [REVOCABLE]}},
            "executor.resources: an executor does not run on revocable ones",
        ),
    ],
)
def test_what_a_task_cannot_have_is_named(more: dict[str, Any], problem: str) -> None:
    done = accept(launch(task("t", **more)))
    (event,) = told(done)
    message = event["update"]["status"]["message"]
    where = "accept.operations[0].launch.task_infos[0]."
    assert message.startswith(where)
    assert message.removeprefix(where).replace(where, "task.").startswith(problem)


def test_a_group() -> None:
    executor = {"executor_id": {"value": "e"}, "type": "DEFAULT"}
    done = accept(group(task("t"), task("u", executor=executor)))
    other = m.TaskInfo("u", Resources.of(cpus=1), "n", "S0", m.CommandInfo("true"))
    assert taken(done) == (m.LaunchGroup(m.ExecutorInfo("e"), (TASK, other)),)


@pytest.mark.parametrize(
    ("operation", "problem"),
    [
        (
            group(task("t"), task("u", limits={"mem": {"value": 1}})),
            "launch_group.task_group.tasks[1].limits: ",
        ),
        (
            group(task("t"), task("u", executor={"executor_id": {"value": "f"}})),
            "launch_group.task_group.tasks[1].executor is another than that of its group",
        ),
        (
            group(task("t"), task("u"), command={"value": "x"}),
            "launch_group.executor.command is given, and an executor of type DEFAULT has none",
        ),
    ],
)
def test_a_group_is_launched_as_a_whole_or_not(operation: dict[str, Any], problem: str) -> None:
    done = accept(operation)
    assert taken(done) == ()
    (text,) = done.problems
    assert text.startswith(f"accept.operations[0].{problem}")
    statuses = [event["update"]["status"] for event in told(done)]
    assert [(each["task_id"]["value"], each["reason"]) for each in statuses] == [
        ("t", "REASON_TASK_GROUP_INVALID"),
        ("u", "REASON_TASK_GROUP_INVALID"),
    ]


def test_reservations_in_both_formats() -> None:
    new = {**CPU, "reservations": [{"type": "DYNAMIC", "role": "eng", "principal": "p"}]}
    for each in (ENG, new):
        done = accept(
            {"type": "RESERVE", "id": {"value": "r"}, "reserve": {"resources": [each], "source": [CPU]}},
            {"type": "UNRESERVE", "unreserve": {"resources": [each]}},
        )
        cpus = Resources.of(cpus=1)
        assert taken(done) == (m.Reserve(cpus, "eng", "r"), m.Unreserve(cpus, "eng"))
        assert not done.events


OPS = {**CPU, "role": "ops"}


@pytest.mark.parametrize(
    ("operation", "problem"),
    [
        (
            {"type": "RESERVE", "reserve": {"resources": [CPU]}},
            "reserve.resources: some are not for a role: cpus:1",
        ),
        ({"type": "RESERVE", "reserve": {}}, "reserve.resources: must be of one role here, not of none"),
        (
            {"type": "RESERVE", "reserve": {"resources": [ENG, OPS]}},
            "reserve.resources: must be of one role here",
        ),
        (
            {"type": "RESERVE", "reserve": {"resources": [ENG], "source": [OPS]}},
            "reserve.source: only what is unreserved",
        ),
        (
            {"type": "UNRESERVE", "unreserve": {"resources": [REVOCABLE]}},
            "unreserve.resources: what is revocable",
        ),
        ({"type": "CREATE", "create": {}}, "CREATE: there are no persistent volumes here"),
        ({"type": "DESTROY", "destroy": {}}, "DESTROY: there are no persistent volumes here"),
        (
            {"type": "GROW_VOLUME", "grow_volume": {"volume": CPU, "addition": CPU}},
            "GROW_VOLUME: there are no persistent volumes here",
        ),
        (
            {"type": "SHRINK_VOLUME", "shrink_volume": {"volume": CPU, "subtract": {"value": 1}}},
            "SHRINK_VOLUME: there are no persistent volumes here",
        ),
        (
            {"type": "CREATE_DISK", "create_disk": {"source": CPU, "target_type": "MOUNT"}},
            "CREATE_DISK: there are no disks of storage providers here",
        ),
        (
            {"type": "DESTROY_DISK", "destroy_disk": {"source": CPU}},
            "DESTROY_DISK: there are no disks of storage providers here",
        ),
        ({"type": "FROBNICATE"}, "type is not known"),
    ],
)
def test_operations_that_cannot_be_done_are_told_of(operation: dict[str, Any], problem: str) -> None:
    done = accept({**operation, "id": {"value": "op"}}, launch(task("t")))
    assert taken(done) == (m.Launch((TASK,)),)
    (text,) = done.problems
    assert text.startswith(f"accept.operations[0]{'.' if problem[0].islower() else ': '}{problem}")
    (event,) = told(done)
    status = {"operation_id": {"value": "op"}, "state": "OPERATION_ERROR", "message": text}
    assert event == {"type": "UPDATE_OPERATION_STATUS", "update_operation_status": {"status": status}}
    # Without an id nobody can be told.
    assert told(accept(operation)) == []


@pytest.mark.parametrize(
    ("operation", "problem"),
    [
        ({}, "accept.operations[0].type is missing"),
        ({"type": "LAUNCH"}, "accept.operations[0].launch is missing, though the type is LAUNCH"),
        ({"type": "CREATE"}, "accept.operations[0].create is missing, though the type is CREATE"),
    ],
)
def test_a_malformed_operation_spoils_the_call(operation: dict[str, Any], problem: str) -> None:
    with pytest.raises(RefusedError) as caught:
        accept(operation)
    assert str(caught.value) == problem
