"""Resources as operators are shown them: whose they are stands there in both of Mesos's formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from cluster.happenings import ExecutorSeen, TaskSeen
from cluster.messages import Offer, Reserved
from cluster.resources import THOUSANDTHS, Resources
from cluster.v1.types import Resource, Value

from .resources import Quantities, write_resources

__all__ = ["Tally", "offered", "offered_slowly", "quantities_to", "shown_resources", "used", "used_slowly"]

Type = Value.Type

STEP = 25
"""What is added in one step."""


def shown_resources(
    resources: Resources,
    reserved: Reserved | None = None,
    revocable: Resources | None = None,
    allocated_to: str | None = None,
) -> tuple[Resource, ...]:
    """Resources of which so much is reserved, and what is revocable besides; `allocated_to` a role or to none."""
    plain = resources
    for each in (reserved or {}).values():
        plain -= each
    quantities = Quantities(plain, reserved or {}, revocable if revocable is not None else Resources())
    written = write_resources(quantities, allocated_to=allocated_to)
    return tuple(map(_in_both, written)) if reserved else written


def _in_both(resource: Resource) -> Resource:
    if resource.reservation is None:
        return resource
    reservation = Resource.ReservationInfo(type=Resource.ReservationInfo.Type.DYNAMIC, role=resource.role)
    return msgspec.structs.replace(resource, reservations=(reservation,))


def quantities_to(resources: Resources) -> dict[str, Value.Scalar]:
    """The scalars by their names."""
    return {name: Value.Scalar(value=amount / THOUSANDTHS) for name, amount in resources.scalars.items()}


class Tally:
    """Sums by whose they are: of several agents, where the same ports are on each of them."""

    def __init__(self) -> None:
        self._scalars: dict[tuple[str, str, bool], dict[str, int]] = {}
        self._ranges: dict[tuple[str, str, bool], dict[str, list[tuple[int, int]]]] = {}
        self._sets: dict[tuple[str, str, bool], dict[str, set[str]]] = {}

    def add(
        self, role: str, resources: Resources, reserved: Mapping[str, Resources], *, revocable: bool = False
    ) -> None:
        """Add what is allocated, or offered, to a role: so many resources, of which so many are reserved ones."""
        for owner, each in reserved.items():
            self._add((role, owner, False), each)
            resources -= each
        self._add((role, "*", revocable), resources)

    def add_task(self, task: TaskSeen) -> None:
        """Add what a task holds."""
        if task.holds:
            self.add(task.role, task.info.resources, task.reserved, revocable=task.info.revocable)

    def add_executor(self, executor: ExecutorSeen) -> None:
        """Add what an executor holds."""
        self.add(executor.role, executor.info.resources, executor.reserved)

    def add_offer(self, offer: Offer) -> None:
        """Add what an offer holds."""
        self.add(offer.role, offer.resources, offer.reserved)
        if offer.revocable:
            self.add(offer.role, offer.revocable, {}, revocable=True)

    def _add(self, key: tuple[str, str, bool], resources: Resources) -> None:
        scalars = self._scalars.setdefault(key, {})
        for name, amount in resources.scalars.items():
            scalars[name] = scalars.get(name, 0) + amount
        for name, pairs in resources.ranges.items():
            self._ranges.setdefault(key, {}).setdefault(name, []).extend(pairs)
        for name, items in resources.sets.items():
            self._sets.setdefault(key, {}).setdefault(name, set()).update(items)

    def written(self) -> tuple[Resource, ...]:
        """All of it."""
        return tuple(each for key in sorted(self._scalars) for each in self._written(key))

    def _written(self, key: tuple[str, str, bool]) -> Iterable[Resource]:
        allocated, owner, revocable = key
        fields: dict[str, Any] = {
            "role": owner,
            "allocation_info": Resource.AllocationInfo(role=allocated),
            "revocable": Resource.RevocableInfo() if revocable else None,
        }
        if owner != "*":
            fields["reservation"] = Resource.ReservationInfo()
        for name, amount in sorted(self._scalars[key].items()):
            scalar = Value.Scalar(value=amount / THOUSANDTHS)
            yield _in_both(Resource(name=name, type=Type.SCALAR, scalar=scalar, **fields))
        for name, pairs in sorted(self._ranges.get(key, {}).items()):
            ranges = tuple(Value.Range(begin=low, end=high) for low, high in _union(pairs))
            yield _in_both(Resource(name=name, type=Type.RANGES, ranges=Value.Ranges(range=ranges), **fields))
        for name, items in sorted(self._sets.get(key, {}).items()):
            yield _in_both(
                Resource(name=name, type=Type.SET, set=Value.Set(item=tuple(sorted(items))), **fields)
            )


def _union(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for low, high in sorted(pairs):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(joined[-1][1], high)
        else:
            joined.append((low, high))
    return joined


def used(tasks: Iterable[TaskSeen], executors: Iterable[ExecutorSeen]) -> Tally:
    """What these tasks and executors hold."""
    tally = Tally()
    for task in tasks:
        tally.add_task(task)
    for executor in executors:
        tally.add_executor(executor)
    return tally


def offered(offers: Iterable[Offer]) -> Tally:
    """What is on offer."""
    tally = Tally()
    for offer in offers:
        tally.add_offer(offer)
    return tally


def used_slowly(tasks: Iterable[TaskSeen], executors: Iterable[ExecutorSeen]) -> Iterator[Resource | None]:
    """The same, step by step (see `trees`)."""
    tally = Tally()
    for number, task in enumerate(tasks):
        tally.add_task(task)
        if number % STEP == STEP - 1:
            yield None
    for number, executor in enumerate(executors):
        tally.add_executor(executor)
        if number % STEP == STEP - 1:
            yield None
    yield from tally.written()


def offered_slowly(offers: Iterable[Offer]) -> Iterator[Resource | None]:
    """What is on offer, step by step."""
    tally = Tally()
    for number, offer in enumerate(offers):
        tally.add_offer(offer)
        if number % STEP == STEP - 1:
            yield None
    yield from tally.written()
