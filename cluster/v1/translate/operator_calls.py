"""What operators ask of agents: reserve of them, and drain them. What is checked is what the call alone tells."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.resources import Resources
from cluster.v1 import types as v1
from cluster.v1.errors import RefusedError
from cluster.v1.schema import union_field
from cluster.v1.types.master import Call
from cluster.v1.types.master.durations import Duration

from .common import NANOSECONDS
from .operations import for_one_role

__all__ = ["check_call", "grace_of", "reservation_of", "unreservation_of"]

_VOLUMES = {
    Call.Type.CREATE_VOLUMES,
    Call.Type.DESTROY_VOLUMES,
    Call.Type.GROW_VOLUME,
    Call.Type.SHRINK_VOLUME,
}
MAX_SECONDS = 315_576_000_000


def check_call(call: Call) -> None:
    """Check that its part is there, and that it asks for nothing that is not here. RefusedError."""
    if call.type is None:
        raise RefusedError("type is missing, or not known")
    name = union_field(call)
    if name in Call.__struct_fields__ and getattr(call, name) is None:
        raise RefusedError(f"{name} is missing, though the type is {call.type}")
    if call.type in _VOLUMES:
        raise RefusedError(f"{name}: there are no persistent volumes here")


def reservation_of(call: Call.ReserveResources) -> tuple[Resources, str]:
    """What is to be reserved, and for which role. RefusedError."""
    if any(_is_reserved(each) for each in call.source):
        raise RefusedError("reserve_resources.source: only what is unreserved can be reserved here")
    return _checked(call.resources, "reserve_resources.resources")


def unreservation_of(call: Call.UnreserveResources) -> tuple[Resources, str]:
    """What is not to be reserved any more, and for which role it is. RefusedError."""
    return _checked(call.resources, "unreserve_resources.resources")


def _checked(resources: Sequence[v1.Resource], path: str) -> tuple[Resources, str]:
    if not resources:
        raise RefusedError(f"{path} is empty")
    return for_one_role(resources, path)


def _is_reserved(resource: v1.Resource) -> bool:
    return resource.role not in (None, "*") or bool(resource.reservations)


def grace_of(duration: Duration | None, path: str) -> float | None:
    """The grace period, in seconds. RefusedError if it is none."""
    if duration is None:
        return None
    seconds, nanos = duration.seconds or 0, duration.nanos or 0
    if not (0 <= seconds <= MAX_SECONDS and 0 <= nanos < NANOSECONDS):
        raise RefusedError(f"{path} is {seconds} s and {nanos} ns, not a duration from 0")
    return seconds + nanos / NANOSECONDS
