"""What an operator can set of a master."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cluster.registry import Quota

__all__ = ["MasterOptions", "RateLimit", "RoleOptions"]

RoleOptions = Quota
"""What an operator can set of a role besides its weight."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many messages a second the schedulers of a principal may send, together.

    What is more waits its turn; more than `capacity` of them (None: any number) must not wait.
    """

    qps: float
    capacity: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.qps < float("inf"):
            raise ValueError(f"rate limit: qps is {self.qps}, not a number above 0")
        if self.capacity is not None and self.capacity < 0:
            raise ValueError(f"rate limit: capacity is {self.capacity}, below 0")


@dataclass(frozen=True, slots=True)
class MasterOptions:
    """What an operator can set. Times in seconds; the defaults are Mesos's, but for the offer timeout.

    In Mesos offers live for ever unless told otherwise, and a framework that does not answer hoards the
    cluster.

    `agent_reregister_timeout`: how long a new master waits for the agents on record; `framework_grace`: how long at
    least for the frameworks. `agent_removal_rate_limit` is (agents, seconds): no more become unreachable in that time.
    `registry_max_agent_age` and `registry_max_agent_count` bound what is remembered of agents that are unreachable or
    gone. `rate_limits` are by principal. With one more subscriber to Mesos's operator API than
    `max_operator_event_stream_subscribers` the first is cut off.
    """

    allocation_interval: float = 1.0
    offer_timeout: float = 30.0
    ping_interval: float = 15.0
    max_missed_pings: int = 5
    completed_frameworks: int = 50
    completed_tasks: int = 1000
    max_unreachable_tasks_per_framework: int = 1000
    agent_reregister_timeout: float = 600.0
    framework_grace: float = 75.0
    agent_removal_rate_limit: tuple[int, float] | None = None
    registry_gc_interval: float = 900.0
    registry_max_agent_age: float = 14 * 86400.0
    registry_max_agent_count: int = 102400
    rate_limits: Mapping[str, RateLimit] = field(default_factory=dict)
    max_operator_event_stream_subscribers: int = 1000
