"""What PyMesos's schedulers send, and are told."""

from __future__ import annotations

from typing import Any

from cluster.v1 import types as v1
from cluster.v1.types import scheduler
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


def call(kind: str, **parts: Any) -> scheduler.Call:
    return scheduler.Call(type=scheduler.Call.Type(kind), framework_id=FRAMEWORK_ID, **parts)


Call = scheduler.Call
CALLS: list[tuple[dict[str, Any], scheduler.Call]] = [
    (
        {
            "type": "SUBSCRIBE",
            "subscribe": {"framework_info": {"user": "u", "name": "n", "failover_timeout": 100}},
        },
        Call(
            type=Call.Type.SUBSCRIBE,
            subscribe=Call.Subscribe(
                framework_info=v1.FrameworkInfo(user="u", name="n", failover_timeout=100.0)
            ),
        ),
    ),
    (
        {
            "type": "SUBSCRIBE",
            "subscribe": {
                "framework_info": {
                    "user": "u",
                    "name": "n",
                    "hostname": "h",
                    "id": {"value": "F"},
                    "checkpoint": False,
                    "capabilities": [{"type": "MULTI_ROLE"}, {"type": "GPU_RESOURCES"}],
                    "roles": ["a"],
                    "failover_timeout": 60,
                }
            },
            **F,
        },
        call(
            "SUBSCRIBE",
            subscribe=Call.Subscribe(
                framework_info=v1.FrameworkInfo(
                    user="u",
                    name="n",
                    hostname="h",
                    id=FRAMEWORK_ID,
                    checkpoint=False,
                    capabilities=(
                        v1.FrameworkInfo.Capability(type=v1.FrameworkInfo.Capability.Type.MULTI_ROLE),
                        v1.FrameworkInfo.Capability(type=v1.FrameworkInfo.Capability.Type.GPU_RESOURCES),
                    ),
                    roles=("a",),
                    failover_timeout=60.0,
                )
            ),
        ),
    ),
    ({"type": "TEARDOWN", **F}, call("TEARDOWN")),
    (
        {
            "type": "ACCEPT",
            **F,
            "accept": {
                "offer_ids": [{"value": "O1"}, {"value": "O2"}],
                "operations": [
                    {
                        "type": "LAUNCH",
                        "launch": {
                            "task_infos": [
                                {
                                    "task_id": T,
                                    "agent_id": S,
                                    "name": "1",
                                    "executor": {
                                        **E,
                                        "name": "e",
                                        "command": {"value": "python executor.py"},
                                        "resources": [cpus(0.1)],
                                    },
                                    "data": "SGVsbG8=",
                                    "resources": [cpus(0.1)],
                                }
                            ]
                        },
                    }
                ],
                "filters": {"refuse_seconds": 5},
            },
        },
        call(
            "ACCEPT",
            accept=Call.Accept(
                offer_ids=(v1.OfferID(value="O1"), v1.OfferID(value="O2")),
                operations=(
                    v1.Offer.Operation(
                        type=v1.Offer.Operation.Type.LAUNCH,
                        launch=v1.Offer.Operation.Launch(
                            task_infos=(
                                v1.TaskInfo(
                                    task_id=TASK_ID,
                                    agent_id=AGENT_ID,
                                    name="1",
                                    executor=v1.ExecutorInfo(
                                        executor_id=EXECUTOR_ID,
                                        name="e",
                                        command=v1.CommandInfo(value="python executor.py"),
                                        resources=(v1_cpus(0.1),),
                                    ),
                                    data=b"Hello",
                                    resources=(v1_cpus(0.1),),
                                ),
                            )
                        ),
                    ),
                ),
                filters=v1.Filters(refuse_seconds=5.0),
            ),
        ),
    ),
    (
        {
            "type": "ACCEPT_INVERSE_OFFERS",
            **F,
            "accept_inverse_offers": {"inverse_offer_ids": [{"value": "I"}]},
        },
        call(
            "ACCEPT_INVERSE_OFFERS",
            accept_inverse_offers=Call.AcceptInverseOffers(inverse_offer_ids=(v1.OfferID(value="I"),)),
        ),
    ),
    (
        {"type": "DECLINE", **F, "decline": {"offer_ids": [{"value": "O"}]}},
        call("DECLINE", decline=Call.Decline(offer_ids=(v1.OfferID(value="O"),))),
    ),
    (
        {
            "type": "DECLINE_INVERSE_OFFERS",
            **F,
            "decline_inverse_offers": {
                "inverse_offer_ids": [{"value": "I"}],
                "filters": {"refuse_seconds": 4.5},
            },
        },
        call(
            "DECLINE_INVERSE_OFFERS",
            decline_inverse_offers=Call.DeclineInverseOffers(
                inverse_offer_ids=(v1.OfferID(value="I"),), filters=v1.Filters(refuse_seconds=4.5)
            ),
        ),
    ),
    ({"type": "REVIVE", **F}, call("REVIVE")),
    ({"type": "REVIVE", **F, "revive": {"roles": ["a"]}}, call("REVIVE", revive=Call.Revive(roles=("a",)))),
    ({"type": "SUPPRESS", **F}, call("SUPPRESS")),
    (
        {"type": "SUPPRESS", **F, "suppress": {"roles": ["a", "b"]}},
        call("SUPPRESS", suppress=Call.Suppress(roles=("a", "b"))),
    ),
    ({"type": "KILL", **F, "kill": {"task_id": T}}, call("KILL", kill=Call.Kill(task_id=TASK_ID))),
    (
        {"type": "ACKNOWLEDGE", **F, "acknowledge": {"agent_id": S, "task_id": T, "uuid": UUID_TEXT}},
        call("ACKNOWLEDGE", acknowledge=Call.Acknowledge(agent_id=AGENT_ID, task_id=TASK_ID, uuid=UUID)),
    ),
    (
        # As its tests have it, with the end of the line that Python's encoder writes.
        {"type": "ACKNOWLEDGE", **F, "acknowledge": {"agent_id": S, "task_id": T, "uuid": UUID_TEXT + "\n"}},
        call("ACKNOWLEDGE", acknowledge=Call.Acknowledge(agent_id=AGENT_ID, task_id=TASK_ID, uuid=UUID)),
    ),
    (
        # The whole status, of which Mesos reads what it needs.
        {
            "type": "ACKNOWLEDGE_OPERATION_STATUS",
            **F,
            "acknowledge_operation_status": {
                "state": "OPERATION_FINISHED",
                "operation_id": {"value": "op"},
                "uuid": UUID_TEXT,
                "agent_id": S,
            },
        },
        call(
            "ACKNOWLEDGE_OPERATION_STATUS",
            acknowledge_operation_status=Call.AcknowledgeOperationStatus(
                operation_id=v1.OperationID(value="op"), uuid=UUID, agent_id=AGENT_ID
            ),
        ),
    ),
    (
        {"type": "RECONCILE", **F, "reconcile": {"tasks": [{"task_id": T}, {"task_id": {"value": "U"}}]}},
        call(
            "RECONCILE",
            reconcile=Call.Reconcile(
                tasks=(
                    Call.Reconcile.Task(task_id=TASK_ID),
                    Call.Reconcile.Task(task_id=v1.TaskID(value="U")),
                )
            ),
        ),
    ),
    ({"type": "RECONCILE", **F, "reconcile": {"tasks": []}}, call("RECONCILE", reconcile=Call.Reconcile())),
    (
        {
            "type": "RECONCILE_OPERATIONS",
            **F,
            "reconcile_operations": {"operations": [{"operation_id": {"value": "op"}, "agent_id": S}]},
        },
        call(
            "RECONCILE_OPERATIONS",
            reconcile_operations=Call.ReconcileOperations(
                operations=(
                    Call.ReconcileOperations.Operation(
                        operation_id=v1.OperationID(value="op"), agent_id=AGENT_ID
                    ),
                )
            ),
        ),
    ),
    (
        {"type": "MESSAGE", **F, "message": {"agent_id": S, **E, "data": "aGkg4pyT"}},
        call(
            "MESSAGE",
            message=Call.Message(agent_id=AGENT_ID, executor_id=EXECUTOR_ID, data="hi ✓".encode()),
        ),
    ),
    (
        {"type": "REQUEST", **F, "request": {"requests": [{"agent_id": S, "resources": [cpus(1)]}]}},
        call(
            "REQUEST",
            request=Call.Request(requests=(v1.Request(agent_id=AGENT_ID, resources=(v1_cpus(1.0),)),)),
        ),
    ),
]


