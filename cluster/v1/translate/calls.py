"""What a framework calls: the scheduler API's calls as messages to the master."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from actors import Message
from cluster.messages import (
    Accept,
    AcceptInverseOffers,
    Acknowledge,
    Decline,
    DeclineInverseOffers,
    FrameworkToExecutor,
    KillTask,
    Reconcile,
    Revive,
    ShutdownExecutor,
    Subscribe,
    Suppress,
    Teardown,
    UpdateFramework,
)
from cluster.v1 import types as v1
from cluster.v1.errors import RefusedError, shown
from cluster.v1.schema import union_field
from cluster.v1.types.scheduler import Call, Event

from .common import duration_of
from .dialects import Dialect
from .frameworks import framework_of, suppressed_of
from .offers import filters_of
from .operations import operations_of
from .statuses import uuid_of

__all__ = ["Translated", "translate_call"]

Type = Call.Type
MAX_GRACE_PERIOD = 86400.0


class Translated(msgspec.Struct, frozen=True):
    """What a call comes to: a message for the master (or none), and what the framework is told at once.

    `problems` are the texts of what was refused of it, for a log.
    """

    message: Message | None = None
    events: tuple[Event, ...] = ()
    problems: tuple[str, ...] = ()


def translate_call(call: Call, dialect: Dialect, now: float) -> Translated:
    """Translate the call of a framework that is spoken to in this dialect; `now` is in seconds since the epoch.

    Whether the call's framework is the dialect's, the caller knows. Of a SUBSCRIBE or UPDATE_FRAMEWORK the dialect is
    not looked at but for the id: `Dialect.of` makes the new one.

    Raises:
        RefusedError: If the call cannot be taken as it is; the text names the field.
    """
    kind = call.type
    if kind is None or kind is Type.UNKNOWN:
        raise RefusedError("type is missing, or not known")
    if kind is not Type.SUBSCRIBE and call.framework_id is None:
        raise RefusedError("framework_id is missing")
    part = getattr(call, union_field(call), None)
    if part is None and kind not in _BARE:
        raise RefusedError(f"{union_field(call)} is missing, though the type is {kind}")
    return _CALLS[kind](part, call, dialect, now)


def _subscribe(part: Call.Subscribe, call: Call, dialect: Dialect, now: float) -> Translated:
    id_ = part.framework_info.id
    inner = id_.value if id_ is not None else ""
    outer = call.framework_id.value if call.framework_id is not None else inner
    if inner != outer:
        raise RefusedError(
            f"framework_id is {shown(outer)}, but subscribe.framework_info.id is {shown(inner)}"
        )
    framework = framework_of(part.framework_info, part.offer_constraints, "subscribe.framework_info")
    return Translated(
        Subscribe(framework, suppressed_of(part.suppressed_roles, framework, "subscribe.suppressed_roles"))
    )


def _update_framework(part: Call.UpdateFramework, call: Call, dialect: Dialect, now: float) -> Translated:
    id_ = part.framework_info.id
    if id_ is None or id_.value != dialect.framework_id:
        raise RefusedError(f"update_framework.framework_info.id is not {shown(dialect.framework_id)}")
    framework = framework_of(part.framework_info, part.offer_constraints, "update_framework.framework_info")
    suppressed = suppressed_of(part.suppressed_roles, framework, "update_framework.suppressed_roles")
    return Translated(UpdateFramework(framework, suppressed))


def _teardown(part: None, call: Call, dialect: Dialect, now: float) -> Translated:
    return Translated(Teardown(dialect.framework_id))


def _accept(part: Call.Accept, call: Call, dialect: Dialect, now: float) -> Translated:
    done = operations_of(part.operations, dialect, now)
    # Also if nothing of it is left: the offers are used up.
    message = Accept(dialect.framework_id, _ids(part.offer_ids), done.taken, filters_of(part.filters))
    return Translated(message, done.events, done.problems)


def _decline(part: Call.Decline, call: Call, dialect: Dialect, now: float) -> Translated:
    return Translated(Decline(dialect.framework_id, _ids(part.offer_ids), filters_of(part.filters)))


def _accept_inverse_offers(
    part: Call.AcceptInverseOffers, call: Call, dialect: Dialect, now: float
) -> Translated:
    return Translated(AcceptInverseOffers(dialect.framework_id, _ids(part.inverse_offer_ids)))


def _decline_inverse_offers(
    part: Call.DeclineInverseOffers, call: Call, dialect: Dialect, now: float
) -> Translated:
    return Translated(DeclineInverseOffers(dialect.framework_id, _ids(part.inverse_offer_ids)))


def _revive(part: Call.Revive | None, call: Call, dialect: Dialect, now: float) -> Translated:
    return Translated(Revive(dialect.framework_id, part.roles if part is not None else ()))


def _suppress(part: Call.Suppress | None, call: Call, dialect: Dialect, now: float) -> Translated:
    return Translated(Suppress(dialect.framework_id, part.roles if part is not None else ()))


def _kill(part: Call.Kill, call: Call, dialect: Dialect, now: float) -> Translated:
    grace_period = -1.0
    if part.kill_policy is not None and part.kill_policy.grace_period is not None:
        path = "kill.kill_policy.grace_period"
        grace_period = duration_of(part.kill_policy.grace_period, path, MAX_GRACE_PERIOD)
    return Translated(KillTask(dialect.framework_id, part.task_id.value, grace_period))


def _shutdown(part: Call.Shutdown, call: Call, dialect: Dialect, now: float) -> Translated:
    return Translated(ShutdownExecutor(dialect.framework_id, part.agent_id.value, part.executor_id.value))


def _acknowledge(part: Call.Acknowledge, call: Call, dialect: Dialect, now: float) -> Translated:
    uuid = uuid_of(part.uuid, "acknowledge.uuid")
    return Translated(Acknowledge(dialect.framework_id, part.agent_id.value, part.task_id.value, uuid))


def _reconcile(part: Call.Reconcile, call: Call, dialect: Dialect, now: float) -> Translated:
    agent_ids = {task.task_id.value: task.agent_id.value for task in part.tasks if task.agent_id is not None}
    return Translated(
        Reconcile(dialect.framework_id, tuple(task.task_id.value for task in part.tasks), agent_ids)
    )


def _message(part: Call.Message, call: Call, dialect: Dialect, now: float) -> Translated:
    return Translated(
        FrameworkToExecutor(dialect.framework_id, part.agent_id.value, part.executor_id.value, part.data)
    )


def _reconcile_operations(
    part: Call.ReconcileOperations, call: Call, dialect: Dialect, now: float
) -> Translated:
    # They are done, or not, when the master has read the call; it keeps no record of them.
    text = "what became of it was told when it was done; no record is kept here"
    status = [
        v1.OperationStatus(
            operation_id=each.operation_id,
            state=v1.OperationState.OPERATION_UNKNOWN,
            message=text,
            agent_id=each.agent_id,
            resource_provider_id=each.resource_provider_id,
        )
        for each in part.operations
    ]
    return Translated(
        events=tuple(
            Event(
                type=Event.Type.UPDATE_OPERATION_STATUS,
                update_operation_status=Event.UpdateOperationStatus(status=each),
            )
            for each in status
        )
    )


def _without_effect(part: object, call: Call, dialect: Dialect, now: float) -> Translated:
    """Requests are nothing to Mesos's own allocator either; what is told of operations needs no acknowledgement."""
    return Translated()


