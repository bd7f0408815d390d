"""Whose job is next: queues, users' turns in them, idle sessions. No I/O; time is an argument."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import structs

from cluster import Resources

from .jobs import Job, JobState, Queue, Session, launched

Line = tuple[str, str]
"""The jobs of one user that wait in one queue, by the names of both."""


class Rules:
    """The sessions that are open and the jobs that have not ended.

    Next is the queue of the highest priority; among equals, that with the fewest running jobs for its weight.
    In it, the user with the fewest running jobs; among equals, who was not served for longest. Of his jobs
    that of the highest priority, then the oldest. So a user's priorities take nothing from others. A job that
    fits nowhere lets others pass, as does a queue that runs all it may.
    """

    def __init__(self, queues: Iterable[Queue]) -> None:
        self.queues = {queue.name: queue for queue in queues}
        self.sessions: dict[int, Session] = {}
        self.jobs: dict[int, Job] = {}
        self.tasks: dict[str, Job] = {}
        """The jobs that are launched, by the ids of their tasks."""
        self._used: dict[int, float] = {}
        self._lines: dict[Line, list[tuple[int, int]]] = {}
        self._running: Counter[str | Line] = Counter()
        # Turns among queues are those of start-time fair queueing: who was idle has saved up nothing.
        self._virtual = 0.0
        self._finish: dict[str, float] = {}
        self._served: Counter[Line] = Counter()

    @property
    def waiting(self) -> bool:
        """Whether a job waits."""
        return bool(self._lines)

    def summary(self) -> list[dict[str, Any]]:
        """Each queue, and how many of its jobs wait and run."""
        waiting = Counter(job.queue for job in self.jobs.values() if job.state is JobState.WAITING)
        return [
            {**structs.asdict(queue), "waiting": waiting[name], "running": self._running[name]}
            for name, queue in self.queues.items()
        ]

    def put_session(self, session: Session, now: float) -> None:
        """Take a session as it is now; one that is closed is forgotten."""
        self.sessions[session.id], self._used[session.id] = session, now
        if session.closed:
            del self.sessions[session.id], self._used[session.id]

    def idle(self, now: float, seconds: float) -> list[Session]:
        """The sessions without a job for so long. Ask often: a job is noticed by being there when asked."""
        self._used.update((job.session, now) for job in self.jobs.values() if job.session in self.sessions)
        return [s for s in self.sessions.values() if now - self._used[s.id] >= seconds]

    def put(self, job: Job) -> None:
        """Take a job as it is now; one that has ended is forgotten. ValueError if its queue is unknown."""
        if job.queue not in self.queues:
            raise ValueError(f"job {job.id} is of queue {job.queue!r}, which is not configured")
        old = self.jobs.pop(job.id, None)
        if old is not None:
            self._count(old, -1)
        if job.active:
            self.jobs[job.id] = job
            self._count(job, +1)

    def choose(self, offered: Mapping[str, Resources]) -> list[tuple[str, Job]]:
        """Take jobs out of their lines for what is offered; return each, as launched, with its offer's id."""
        chosen = []
        left = dict(offered)
        at = dict.fromkeys(self._lines, 0)
        nowhere: set[Resources] = set()
        while at:
            line = min(at, key=self._rank)
            queue, jobs = self.queues[line[0]], self._lines.get(line, [])
            if at[line] >= len(jobs) or self._running[queue.name] == queue.max_running:
                del at[line]
                continue
            job = self.jobs[jobs[at[line]][1]]
            needed = job.resources
            fitting = [] if needed in nowhere else [i for i in left if left[i].contains(needed)]
            if not fitting:
                nowhere.add(needed)
                at[line] += 1
                continue
            # The fullest that has room, so that room for large jobs stays together.
            offer_id = min(fitting, key=lambda i: left[i].scalar("cpus"))
            left[offer_id] -= needed
            self._served[line] = max(self._served.values(), default=0) + 1
            self._virtual = self._start(queue)
            self._finish[queue.name] = self._virtual + 1 / queue.weight
            self.put(launched(job))
            chosen.append((offer_id, self.jobs[job.id]))
        return chosen

    def _count(self, job: Job, change: int) -> None:
        line, place = (job.queue, job.user), (-job.priority, job.id)
        if job.state is not JobState.WAITING:
            self._running[job.queue] += change
            self._running[line] += change
            self.tasks.pop(job.task_id, None)
            if change > 0:
                self.tasks[job.task_id] = job
        elif change > 0:
            insort(self._lines.setdefault(line, []), place)
        else:
            jobs = self._lines[line]
            del jobs[bisect_left(jobs, place)]
            if not jobs:
                del self._lines[line]

    def _rank(self, line: Line) -> tuple[float | str, ...]:
        """The least is next."""
        queue = self.queues[line[0]]
        share, start = self._running[queue.name] / queue.weight, self._start(queue)
        return (-queue.priority, share, start, queue.name, self._running[line], self._served[line], line[1])

    def _start(self, queue: Queue) -> float:
        return max(self._finish.get(queue.name, 0.0), self._virtual)