Event = scheduler.Event
EVENTS: list[tuple[scheduler.Event, dict[str, Any]]] = [
    (
        Event(type=Event.Type.SUBSCRIBED, subscribed=Event.Subscribed(framework_id=FRAMEWORK_ID)),
        {"type": "SUBSCRIBED", "subscribed": F},
    ),
    (
        Event(
            type=Event.Type.OFFERS,
            offers=Event.Offers(
                offers=(
                    v1.Offer(
                        id=v1.OfferID(value="O"),
                        framework_id=FRAMEWORK_ID,
                        agent_id=AGENT_ID,
                        hostname="h",
                        resources=(v1_cpus(2.0, role="*"),),
                    ),
                )
            ),
        ),
        {
            "type": "OFFERS",
            "offers": {
                "offers": [
                    {
                        "id": {"value": "O"},
                        **F,
                        "agent_id": S,
                        "hostname": "h",
                        "resources": [cpus(2.0, role="*")],
                    }
                ]
            },
        },
    ),
    (
        Event(type=Event.Type.RESCIND, rescind=Event.Rescind(offer_id=v1.OfferID(value="O"))),
        {"type": "RESCIND", "rescind": {"offer_id": {"value": "O"}}},
    ),
    (
        Event(
            type=Event.Type.RESCIND_INVERSE_OFFER,
            rescind_inverse_offer=Event.RescindInverseOffer(inverse_offer_id=v1.OfferID(value="I")),
        ),
        {"type": "RESCIND_INVERSE_OFFER", "rescind_inverse_offer": {"inverse_offer_id": {"value": "I"}}},
    ),
    (
        Event(
            type=Event.Type.UPDATE,
            update=Event.Update(
                status=v1.TaskStatus(
                    task_id=TASK_ID,
                    state=v1.TaskState.TASK_RUNNING,
                    data=b'{"pid": 20712}',
                    timestamp=1795208408.0,
                    uuid=UUID,
                    source=v1.TaskStatus.Source.SOURCE_EXECUTOR,
                    agent_id=AGENT_ID,
                    executor_id=EXECUTOR_ID,
                )
            ),
        ),
        {
            "type": "UPDATE",
            "update": {
                "status": {
                    "task_id": T,
                    "state": "TASK_RUNNING",
                    "data": "eyJwaWQiOiAyMDcxMn0=",
                    "timestamp": 1795208408.0,
                    "uuid": UUID_TEXT,
                    "source": "SOURCE_EXECUTOR",
                    "agent_id": S,
                    **E,
                }
            },
        },
    ),
    (
        Event(
            type=Event.Type.MESSAGE,
            message=Event.Message(executor_id=EXECUTOR_ID, agent_id=AGENT_ID, data=b"hi"),
        ),
        {"type": "MESSAGE", "message": {**E, "agent_id": S, "data": "aGk="}},
    ),
    (
        Event(
            type=Event.Type.FAILURE,
            failure=Event.Failure(executor_id=EXECUTOR_ID, agent_id=AGENT_ID, status=256),
        ),
        {"type": "FAILURE", "failure": {**E, "agent_id": S, "status": 256}},
    ),
    (
        Event(type=Event.Type.FAILURE, failure=Event.Failure(agent_id=AGENT_ID)),
        {"type": "FAILURE", "failure": {"agent_id": S}},
    ),
    (
        Event(type=Event.Type.ERROR, error=Event.Error(message="error message")),
        {"type": "ERROR", "error": {"message": "error message"}},
    ),
    (Event(type=Event.Type.HEARTBEAT), {"type": "HEARTBEAT"}),
]
