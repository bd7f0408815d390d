"""Delay scheduling: tasks wait a little for offers of the hosts that have their data. Plain rules, no I/O.

After Zaharia et al., "Delay scheduling" (EuroSys 2010), the version with waiting times for hosts and for racks. What
was a node's heartbeat there is an offer here.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum

from cluster.messages import Offer, TaskInfo
from cluster.resources import Resources

from .matching import Constraint, Placement

__all__ = ["DelayScheduler", "Locality"]


class Locality(IntEnum):
    """How near to its data a task runs."""

    NODE = 0
    RACK = 1
    ANY = 2


class DelayScheduler:
    """Tasks that wait for resources, at best on the hosts that have their data.

    A job that is offered resources, and has no task for that host, passes on them: until `node_wait` seconds after
    the first that it passed on. Then it takes what is in the right rack, and `rack_wait` seconds later anything. It
    goes on so, without further waiting, until it launches a task on a right host again: then it waits anew.

    `running` says how many tasks of a job run; jobs with fewer go first. Without it the oldest job goes first. `rack`
    gives an offer's rack; by default its attribute `rack`, or "" if there is none. ValueError for a time below 0, or
    without end.
    """

    def __init__(
        self,
        node_wait: float = 5.0,
        rack_wait: float = 0.0,
        *,
        running: Callable[[str], int] | None = None,
        rack: Callable[[Offer], str] | None = None,
    ) -> None:
        for field, seconds in (("node_wait", node_wait), ("rack_wait", rack_wait)):
            if not (math.isfinite(seconds) and seconds >= 0):
                raise ValueError(f"{field} is {seconds}, not a number of seconds from 0")
        self.launches: Counter[Locality] = Counter()
        """How many tasks with a preference were placed, by where."""
        self._waits = (node_wait, rack_wait)
        self._running = running
        self._rack = rack or _rack_attribute
        self._jobs: dict[str, _Job] = {}
        self._where: dict[str, tuple[_Job, _Alike]] = {}

    def __len__(self) -> int:
        return len(self._where)

    def add(
        self,
        task: TaskInfo,
        constraint: Constraint | None = None,
        *,
        hosts: Iterable[str] = (),
        racks: Iterable[str] = (),
        job: str = "",
    ) -> None:
        """Queue a task of a job, whose data is on `hosts`, in `racks`. Without hosts, every place is the right one.

        With a constraint it goes only to offers that satisfy it. ValueError if one of that id waits already, or for
        racks without hosts. A framework that has declined offers revives, to see those of the task's hosts.
        """
        if task.task_id in self._where:
            raise ValueError(f"add: task_id {task.task_id!r} waits already")
        hosts, racks = frozenset(hosts), frozenset(racks)
        if racks and not hosts:
            raise ValueError(f"add: task {task.task_id!r} has racks {sorted(racks)}, but no hosts")
        queue = self._jobs.setdefault(job, _Job(job, self._waits))
        alike = queue.add(task, constraint, hosts, racks)
        self._where[task.task_id] = (queue, alike)

    def remove(self, task_id: str) -> TaskInfo | None:
        """Take a task out, if it waits."""
        if task_id not in self._where:
            return None
        job, alike = self._where.pop(task_id)
        task = alike.remove(task_id)
        if not alike.waiting:
            del job.kinds[alike.kind]
        if not job.kinds:
            del self._jobs[job.name]
        return task

    def match(
        self,
        offers: Sequence[Offer],
        now: float,
        runs_there: Callable[[str, str], bool] = lambda _a, _e: False,
    ) -> Placement:
        """Place what may go to these offers at this time, spread over them, and take it out of the queue.

        `now` is in seconds, by a clock that never goes back. `runs_there(agent_id, executor_id)` says that an
        executor runs already and needs no resources more.
        """
        room = _Room(offers, runs_there)
        placed: Placement = {}
        count: Counter[str] = Counter()
        candidates = {job.name: _Candidates(job, offers, self._rack) for job in self._jobs.values()}
        while candidates:
            name = min(candidates, key=lambda job: self._running(job) + count[job] if self._running else 0)
            job = candidates[name].job
            found = candidates[name].find(room, now)
            if found is None:
                job.passed_on(offers, room, now)
                del candidates[name]
                continue
            task, offer, level = found
            if self._where[task.task_id][1].hosts[task.task_id]:
                job.launched(level)
                self.launches[level] += 1
            room.take(task, offer)
            count[name] += 1
            placed.setdefault(offer.id, []).append(task)
            self.remove(task.task_id)
            if not job.kinds:
                del candidates[name]
        return placed

    def next_deadline(self, now: float) -> float | None:
        """When a wait ends, so that offers that were of no use are; None if no job waits so."""
        return min((due for job in self._jobs.values() for due in job.deadlines() if due > now), default=None)

    def refuse_seconds(self, now: float) -> float | None:
        """For how long to decline what a match left: until a wait ends. None, the default, if none does.

        In whole milliseconds, upwards: an offer must not come back a rounding error too early.
        """
        deadline = self.next_deadline(now)
        return None if deadline is None else math.ceil((deadline - now) * 1000) / 1000


class _Job:
    """The paper's variables for a job: what it may launch without waiting, and since when it waits."""

    def __init__(self, name: str, waits: tuple[float, float]) -> None:
        self.name = name
        self.kinds: dict[tuple[object, ...], _Alike] = {}
        self._waits = waits
        self._level = Locality.NODE
        self._since: float | None = None

    def add(
        self, task: TaskInfo, constraint: Constraint | None, hosts: frozenset[str], racks: frozenset[str]
    ) -> _Alike:
        executor = task.executor.executor_id if task.executor is not None else ""
        kind = (task.resources, executor, constraint)
        alike = self.kinds.setdefault(kind, _Alike(kind, constraint))
        alike.add(task, hosts, racks)
        return alike

    def allows(self, level: Locality, now: float) -> bool:
        if level <= self._level:
            return True
        needed = sum(self._waits[self._level : level])
        return needed == 0 or (self._since is not None and now >= self._since + needed)

    def deadlines(self) -> Iterable[float]:
        if self._since is not None:
            for level in range(self._level + 1, Locality.ANY + 1):
                yield self._since + sum(self._waits[self._level : level])

    def launched(self, level: Locality) -> None:
        self._level, self._since = level, None

    def passed_on(self, offers: Sequence[Offer], room: _Room, now: float) -> None:
        """It got nothing more: if it could have had something, it waits from now on."""
        if self._since is None and any(alike.fits(o, room) for alike in self.kinds.values() for o in offers):
            self._since = now


