"""Whether an agent that is started again may be another than it was: Mesos's `--reconfiguration-policy`."""

from __future__ import annotations

import enum

import msgspec

from cluster.messages import AgentInfo

__all__ = ["ReconfigurationError", "ReconfigurationPolicy", "reconfigured"]


class ReconfigurationPolicy(enum.StrEnum):
    """What may have changed of an agent that keeps its id and its tasks."""

    EQUAL = "equal"
    """Nothing."""
    ADDITIVE = "additive"
    """It may have more resources and more attributes."""
    ANY = "any"
    """Anything. What runs must still fit: the master refuses an agent whose tasks use more than it has."""


class ReconfigurationError(Exception):
    """The agent is not the one it was; the text says what to do."""


def reconfigured(before: AgentInfo, after: AgentInfo, policy: ReconfigurationPolicy) -> AgentInfo:
    """How the agent introduces itself from now on: as `after`, with the id of `before`.

    ReconfigurationError if the policy has something against it.
    """
    problem = None if policy is ReconfigurationPolicy.ANY else _changed(before, after)
    if problem and policy is ReconfigurationPolicy.ADDITIVE:
        problem = _lost(before, after)
    if problem:
        raise ReconfigurationError(
            f"{problem}; agent {before.id or '(new)'} is on record in its work directory with what it had. Restore "
            f"that, start it with another --reconfiguration-policy than {policy.value}, or as a new agent with another "
            f"work directory"
        )
    return msgspec.structs.replace(after, id=before.id)


def _changed(before: AgentInfo, after: AgentInfo) -> str | None:
    if before.hostname != after.hostname:
        return f"hostname was {before.hostname!r}, is {after.hostname!r}"
    if before.resources != after.resources:
        return f"resources were {before.resources}, are {after.resources}"
    if before.attributes != after.attributes:
        return f"attributes were {before.attributes}, are {after.attributes}"
    return None


def _lost(before: AgentInfo, after: AgentInfo) -> str | None:
    if before.hostname != after.hostname:
        return f"hostname was {before.hostname!r}, is {after.hostname!r}"
    if not after.resources.contains(before.resources):
        return f"resources were {before.resources}, are only {after.resources}"
    for name in before.attributes:
        if after.attributes.get(name) != before.attributes.get(name):
            return f"attribute {name!r} was {before.attributes.get(name)}, is {after.attributes.get(name)}"
    return None
