"""What an agent was told by its operator, under the names of Mesos's flags, where there are such."""

from __future__ import annotations

from cluster.agent import Agent

__all__ = ["agent_flags"]


def agent_flags(agent: Agent) -> dict[str, str]:
    """The flags by name, with values as Mesos writes them: `60secs`, `2097152KB`."""
    options, info = agent.options, agent.state.info
    return {
        "attributes": str(info.attributes),
        "authenticate_http_executors": _bool(options.authenticate_executors),
        "disk_watch_interval": _duration(options.disk_watch_interval),
        "executor_registration_timeout": _duration(options.executor_registration_timeout),
        "executor_reregistration_timeout": _duration(options.executor_reregistration_timeout),
        "executor_shutdown_grace_period": _duration(options.executor_shutdown_grace),
        "fetcher_cache_size": f"{options.fetcher_cache_size}B",
        "gc_delay": _duration(options.gc_delay),
        "gc_disk_headroom": f"{options.gc_disk_headroom:g}",
        "hostname": info.hostname,
        "reconfiguration_policy": options.reconfiguration_policy.value,
        "recovery_timeout": _duration(options.recovery_timeout),
        "registration_backoff_factor": _duration(options.registration_backoff),
        "resources": str(info.resources),
        "work_dir": str(agent.sandboxes.work_dir),
    }


def _duration(seconds: float) -> str:
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "secs"


def _bool(value: bool) -> str:
    return "true" if value else "false"