class _Alike:
    """Tasks of a job that ask for the same, by the hosts and racks that they would rather have."""

    def __init__(self, kind: tuple[object, ...], constraint: Constraint | None) -> None:
        self.kind = kind
        self.waiting: OrderedDict[str, TaskInfo] = OrderedDict()
        self.hosts: dict[str, frozenset[str]] = {}
        self._racks: dict[str, frozenset[str]] = {}
        self._by_host: dict[str, OrderedDict[str, None]] = {}
        self._by_rack: dict[str, OrderedDict[str, None]] = {}
        self._anywhere: OrderedDict[str, None] = OrderedDict()
        self._constraint = constraint

    def add(self, task: TaskInfo, hosts: frozenset[str], racks: frozenset[str]) -> None:
        task_id = task.task_id
        self.waiting[task_id] = task
        self.hosts[task_id], self._racks[task_id] = hosts, racks
        if not hosts:
            self._anywhere[task_id] = None
        for index, keys in ((self._by_host, hosts), (self._by_rack, racks)):
            for key in keys:
                index.setdefault(key, OrderedDict())[task_id] = None

    def remove(self, task_id: str) -> TaskInfo:
        self._anywhere.pop(task_id, None)
        for index, keys in (
            (self._by_host, self.hosts.pop(task_id)),
            (self._by_rack, self._racks.pop(task_id)),
        ):
            for key in keys:
                del index[key][task_id]
                if not index[key]:
                    del index[key]
        return self.waiting.pop(task_id)

    def fits(self, offer: Offer, room: _Room) -> bool:
        if self._constraint is not None and not self._constraint(offer):
            return False
        return room.fits(next(iter(self.waiting.values())), offer)

    def pick(self, level: Locality, host: str, rack: str) -> TaskInfo | None:
        """The oldest that may go there."""
        if level is Locality.ANY:
            return next(iter(self.waiting.values()))
        near = self._by_rack.get(rack) if level is Locality.RACK else self._by_host.get(host, self._anywhere)
        return self.waiting[next(iter(near))] if near else None


class _Room:
    """What is left of the offers."""

    def __init__(self, offers: Sequence[Offer], runs_there: Callable[[str, str], bool]) -> None:
        self._left = {offer.id: offer.resources for offer in offers}
        self._runs_there = runs_there
        self._started: set[tuple[str, str]] = set()

    def _needed(self, task: TaskInfo, offer: Offer) -> Resources:
        if task.executor is None:
            return task.resources
        key = (offer.agent_id, task.executor.executor_id)
        if key in self._started or self._runs_there(*key):
            return task.resources
        return task.resources + task.executor.resources

    def fits(self, task: TaskInfo, offer: Offer) -> bool:
        return self._left[offer.id].contains(self._needed(task, offer))

    def take(self, task: TaskInfo, offer: Offer) -> None:
        self._left[offer.id] -= self._needed(task, offer)
        if task.executor is not None:
            self._started.add((offer.agent_id, task.executor.executor_id))


class _Candidates:
    """The offers that a job has not found useless yet, in this match: for each level, in turn."""

    def __init__(self, job: _Job, offers: Sequence[Offer], rack: Callable[[Offer], str]) -> None:
        self.job = job
        self._rack = rack
        self._offers = {level: deque(offers) for level in Locality}

    def find(self, room: _Room, now: float) -> tuple[TaskInfo, Offer, Locality] | None:
        """A task and the offer where it goes: the nearest to its data that the job may launch now."""
        for level in Locality:
            if not self.job.allows(level, now):
                return None
            offers = self._offers[level]
            while offers:
                offer = offers[0]
                for alike in self.job.kinds.values():
                    task = alike.pick(level, offer.hostname, self._rack(offer))
                    if task is not None and alike.fits(offer, room):
                        offers.rotate(-1)
                        return task, offer, level
                offers.popleft()
        return None


def _rack_attribute(offer: Offer) -> str:
    # As it was written: `get` would make a number of "7".
    return offer.attributes.items.get("rack", "")