def _ids(offer_ids: Sequence[v1.OfferID]) -> tuple[str, ...]:
    return tuple(each.value for each in offer_ids)


_BARE = (Type.TEARDOWN, Type.REVIVE, Type.SUPPRESS, Type.REQUEST)
"""The types whose call may be without a part."""

_CALLS: dict[Type, Callable[[Any, Call, Dialect, float], Translated]] = {
    Type.SUBSCRIBE: _subscribe,
    Type.TEARDOWN: _teardown,
    Type.ACCEPT: _accept,
    Type.DECLINE: _decline,
    Type.ACCEPT_INVERSE_OFFERS: _accept_inverse_offers,
    Type.DECLINE_INVERSE_OFFERS: _decline_inverse_offers,
    Type.REVIVE: _revive,
    Type.KILL: _kill,
    Type.SHUTDOWN: _shutdown,
    Type.ACKNOWLEDGE: _acknowledge,
    Type.ACKNOWLEDGE_OPERATION_STATUS: _without_effect,
    Type.RECONCILE: _reconcile,
    Type.RECONCILE_OPERATIONS: _reconcile_operations,
    Type.MESSAGE: _message,
    Type.REQUEST: _without_effect,
    Type.SUPPRESS: _suppress,
    Type.UPDATE_FRAMEWORK: _update_framework,
}
