"""Protobuf by hand: what the flows need of Mesos's messages, typed from its .proto files, and the wire format.

It shares nothing with the schema that it is to test, and imports nothing but the standard library.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

__all__ = ["CALLS", "EVENTS", "STATES", "decode", "encode"]

# Name of the message, then its fields: name=number:type, with a star if repeated. An enum's values: NAME=number.
ENUMS = """
SchedulerEventType SUBSCRIBED=1 OFFERS=2 RESCIND=3 UPDATE=4 MESSAGE=5 FAILURE=6 ERROR=7 HEARTBEAT=8
SchedulerCallType SUBSCRIBE=1 TEARDOWN=2 ACCEPT=3 DECLINE=4 REVIVE=5 KILL=6 SHUTDOWN=7 ACKNOWLEDGE=8 RECONCILE=9 \
MESSAGE=10 REQUEST=11 SUPPRESS=12
ExecutorEventType SUBSCRIBED=1 LAUNCH=2 KILL=3 ACKNOWLEDGED=4 MESSAGE=5 ERROR=6 SHUTDOWN=7 LAUNCH_GROUP=8 HEARTBEAT=9
ExecutorCallType SUBSCRIBE=1 UPDATE=2 MESSAGE=3
TaskState TASK_STARTING=0 TASK_RUNNING=1 TASK_FINISHED=2 TASK_FAILED=3 TASK_KILLED=4 TASK_LOST=5 TASK_STAGING=6 \
TASK_ERROR=7 TASK_KILLING=8 TASK_DROPPED=9 TASK_UNREACHABLE=10 TASK_GONE=11 TASK_GONE_BY_OPERATOR=12 TASK_UNKNOWN=13
Source SOURCE_MASTER=0 SOURCE_AGENT=1 SOURCE_EXECUTOR=2
Reason REASON_EXECUTOR_TERMINATED=1 REASON_RECONCILIATION=9 REASON_AGENT_REMOVED=11 REASON_TASK_INVALID=14
ValueType SCALAR=0 RANGES=1 SET=2 TEXT=3
OperationType LAUNCH=1
ExecutorType DEFAULT=1 CUSTOM=2
CapabilityType PARTITION_AWARE=5
"""
MESSAGES = """
ID value=1:string
DurationInfo nanoseconds=1:int64
KillPolicy grace_period=1:DurationInfo
Filters refuse_seconds=1:double
Scalar value=1:double
Range begin=1:uint64 end=2:uint64
Ranges range=1:Range*
Resource name=1:string type=2:ValueType scalar=3:Scalar ranges=4:Ranges role=6:string
Variable name=1:string value=2:string
Environment variables=1:Variable*
CommandInfo environment=2:Environment value=3:string shell=6:bool arguments=7:string*
Capability type=1:CapabilityType
FrameworkInfo user=1:string name=2:string id=3:ID failover_timeout=4:double checkpoint=5:bool role=6:string \
hostname=7:string capabilities=10:Capability*
ExecutorInfo executor_id=1:ID data=4:bytes resources=5:Resource* command=7:CommandInfo framework_id=8:ID name=9:string \
type=15:ExecutorType
TaskInfo name=1:string task_id=2:ID agent_id=3:ID resources=4:Resource* executor=5:ExecutorInfo data=6:bytes \
command=7:CommandInfo kill_policy=12:KillPolicy
TaskStatus task_id=1:ID state=2:TaskState data=3:bytes message=4:string agent_id=5:ID timestamp=6:double \
executor_id=7:ID healthy=8:bool source=9:Source reason=10:Reason uuid=11:bytes
Offer id=1:ID framework_id=2:ID agent_id=3:ID hostname=4:string resources=5:Resource* executor_ids=6:ID*
Launch task_infos=1:TaskInfo*
Operation type=1:OperationType launch=2:Launch
MasterInfo id=1:string hostname=5:string version=6:string
AgentInfo hostname=1:string resources=3:Resource* id=6:ID
StatusUpdate status=1:TaskStatus

SchedulerEvent type=1:SchedulerEventType subscribed=2:SchedulerSubscribed offers=3:Offers rescind=4:Rescind \
update=5:StatusUpdate message=6:ExecutorsMessage failure=7:Failure error=8:Error
SchedulerSubscribed framework_id=1:ID heartbeat_interval_seconds=2:double master_info=3:MasterInfo
Offers offers=1:Offer*
Rescind offer_id=1:ID
ExecutorsMessage agent_id=1:ID executor_id=2:ID data=3:bytes
Failure agent_id=1:ID executor_id=2:ID status=3:int32
Error message=1:string

SchedulerCall framework_id=1:ID type=2:SchedulerCallType subscribe=3:SchedulerSubscribe accept=4:Accept \
decline=5:Decline kill=6:Kill shutdown=7:Shutdown acknowledge=8:Acknowledge reconcile=9:Reconcile message=10:ToExecutor
SchedulerSubscribe framework_info=1:FrameworkInfo
Accept offer_ids=1:ID* operations=2:Operation* filters=3:Filters
Decline offer_ids=1:ID* filters=2:Filters
Kill task_id=1:ID agent_id=2:ID kill_policy=3:KillPolicy
Shutdown executor_id=1:ID agent_id=2:ID
Acknowledge agent_id=1:ID task_id=2:ID uuid=3:bytes
Reconcile tasks=1:ReconcileTask*
ReconcileTask task_id=1:ID agent_id=2:ID
ToExecutor agent_id=1:ID executor_id=2:ID data=3:bytes

