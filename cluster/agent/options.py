"""What an operator can set of an agent."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AgentOptions"]


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """What an operator can set. Seconds; the defaults are Mesos's."""

    executor_registration_timeout: float = 60.0
    executor_shutdown_grace: float = 5.0
    registration_backoff: float = 2.0
    registration_backoff_max: float = 60.0
