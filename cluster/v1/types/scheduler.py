"""Between a framework and the master."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Double, Int32, Proto, ProtoEnum

from .agents import MasterInfo
from .commands import KillPolicy
from .constraints import OfferConstraints
from .frameworks import Filters, FrameworkInfo, Request
from .ids import AgentID, ExecutorID, FrameworkID, OfferID, OperationID, ResourceProviderID, TaskID
from .offers import InverseOffer, Offer, OperationStatus
from .tasks import TaskStatus

__all__ = ["Call", "Event", "Response"]

PACKAGE = "mesos.v1.scheduler"


class Event(Proto, frozen=True, kw_only=True):
    class Type(ProtoEnum):
        UNKNOWN = "UNKNOWN", 0
        SUBSCRIBED = "SUBSCRIBED", 1
        OFFERS = "OFFERS", 2
        INVERSE_OFFERS = "INVERSE_OFFERS", 9
        RESCIND = "RESCIND", 3
        RESCIND_INVERSE_OFFER = "RESCIND_INVERSE_OFFER", 10
        UPDATE = "UPDATE", 4
        UPDATE_OPERATION_STATUS = "UPDATE_OPERATION_STATUS", 11
        MESSAGE = "MESSAGE", 5
        FAILURE = "FAILURE", 6
        ERROR = "ERROR", 7
        HEARTBEAT = "HEARTBEAT", 8

    class Subscribed(Proto, frozen=True, kw_only=True):
        framework_id: Annotated[FrameworkID, 1]
        heartbeat_interval_seconds: Annotated[Double | None, 2] = None
        master_info: Annotated[MasterInfo | None, 3] = None

    class Offers(Proto, frozen=True, kw_only=True):
        offers: Annotated[tuple[Offer, ...], 1] = ()

    class InverseOffers(Proto, frozen=True, kw_only=True):
        inverse_offers: Annotated[tuple[InverseOffer, ...], 1] = ()

    class Rescind(Proto, frozen=True, kw_only=True):
        offer_id: Annotated[OfferID, 1]

    class RescindInverseOffer(Proto, frozen=True, kw_only=True):
        inverse_offer_id: Annotated[OfferID, 1]

    class Update(Proto, frozen=True, kw_only=True):
        status: Annotated[TaskStatus, 1]

    class UpdateOperationStatus(Proto, frozen=True, kw_only=True):
        status: Annotated[OperationStatus, 1]

    class Message(Proto, frozen=True, kw_only=True):
        agent_id: Annotated[AgentID, 1]
        executor_id: Annotated[ExecutorID, 2]
        data: Annotated[bytes, 3]

    class Failure(Proto, frozen=True, kw_only=True):
        agent_id: Annotated[AgentID | None, 1] = None
        executor_id: Annotated[ExecutorID | None, 2] = None
        status: Annotated[Int32 | None, 3] = None

    class Error(Proto, frozen=True, kw_only=True):
        message: Annotated[str, 1]

    type: Annotated[Event.Type | None, 1] = None
    subscribed: Annotated[Event.Subscribed | None, 2] = None
    offers: Annotated[Event.Offers | None, 3] = None
    inverse_offers: Annotated[Event.InverseOffers | None, 9] = None
    rescind: Annotated[Event.Rescind | None, 4] = None
    rescind_inverse_offer: Annotated[Event.RescindInverseOffer | None, 10] = None
    update: Annotated[Event.Update | None, 5] = None
    update_operation_status: Annotated[Event.UpdateOperationStatus | None, 11] = None
    message: Annotated[Event.Message | None, 6] = None
    failure: Annotated[Event.Failure | None, 7] = None
    error: Annotated[Event.Error | None, 8] = None


class Response(Proto, frozen=True, kw_only=True):
    class Type(ProtoEnum):
        UNKNOWN = "UNKNOWN", 0
        RECONCILE_OPERATIONS = "RECONCILE_OPERATIONS", 1

    class ReconcileOperations(Proto, frozen=True, kw_only=True):
        operation_statuses: Annotated[tuple[OperationStatus, ...], 1] = ()

    type: Annotated[Response.Type | None, 1] = None
    reconcile_operations: Annotated[Response.ReconcileOperations | None, 2] = None


class Call(Proto, frozen=True, kw_only=True):
    class Type(ProtoEnum):
        UNKNOWN = "UNKNOWN", 0
        SUBSCRIBE = "SUBSCRIBE", 1
        TEARDOWN = "TEARDOWN", 2
        ACCEPT = "ACCEPT", 3
        DECLINE = "DECLINE", 4
        ACCEPT_INVERSE_OFFERS = "ACCEPT_INVERSE_OFFERS", 13
        DECLINE_INVERSE_OFFERS = "DECLINE_INVERSE_OFFERS", 14
        REVIVE = "REVIVE", 5
        KILL = "KILL", 6
        SHUTDOWN = "SHUTDOWN", 7
        ACKNOWLEDGE = "ACKNOWLEDGE", 8
        ACKNOWLEDGE_OPERATION_STATUS = "ACKNOWLEDGE_OPERATION_STATUS", 15
        RECONCILE = "RECONCILE", 9
        RECONCILE_OPERATIONS = "RECONCILE_OPERATIONS", 16
        MESSAGE = "MESSAGE", 10
        REQUEST = "REQUEST", 11
        SUPPRESS = "SUPPRESS", 12
        UPDATE_FRAMEWORK = "UPDATE_FRAMEWORK", 17

    class Subscribe(Proto, frozen=True, kw_only=True):
        framework_info: Annotated[FrameworkInfo, 1]
        suppressed_roles: Annotated[tuple[str, ...], 2] = ()
        offer_constraints: Annotated[OfferConstraints | None, 3] = None

    class Accept(Proto, frozen=True, kw_only=True):
        offer_ids: Annotated[tuple[OfferID, ...], 1] = ()
        operations: Annotated[tuple[Offer.Operation, ...], 2] = ()
        filters: Annotated[Filters | None, 3] = None

    class Decline(Proto, frozen=True, kw_only=True):
        offer_ids: Annotated[tuple[OfferID, ...], 1] = ()
        filters: Annotated[Filters | None, 2] = None

    class AcceptInverseOffers(Proto, frozen=True, kw_only=True):
        inverse_offer_ids: Annotated[tuple[OfferID, ...], 1] = ()
        filters: Annotated[Filters | None, 2] = None

    class DeclineInverseOffers(Proto, frozen=True, kw_only=True):
        inverse_offer_ids: Annotated[tuple[OfferID, ...], 1] = ()
        filters: Annotated[Filters | None, 2] = None

    class Revive(Proto, frozen=True, kw_only=True):
        roles: Annotated[tuple[str, ...], 1] = ()

    class Kill(Proto, frozen=True, kw_only=True):
        task_id: Annotated[TaskID, 1]
        agent_id: Annotated[AgentID | None, 2] = None
        kill_policy: Annotated[KillPolicy | None, 3] = None

    class Shutdown(Proto, frozen=True, kw_only=True):
        executor_id: Annotated[ExecutorID, 1]
        agent_id: Annotated[AgentID, 2]

    class Acknowledge(Proto, frozen=True, kw_only=True):
        agent_id: Annotated[AgentID, 1]
        task_id: Annotated[TaskID, 2]
        uuid: Annotated[bytes, 3]

    class AcknowledgeOperationStatus(Proto, frozen=True, kw_only=True):
        agent_id: Annotated[AgentID | None, 1] = None
        resource_provider_id: Annotated[ResourceProviderID | None, 2] = None
        uuid: Annotated[bytes, 3]
        operation_id: Annotated[OperationID, 4]

    class Reconcile(Proto, frozen=True, kw_only=True):
        class Task(Proto, frozen=True, kw_only=True):
            task_id: Annotated[TaskID, 1]
            agent_id: Annotated[AgentID | None, 2] = None

        tasks: Annotated[tuple[Call.Reconcile.Task, ...], 1] = ()

    class ReconcileOperations(Proto, frozen=True, kw_only=True):
        class Operation(Proto, frozen=True, kw_only=True):
            operation_id: Annotated[OperationID, 1]
            agent_id: Annotated[AgentID | None, 2] = None
            resource_provider_id: Annotated[ResourceProviderID | None, 3] = None

        operations: Annotated[tuple[Call.ReconcileOperations.Operation, ...], 1] = ()

    class Message(Proto, frozen=True, kw_only=True):
        agent_id: Annotated[AgentID, 1]
        executor_id: Annotated[ExecutorID, 2]
        data: Annotated[bytes, 3]

    class Request(Proto, frozen=True, kw_only=True):
        requests: Annotated[tuple[Request, ...], 1] = ()

    class Suppress(Proto, frozen=True, kw_only=True):
        roles: Annotated[tuple[str, ...], 1] = ()

    class UpdateFramework(Proto, frozen=True, kw_only=True):
        framework_info: Annotated[FrameworkInfo, 1]
        suppressed_roles: Annotated[tuple[str, ...], 2] = ()
        offer_constraints: Annotated[OfferConstraints | None, 3] = None

    framework_id: Annotated[FrameworkID | None, 1] = None
    type: Annotated[Call.Type | None, 2] = None
    subscribe: Annotated[Call.Subscribe | None, 3] = None
    accept: Annotated[Call.Accept | None, 4] = None
    decline: Annotated[Call.Decline | None, 5] = None
    accept_inverse_offers: Annotated[Call.AcceptInverseOffers | None, 13] = None
    decline_inverse_offers: Annotated[Call.DeclineInverseOffers | None, 14] = None
    revive: Annotated[Call.Revive | None, 15] = None
    kill: Annotated[Call.Kill | None, 6] = None
    shutdown: Annotated[Call.Shutdown | None, 7] = None
    acknowledge: Annotated[Call.Acknowledge | None, 8] = None
    acknowledge_operation_status: Annotated[Call.AcknowledgeOperationStatus | None, 17] = None
    reconcile: Annotated[Call.Reconcile | None, 9] = None
    reconcile_operations: Annotated[Call.ReconcileOperations | None, 18] = None
    message: Annotated[Call.Message | None, 10] = None
    request: Annotated[Call.Request | None, 11] = None
    suppress: Annotated[Call.Suppress | None, 16] = None
    update_framework: Annotated[Call.UpdateFramework | None, 19] = None