ExecutorEvent type=1:ExecutorEventType subscribed=2:ExecutorSubscribed acknowledged=3:Acknowledged \
launch=4:LaunchTask kill=5:ExecutorKill message=6:ExecutorMessage error=7:Error
ExecutorSubscribed executor_info=1:ExecutorInfo framework_info=2:FrameworkInfo agent_info=3:AgentInfo container_id=4:ID
LaunchTask task=1:TaskInfo
ExecutorKill task_id=1:ID kill_policy=2:KillPolicy
Acknowledged task_id=1:ID uuid=2:bytes
ExecutorMessage data=1:bytes

ExecutorCall executor_id=1:ID framework_id=2:ID type=3:ExecutorCallType subscribe=4:ExecutorSubscribe \
update=5:StatusUpdate message=6:FromExecutor
ExecutorSubscribe unacknowledged_tasks=1:TaskInfo* unacknowledged_updates=2:StatusUpdate*
FromExecutor data=2:bytes
"""

Fields = dict[str, tuple[int, str, bool]]
VARINT, FIXED64, BYTES = 0, 1, 2


def _lines(text: str) -> Iterator[tuple[str, list[str]]]:
    for line in text.splitlines():
        if line:
            name, *rest = line.split()
            yield name, rest


def _enum(values: list[str]) -> dict[str, int]:
    return {name: int(number) for name, _, number in (value.partition("=") for value in values)}


def _fields(texts: list[str]) -> Fields:
    fields: Fields = {}
    for text in texts:
        name, _, rest = text.partition("=")
        number, _, kind = rest.partition(":")
        fields[name] = int(number), kind.rstrip("*"), kind.endswith("*")
    return fields


_ENUMS = {name: _enum(values) for name, values in _lines(ENUMS)}
_MESSAGES = {name: _fields(fields) for name, fields in _lines(MESSAGES)}
EVENTS = _ENUMS["SchedulerEventType"]
CALLS = _ENUMS["SchedulerCallType"]
STATES = _ENUMS["TaskState"]


def encode(message: str, values: dict[str, Any]) -> bytes:
    """A message; a field that is None is left out. KeyError for what it has not."""
    data = b""
    for name, value in values.items():
        number, kind, repeated = _MESSAGES[message][name]
        if value is None:
            continue
        for each in value if repeated else [value]:
            wire, part = _encoded(kind, each)
            data += _varint(number << 3 | wire) + part
    return data


def decode(message: str, data: bytes) -> dict[str, Any]:
    """The fields that are there and known; ValueError if it is none."""
    fields = {number: (name, kind, repeated) for name, (number, kind, repeated) in _MESSAGES[message].items()}
    found: dict[str, Any] = {}
    place = 0
    while place < len(data):
        key, place = _read_varint(data, place)
        wire: int = key & 7
        raw: int | bytes
        if wire == VARINT:
            raw, place = _read_varint(data, place)
        elif wire == FIXED64:
            raw, place = data[place : place + 8], place + 8
        elif wire == BYTES:
            size, place = _read_varint(data, place)
            raw, place = data[place : place + size], place + size
            if len(raw) != size:
                raise ValueError(f"{message} is cut off")
        else:
            raise ValueError(f"{message}: wire type {wire} is none of these messages'")
        if key >> 3 in fields:
            name, kind, repeated = fields[key >> 3]
            value = _decoded(kind, wire, raw)
            if repeated:
                found.setdefault(name, []).append(value)
            else:
                found[name] = value
    return found


def _encoded(kind: str, value: Any) -> tuple[int, bytes]:
    if kind == "double":
        return FIXED64, struct.pack("<d", value)
    if kind in ("bool", "int32", "int64", "uint64"):
        return VARINT, _varint(int(value) % 2**64)
    if kind in _ENUMS:
        return VARINT, _varint(_ENUMS[kind][value])
    plain = {"string": str.encode, "bytes": bytes}.get(kind)
    data = encode(kind, value) if plain is None else plain(value)
    return BYTES, _varint(len(data)) + data


def _decoded(kind: str, wire: int, raw: int | bytes) -> Any:
    expected = FIXED64 if kind == "double" else BYTES if kind in (*_MESSAGES, "string", "bytes") else VARINT
    if wire != expected:
        raise ValueError(f"{kind} has wire type {wire}, not {expected}")
    if isinstance(raw, bytes):
        if kind == "double":
            return struct.unpack("<d", raw)[0]
        if kind in ("string", "bytes"):
            return raw.decode() if kind == "string" else raw
        return decode(kind, raw)
    if kind in _ENUMS:
        return {number: name for name, number in _ENUMS[kind].items()}.get(raw, str(raw))
    if kind == "bool":
        return bool(raw)
    return raw - 2**64 if kind != "uint64" and raw >= 2**63 else raw


def _varint(number: int) -> bytes:
    data = b""
    while number > 127:
        data += bytes([number & 127 | 128])
        number >>= 7
    return data + bytes([number])


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if place >= len(data):
            raise ValueError("a number is cut off")
        byte = data[place]
        number |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return number, place
