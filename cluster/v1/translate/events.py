"""What a framework is told: the master's messages as events of the scheduler API."""

from __future__ import annotations

import msgspec

from actors import Message
from cluster.messages import (
    ExecutorToFramework,
    FrameworkFailure,
    FrameworkRefused,
    InverseOffers,
    Offers,
    Refusal,
    Rescind,
    RescindInverseOffer,
    Subscribed,
    TaskState,
    TaskStatus,
    Update,
    UpdateOperation,
)
from cluster.v1 import types as v1
from cluster.v1.types.scheduler import Event

from .dialects import Dialect
from .offers import inverse_offer_to, offer_to
from .operations import operation_event, update_event

__all__ = ["subscribed_event", "translate_event"]

Type = Event.Type
# There are frameworks that know Mesos's words for these, and go by them.
_REFUSALS = {Refusal.FAILED_OVER: "Framework failed over", Refusal.ENDED: "Framework has been removed"}
UNKNOWN_STATUS = -1
"""What Mesos writes for an executor whose end it does not know more of."""


def subscribed_event(message: Subscribed, master: v1.MasterInfo, heartbeat_interval: float) -> Event:
    """The first event. `heartbeat_interval` is in seconds."""
    return Event(
        type=Type.SUBSCRIBED,
        subscribed=Event.Subscribed(
            framework_id=v1.FrameworkID(value=message.framework_id),
            heartbeat_interval_seconds=heartbeat_interval,
            master_info=master,
        ),
    )


def translate_event(message: Message, dialect: Dialect) -> Event | None:
    """The event that a message of the master's is to a framework, or None: it is told nothing then.

    That is so of operations without an id.

    Raises:
        TypeError: If it is no message to frameworks; `Subscribed` is for `subscribed_event`.
    """
    match message:
        case Offers():
            offers = tuple(offer_to(each, dialect) for each in message.offers)
            return Event(type=Type.OFFERS, offers=Event.Offers(offers=offers))
        case InverseOffers():
            inverse = tuple(inverse_offer_to(each) for each in message.inverse_offers)
            return Event(type=Type.INVERSE_OFFERS, inverse_offers=Event.InverseOffers(inverse_offers=inverse))
        case Rescind():
            rescind = Event.Rescind(offer_id=v1.OfferID(value=message.offer_id))
            return Event(type=Type.RESCIND, rescind=rescind)
        case RescindInverseOffer():
            id_ = v1.OfferID(value=message.inverse_offer_id)
            return Event(
                type=Type.RESCIND_INVERSE_OFFER,
                rescind_inverse_offer=Event.RescindInverseOffer(inverse_offer_id=id_),
            )
        case Update():
            return update_event(_status(message.status, dialect))
        case UpdateOperation():
            return operation_event(message)
        case ExecutorToFramework():
            return _message(message)
        case FrameworkFailure():
            return _failure(message)
        case FrameworkRefused():
            return Event(
                type=Type.ERROR, error=Event.Error(message=_REFUSALS.get(message.cause, message.message))
            )
    raise TypeError(f"{type(message).__name__} is no message to frameworks")


def _status(status: TaskStatus, dialect: Dialect) -> TaskStatus:
    if status.state is not TaskState.DROPPED or dialect.partition_aware:
        return status
    # The others are told by the master as the framework knows them.
    return msgspec.structs.replace(status, state=TaskState.LOST)


def _message(message: ExecutorToFramework) -> Event:
    told = Event.Message(
        agent_id=v1.AgentID(value=message.agent_id),
        executor_id=v1.ExecutorID(value=message.executor_id),
        data=message.data,
    )
    return Event(type=Type.MESSAGE, message=told)


def _failure(message: FrameworkFailure) -> Event:
    agent_id = v1.AgentID(value=message.agent_id)
    if not message.executor_id:
        return Event(type=Type.FAILURE, failure=Event.Failure(agent_id=agent_id))
    failure = Event.Failure(
        agent_id=agent_id,
        executor_id=v1.ExecutorID(value=message.executor_id),
        # Clients want one: without it PyMesos takes this for the loss of the agent.
        status=UNKNOWN_STATUS if message.status is None else message.status,
    )
    return Event(type=Type.FAILURE, failure=failure)
