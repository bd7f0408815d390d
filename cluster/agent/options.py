"""What an operator can set of an agent."""

from __future__ import annotations

from dataclasses import dataclass

from .reconfiguration import ReconfigurationPolicy

__all__ = ["AgentOptions"]


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """What an operator can set. Seconds and bytes; the defaults are Mesos's.

    `executor_resubscription_timeout`: how long an executor of Mesos's API has to come back, which cannot be asked to:
    there are some that look only every 15 seconds. `recovery_timeout`: how long what runs lives on without the agent's
    process. `gc_delay`: how long the sandbox of what has ended is kept, less as the disk fills; `gc_disk_headroom` (0
    to 1) is the part of the disk kept free. `authenticate_executors`: those of Mesos's API must give the token that is
    in their environment. `cpu_quota`: a task's cpus are also the most that it gets, where that can be held.
    """

    executor_registration_timeout: float = 60.0
    executor_reregistration_timeout: float = 2.0
    executor_resubscription_timeout: float = 20.0
    executor_shutdown_grace: float = 5.0
    registration_backoff: float = 2.0
    registration_backoff_max: float = 60.0
    recovery_timeout: float = 900.0
    reconfiguration_policy: ReconfigurationPolicy = ReconfigurationPolicy.EQUAL
    fetcher_cache_size: int = 2 << 30
    gc_delay: float = 7 * 86400.0
    gc_disk_headroom: float = 0.1
    disk_watch_interval: float = 60.0
    completed_tasks: int = 1000
    authenticate_executors: bool = False
    cpu_quota: bool = False
