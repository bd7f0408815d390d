"""What a node was started with, under Mesos's names of flags and in its units: only those that mean the same here."""

from __future__ import annotations

from cluster.master import Master

__all__ = ["duration_text", "master_flags"]

_UNITS = (
    ("weeks", 7 * 86400 * 10**9),
    ("days", 86400 * 10**9),
    ("hrs", 3600 * 10**9),
    ("mins", 60 * 10**9),
    ("secs", 10**9),
    ("ms", 10**6),
    ("us", 10**3),
    ("ns", 1),
)


def duration_text(seconds: float) -> str:
    """A duration as Mesos writes it, in the largest unit of which it is a whole number: `15secs`, `2weeks`."""
    nanoseconds = round(seconds * 10**9)
    for name, size in _UNITS:
        if nanoseconds and nanoseconds % size == 0:
            return f"{nanoseconds // size}{name}"
    return "0ns"


def master_flags(master: Master) -> dict[str, str]:
    """A master's."""
    options = master.options
    host, port = master.system.address
    flags = {
        "agent_ping_timeout": duration_text(options.ping_interval),
        "agent_reregister_timeout": duration_text(options.agent_reregister_timeout),
        "allocation_interval": duration_text(options.allocation_interval),
        "ip": host,
        "max_agent_ping_timeouts": str(options.max_missed_pings),
        "max_completed_frameworks": str(options.completed_frameworks),
        "max_operator_event_stream_subscribers": str(options.max_operator_event_stream_subscribers),
        "max_unreachable_tasks_per_framework": str(options.max_unreachable_tasks_per_framework),
        "offer_timeout": duration_text(options.offer_timeout),
        "port": str(port),
        "registry_gc_interval": duration_text(options.registry_gc_interval),
        "registry_max_agent_age": duration_text(options.registry_max_agent_age),
        "registry_max_agent_count": str(options.registry_max_agent_count),
    }
    if options.agent_removal_rate_limit is not None:
        count, seconds = options.agent_removal_rate_limit
        flags["agent_removal_rate_limit"] = f"{count}/{duration_text(seconds)}"
    return flags
