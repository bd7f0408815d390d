"""What an agent was started with, under Mesos's names of flags and in its units."""

from __future__ import annotations

from cluster.agent import Agent

from .flags import duration_text

__all__ = ["agent_flags"]

_SIZES = (("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10), ("B", 1))


def agent_flags(agent: Agent) -> dict[str, str]:
    """An agent's: only those that mean the same here."""
    options, info = agent.options, agent.state.info
    host, port = agent.system.address
    return {
        "attributes": str(info.attributes),
        "authenticate_http_executors": str(options.authenticate_executors).lower(),
        "disk_watch_interval": duration_text(options.disk_watch_interval),
        "executor_registration_timeout": duration_text(options.executor_registration_timeout),
        "executor_reregistration_timeout": duration_text(options.executor_reregistration_timeout),
        "executor_shutdown_grace_period": duration_text(options.executor_shutdown_grace),
        "fetcher_cache_size": _size_text(options.fetcher_cache_size),
        "gc_delay": duration_text(options.gc_delay),
        "gc_disk_headroom": f"{options.gc_disk_headroom:g}",
        "hostname": info.hostname,
        "ip": host,
        "port": str(port),
        "reconfiguration_policy": options.reconfiguration_policy.value,
        "recovery_timeout": duration_text(options.recovery_timeout),
        "registration_backoff_factor": duration_text(options.registration_backoff),
        "resources": str(info.resources),
        "work_dir": str(agent.sandboxes.work_dir),
    }


def _size_text(size: int) -> str:
    """Bytes as Mesos writes them, in the largest unit of which they are a whole number."""
    for name, unit in _SIZES:
        if size and size % unit == 0:
            return f"{size // unit}{name}"
    return "0B"
