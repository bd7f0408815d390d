"""The states of tasks, what frameworks are told of them, and what executors tell."""

from __future__ import annotations

import ipaddress
import re

from cluster.messages import ContainerStatus, Reason, Source, TaskState, TaskStatus
from cluster.v1 import types as v1
from cluster.v1.errors import RefusedError

from .checks import check_status_of, check_status_to

__all__ = ["container_to", "status_of", "status_to", "uuid_of", "uuid_to"]

UUID_BYTES = 16
_UUID = re.compile(r"[0-9a-f]{32}")
# Executors of our own protocol may call an update as they like. No uuid of Mesos's is that long.
_NO_UUID = b"\0" * UUID_BYTES + b"="

_REASONS = {each.value for each in Reason if each is not Reason.NONE}


def uuid_to(uuid: str) -> bytes:
    """An update's name as Mesos writes it: the 16 bytes of a UUID."""
    return bytes.fromhex(uuid) if _UUID.fullmatch(uuid) else _NO_UUID + uuid.encode()


def uuid_of(uuid: bytes, path: str) -> str:
    """An update's name as we write it. RefusedError if it is none."""
    if len(uuid) == UUID_BYTES:
        return uuid.hex()
    if uuid.startswith(_NO_UUID):
        try:
            return uuid.removeprefix(_NO_UUID).decode()
        except UnicodeDecodeError as error:
            raise RefusedError(f"{path} is not one that was sent") from error
    raise RefusedError(f"{path} has {len(uuid)} bytes, a UUID has {UUID_BYTES}")


def status_to(status: TaskStatus) -> v1.TaskStatus:
    """A status as Mesos writes it."""
    return v1.TaskStatus(
        task_id=v1.TaskID(value=status.task_id),
        state=v1.TaskState.named(status.state),
        message=status.message or None,
        source=v1.TaskStatus.Source.named(status.source),
        reason=v1.TaskStatus.Reason.named(status.reason) if status.reason else None,
        data=status.data or None,
        agent_id=v1.AgentID(value=status.agent_id) if status.agent_id else None,
        executor_id=v1.ExecutorID(value=status.executor_id) if status.executor_id else None,
        timestamp=status.timestamp,
        uuid=uuid_to(status.uuid) if status.uuid else None,
        healthy=status.healthy,
        check_status=None if status.check_status is None else check_status_to(status.check_status),
        container_status=None if status.container is None else container_to(status.container),
    )


def container_to(container: ContainerStatus) -> v1.ContainerStatus:
    """A container, with the address that a service in it has: that of its machine, as there are no other networks."""
    try:
        address = ipaddress.ip_address(container.host)
    except ValueError:
        networks: tuple[v1.NetworkInfo, ...] = ()
    else:
        protocol = v1.NetworkInfo.Protocol.IPv4 if address.version == 4 else v1.NetworkInfo.Protocol.IPv6
        place = v1.NetworkInfo.IPAddress(protocol=protocol, ip_address=str(address))
        networks = (v1.NetworkInfo(ip_addresses=(place,)),)
    return v1.ContainerStatus(container_id=v1.ContainerID(value=container.id), network_infos=networks)


def status_of(status: v1.TaskStatus, path: str) -> TaskStatus:
    """A status that an executor tells. A reason that we have not goes into its message.

    RefusedError if its uuid is none.
    """
    reason, message = Reason.NONE, status.message or ""
    if status.reason is not None and status.reason in _REASONS:
        reason = Reason(status.reason)
    elif status.reason is not None:
        message = f"{message} ({status.reason})" if message else status.reason.value
    return TaskStatus(
        status.task_id.value,
        TaskState(status.state),
        Source(status.source) if status.source is not None else Source.EXECUTOR,
        reason,
        message,
        status.data or b"",
        agent_id=status.agent_id.value if status.agent_id is not None else "",
        executor_id=status.executor_id.value if status.executor_id is not None else "",
        timestamp=status.timestamp or 0.0,
        uuid=uuid_of(status.uuid, f"{path}.uuid") if status.uuid is not None else "",
        healthy=status.healthy,
        check_status=None if status.check_status is None else check_status_of(status.check_status),
    )
