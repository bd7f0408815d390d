"""What the processes of a container are told of where they are: in our own names, and in Mesos's."""

from __future__ import annotations

from pathlib import Path

from actors import UPID, format_address

from .options import AgentOptions
from .records import ExecutorRun

__all__ = ["environment_of"]


def environment_of(
    run: ExecutorRun,
    agent_id: str,
    agent: UPID,
    options: AgentOptions,
    *,
    sandbox: Path,
    checkpoint: bool,
    token: str,
) -> dict[str, str]:
    """The variables for a run of an executor, or of a command, which both may overwrite.

    `checkpoint`: what runs may outlive the agent's process; only then is MESOS_CHECKPOINT there, as there are executors
    that take any value of it for yes. `token` proves to the agent which executor speaks.
    """
    here = format_address((agent.host, agent.port))
    environment = {
        "OSTROM_AGENT_ID": agent_id,
        "OSTROM_AGENT": str(agent),
        "OSTROM_FRAMEWORK_ID": run.framework.id,
        "OSTROM_EXECUTOR_ID": run.executor_id,
        "OSTROM_CONTAINER_ID": run.container_id,
        "OSTROM_SANDBOX": str(sandbox),
        "MESOS_AGENT_ENDPOINT": here,
        "MESOS_SLAVE_ID": agent_id,
        "MESOS_SLAVE_PID": f"slave(1)@{here}",
        "MESOS_FRAMEWORK_ID": run.framework.id,
        "MESOS_EXECUTOR_ID": run.executor_id,
        "MESOS_SANDBOX": str(sandbox),
        "MESOS_DIRECTORY": str(sandbox),
        "MESOS_ALLOCATION_ROLE": run.role,
    }
    if not run.custom:
        environment |= {"OSTROM_TASK_ID": run.executor_id, "MESOS_TASK_ID": run.executor_id}
        return environment
    timeout = options.recovery_timeout if checkpoint else 0.0
    environment |= {
        "OSTROM_RECOVERY_TIMEOUT": f"{timeout:g}",
        "OSTROM_EXECUTOR_TOKEN": token,
        "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": _duration(options.executor_shutdown_grace),
        "MESOS_EXECUTOR_AUTHENTICATION_TOKEN": token,
    }
    if checkpoint:
        environment |= {
            "MESOS_CHECKPOINT": "1",
            "MESOS_RECOVERY_TIMEOUT": _duration(timeout),
            "MESOS_SUBSCRIPTION_BACKOFF_MAX": _duration(options.executor_reregistration_timeout),
        }
    return environment


def _duration(seconds: float) -> str:
    """As Mesos writes one."""
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "secs"
