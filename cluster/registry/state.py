"""What a registry holds: objects of a few kinds, each under its id, and how one of them changes."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from cluster.messages import AgentInfo, FrameworkInfo
from cluster.resources import Resources

__all__ = ["KINDS", "MAX_OBJECT", "Change", "Drain", "Quota", "RegistryState", "UnreachableAgent", "Window"]


class UnreachableAgent(Struct, frozen=True):
    """An agent that does not answer, and since when (seconds since the epoch)."""

    info: AgentInfo
    since: float


class Drain(Struct, frozen=True, omit_defaults=True):
    """An agent that is given nothing more, and why: deactivated, or drained of what it runs.

    `max_grace_period` (seconds) cuts its tasks' own short; `mark_gone`: when it is empty, it is gone for good.
    """

    draining: bool = False
    max_grace_period: float | None = None
    mark_gone: bool = False


class Quota(Struct, frozen=True, omit_defaults=True):
    """What an operator can set of a role besides its weight.

    Of the resources named, the role and all below it together are kept free `guarantee`, and get at most `limit`.
    `priority` is for allocators that heed it.
    """

    guarantee: Resources = Resources()
    limit: Resources = Resources()
    priority: int = 0


class Window(Struct, frozen=True, omit_defaults=True):
    """Machines, by hostname or agent id, that are planned to be down.

    From `start` on (seconds since the epoch), for `duration` seconds or (None) without end. `down`: they are, since an
    operator said so.
    """

    machines: tuple[str, ...]
    start: float
    duration: float | None = None
    down: bool = False


KINDS: dict[str, Any] = {
    "agents": AgentInfo,
    "unreachable": UnreachableAgent,
    "gone": float,
    "frameworks": FrameworkInfo,
    "ended": float,
    "weights": float,
    "quotas": Quota,
    "reservations": dict[str, Resources],
    "drains": Drain,
    "windows": Window,
    "cluster": str,
}
"""The kinds, and the type of their values. Reservations are by agent, and in each by role; `gone` agents and `ended`
frameworks have the time of it."""


MAX_OBJECT = 512 * 1024
"""Bytes of an object, encoded. Masters refuse what is larger: etcd would not take it, and who cannot write ends."""


class Change(NamedTuple):
    """One object's new value; None deletes it."""

    kind: str
    id: str
    value: Any


class RegistryState(Struct):
    """All of it, a dict for each kind; see KINDS. `cluster` holds what concerns all: when it was `founded`."""

    agents: dict[str, AgentInfo] = {}
    unreachable: dict[str, UnreachableAgent] = {}
    gone: dict[str, float] = {}
    frameworks: dict[str, FrameworkInfo] = {}
    ended: dict[str, float] = {}
    weights: dict[str, float] = {}
    quotas: dict[str, Quota] = {}
    reservations: dict[str, dict[str, Resources]] = {}
    drains: dict[str, Drain] = {}
    windows: dict[str, Window] = {}
    cluster: dict[str, str] = {}

    def apply(self, change: Change) -> None:
        """Make a change. KeyError for a kind that there is not."""
        if change.kind not in KINDS:
            raise KeyError(change.kind)
        objects: dict[str, Any] = getattr(self, change.kind)
        if change.value is None:
            objects.pop(change.id, None)
        else:
            objects[change.id] = change.value

    def copy(self) -> RegistryState:
        """Return a copy that does not change with this one; the values are immutable."""
        return RegistryState(**{kind: dict(getattr(self, kind)) for kind in KINDS})


def encode(change: Change) -> bytes:
    """The value of a change as bytes."""
    return msgspec.json.encode(change.value)


def decode(kind: str, data: bytes) -> Any:
    """A value from its bytes. msgspec.MsgspecError if they are none."""
    return msgspec.json.decode(data, type=KINDS[kind])
