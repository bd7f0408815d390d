"""Resources: a list of Mesos's is several quantities of ours, by whose they are.

Mesos writes whose a resource is in two formats: `role` and `reservation`, or (for frameworks with the capability
RESERVATION_REFINEMENT) a stack of `reservations`. Both are read; what is written is what the framework can read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from cluster.messages import Reserved
from cluster.resources import MAX_SCALAR, THOUSANDTHS, ResourceError, Resources, sum_resources
from cluster.v1.errors import RefusedError, shown
from cluster.v1.types import Resource, Value

__all__ = ["Quantities", "read_resources", "write_resources"]


class Quantities(Struct, frozen=True):
    """What a list of resources holds: reserved for nobody, reserved by role, and revocable."""

    plain: Resources = Resources()
    reserved: Reserved = {}
    revocable: Resources = Resources()

    @property
    def lasting(self) -> Resources:
        """All of it but what is revocable. ResourceError if something is there twice."""
        return sum_resources((self.plain, *self.reserved.values()))


def read_resources(resources: Sequence[Resource], path: str) -> Quantities:
    """Read a list of resources. Scalars are rounded to thousandths, as Mesos does; those of zero are none.

    Raises:
        RefusedError: For what is no quantity, or is of a kind that is not here; the text names it by the path.
    """
    plain: list[Resources] = []
    revocable: list[Resources] = []
    reserved: dict[str, list[Resources]] = {}
    for place, each in enumerate(resources):
        where = f"{path}[{place}]"
        try:
            quantity = _quantity(each, where)
        except ResourceError as error:
            raise RefusedError(f"{where}: {error}") from error
        _check_kind(each, where)
        role = _role(each, where)
        if each.revocable is not None:
            if role != "*":
                raise RefusedError(f"{where}: what is revocable cannot be reserved")
            revocable.append(quantity)
        elif role == "*":
            plain.append(quantity)
        else:
            reserved.setdefault(role, []).append(quantity)
    try:
        sums = {role: sum_resources(parts) for role, parts in reserved.items()}
        read = Quantities(
            sum_resources(plain),
            {role: each for role, each in sums.items() if each},
            sum_resources(revocable),
        )
        _ = read.lasting
    except ResourceError as error:
        raise RefusedError(f"{path}: {error}") from error
    return read


def write_resources(
    quantities: Quantities, *, refinement: bool = False, allocated_to: str | None = None
) -> tuple[Resource, ...]:
    """Write quantities as a list, in the format for frameworks with or without RESERVATION_REFINEMENT.

    `allocated_to` is the role that all of them are offered to or used by, for those who are to be told.
    """
    allocation = None if allocated_to is None else Resource.AllocationInfo(role=allocated_to)
    written = [*_write(quantities.plain, _owner("*", refinement=refinement))]
    for role, resources in sorted(quantities.reserved.items()):
        written += _write(resources, _owner(role, refinement=refinement))
    revocable = Resource.RevocableInfo()
    written += _write(quantities.revocable, {**_owner("*", refinement=refinement), "revocable": revocable})
    return tuple(Resource(**each, allocation_info=allocation) for each in written)


def _quantity(resource: Resource, where: str) -> Resources:
    name = resource.name
    match resource.type:
        case Value.Type.SCALAR if resource.scalar is not None:
            return Resources({name: _thousandths(resource.scalar.value, f"{where}: {shown(name)}")})
        case Value.Type.RANGES if resource.ranges is not None:
            pairs = tuple((each.begin, each.end) for each in resource.ranges.range)
            return Resources(ranges={name: pairs})
        case Value.Type.SET if resource.set is not None:
            return Resources(sets={name: resource.set.item})
        case Value.Type.TEXT:
            raise RefusedError(f"{where}: {shown(name)} is a text, which is no quantity")
    raise RefusedError(f"{where}.{resource.type.lower()} is missing, though it is the type of {shown(name)}")


def _thousandths(value: float, where: str) -> int:
    if not (math.isfinite(value) and value >= 0):
        raise RefusedError(f"{where} is {value}, not a quantity")
    # Half a thousandth goes up. What is far too large is told by Resources.
    return math.floor(min(value, 2.0 * MAX_SCALAR) * THOUSANDTHS + 0.5)


def _check_kind(resource: Resource, where: str) -> None:
    if resource.provider_id is not None:
        raise RefusedError(f"{where}.provider_id: there are no resource providers here")
    if resource.disk is not None:
        raise RefusedError(
            f"{where}.disk: there are no persistent volumes, and no disks but the sandbox's, here"
        )
    if resource.shared is not None:
        raise RefusedError(f"{where}.shared: nothing is shared between tasks here")


def _role(resource: Resource, where: str) -> str:
    """The role that it is reserved for, `*` for none."""
    role = "*" if resource.role is None else resource.role
    if resource.reservations:
        if role != "*" or resource.reservation is not None:
            raise RefusedError(f"{where}: has reservations, and role or reservation: two formats at once")
        if len(resource.reservations) > 1:
            raise RefusedError(f"{where}.reservations: what is reserved cannot be reserved once more here")
        role = resource.reservations[0].role or ""
        if role in ("", "*"):
            raise RefusedError(f"{where}.reservations[0].role is {role!r}, not a role to reserve for")
    elif resource.reservation is not None and role == "*":
        raise RefusedError(f"{where}.reservation: there is none for role '*'")
    for each in (*resource.reservations, resource.reservation):
        if each is not None and each.labels is not None and each.labels.labels:
            raise RefusedError(f"{where}: labels of reservations are not kept here")
    return role


def _owner(role: str, *, refinement: bool) -> Mapping[str, Any]:
    if not refinement:
        # All our reservations are what Mesos calls dynamic ones.
        return {"role": role} if role == "*" else {"role": role, "reservation": Resource.ReservationInfo()}
    if role == "*":
        return {}
    return {
        "reservations": (Resource.ReservationInfo(type=Resource.ReservationInfo.Type.DYNAMIC, role=role),)
    }


def _write(resources: Resources, owner: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name in resources.names():
        made: dict[str, Any] = {"name": name, **owner}
        if name in resources.scalars:
            made["type"] = Value.Type.SCALAR
            made["scalar"] = Value.Scalar(value=resources.scalars[name] / THOUSANDTHS)
        elif name in resources.ranges:
            made["type"] = Value.Type.RANGES
            ranges = (Value.Range(begin=low, end=high) for low, high in resources.ranges[name])
            made["ranges"] = Value.Ranges(range=tuple(ranges))
        else:
            made["type"] = Value.Type.SET
            made["set"] = Value.Set(item=resources.sets[name])
        yield made
