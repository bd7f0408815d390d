"""The framework: what users ask for goes to disk, then to the cluster; what the cluster tells, likewise."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from msgspec import convert, structs

from cluster import Framework, Offer, TaskState, TaskStatus

from .jobs import Job, JobRequest, Queue, Session, after, cancelled, not_known
from .rules import Rules
from .store import Store

WEEK = 7 * 86400.0


class UnknownError(Exception):
    """A user has no such thing."""


class ConflictError(Exception):
    """It cannot be done to this thing as it is now."""


class QueueService(Framework):
    """Runs the jobs of many users, each to one end, however often the service itself dies.

    The order of things makes it so. A job is on disk before its user is told. A launch is on disk, with the
    task's id, before the master is told: after a crash in between, the master says that it knows no such task,
    and the job waits again. A status is on disk before it is acknowledged: until then it is told again.

    Every `check_seconds` it asks for the tasks that it believes in, and closes sessions that had no job for
    `idle_seconds`. That the master knows no such task counts from the second time on: a master that is new
    has yet to hear of it from agents.
    """

    explicit_acknowledgements = True

    def __init__(
        self,
        store: Store,
        queues: Iterable[Queue],
        *,
        role: str = "*",
        failover_timeout: float = WEEK,
        check_seconds: float = 30.0,
        idle_seconds: float = 3600.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        me = store.framework_id
        super().__init__("queue-service", roles=(role,), framework_id=me, failover_timeout=failover_timeout)
        self.store, self.rules = store, Rules(queues)
        self.error: BaseException | None = None
        self._check_seconds, self._idle_seconds, self._clock = check_seconds, idle_seconds, clock
        self._asked = 0
        self._declined = False
        self._ends: dict[int, asyncio.Event] = {}
        for session in store.open_sessions():
            self.rules.put_session(session, clock())
        for job in store.active_jobs():
            self.rules.put(job)

    # What users ask for. UnknownError and ConflictError are for them.

    def open_session(self, user: str) -> Session:
        """A new session."""
        session = self.store.add(Session(user))
        self.rules.put_session(session, self._clock())
        return session

    def close_session(self, user: str, session_id: int) -> Session:
        """Cancel its jobs, and take no more."""
        session = self._session(user, session_id)
        return session if session.closed else self._close(session)

    def add_job(self, user: str, request: JobRequest) -> tuple[Job, bool]:
        """Take a job; say whether it is new."""
        session = self._session(user, request.session)
        known = self.store.job_with_key(session.id, request.key) if request.key else None
        if known is not None:
            if convert(known, JobRequest, from_attributes=True) != request:
                raise ConflictError(f"key {request.key!r} was used for another job, {known.id}")
            return known, False
        if session.closed:
            raise ConflictError(f"session {session.id} is closed")
        job = self.store.add(Job(**structs.asdict(request), user=user, submitted=self._clock()))
        self.rules.put(job)
        self._want_offers()
        return job, True

    def job(self, user: str, job_id: int) -> Job:
        """A user's job as it is now."""
        job = self.rules.jobs.get(job_id) or self.store.job(job_id)
        if job is None or job.user != user:
            raise UnknownError(f"job {job_id}: you have no such job")
        return job

    def cancel_job(self, user: str, job_id: int) -> Job:
        """Drop it if it waits, kill it if it runs."""
        job = self.job(user, job_id)
        if not job.active and not job.cancelled:
            raise ConflictError(f"job {job_id} has ended: {job.state}")
        if job.active and not job.cancelled:
            job = cancelled(job, self._clock())
            self._keep(job)
        self._kill([job])
        return job

    async def ended(self, job: Job, seconds: float) -> None:
        """Wait for a job's end, so long at most."""
        if job.active:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._ends.setdefault(job.id, asyncio.Event()).wait()

    # What the cluster tells.

    async def registered(self) -> None:
        """Who we are comes first: by that a successor takes our tasks over. Then look after things."""
        self.store.set_framework_id(self.id)
        while True:
            self._reconcile()
            for session in self.rules.idle(self._clock(), self._idle_seconds):
                self._close(session)
            await asyncio.sleep(self._check_seconds)

    async def reregistered(self) -> None:
        """A master has us again, perhaps another one."""
        self._asked = 0
        self._reconcile()

    async def offers(self, offers: Sequence[Offer]) -> None:
        """Launch what is next; what is left is declined when this returns."""
        if not self.connected:
            return
        by_id = {offer.id: offer for offer in offers}
        chosen = [
            (offer_id, structs.replace(job, agent=by_id[offer_id].address.rpartition("@")[2]))
            for offer_id, job in self.rules.choose({offer.id: offer.resources for offer in offers})
        ]
        self._keep(*(job for _, job in chosen))
        for offer in offers:
            if tasks := [job.task() for offer_id, job in chosen if offer_id == offer.id]:
                self.launch(offer, tasks)
        self._declined = True
        if not self.rules.waiting:
            self.suppress()

    async def status(self, status: TaskStatus) -> None:
        """Note it, then acknowledge it. There is no await in between: statuses are noted in their order."""
        job = self.rules.tasks.get(status.task_id)
        if job is None:
            # An attempt that was given up: nobody waits for what it does.
            if status.state in (TaskState.STAGING, TaskState.STARTING, TaskState.RUNNING):
                self.kill(status.task_id)
        elif self._asked > 1 or not not_known(status):
            changed = after(job, status, self._clock())
            if changed != job:
                self._keep(changed)
        self.acknowledge(status)
        self._want_offers()

    # How it ends.

    def fail(self, error: BaseException) -> None:
        """Note why it ends. Its failover timeout leaves the tasks to a successor: a full disk kills no jobs."""
        self.error = self.error or error
        super().fail(error)

    def on_refused(self, error: BaseException) -> None:
        """Note why it ends."""
        self.error = self.error or error
        super().on_refused(error)

    def _session(self, user: str, session_id: int) -> Session:
        session = self.store.session(session_id)
        if session is None or session.user != user:
            raise UnknownError(f"session {session_id}: you have no such session")
        return session

    def _close(self, session: Session) -> Session:
        now = self._clock()
        session = structs.replace(session, closed=now)
        jobs = [cancelled(job, now) for job in self.rules.jobs.values() if job.session == session.id]
        self._keep(session, *jobs)
        self._kill(jobs)
        return session

    def _kill(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            if job.active:
                self.kill(job.task_id)

    def _reconcile(self) -> None:
        """Ask for our tasks by name, for those that the master does not know; and once for those we do not."""
        self._asked += 1
        if self.rules.tasks:
            self.reconcile(*self.rules.tasks)
        if self._asked == 1:
            self.reconcile()
        # A kill may have been lost with a connection, or with our predecessor.
        self._kill(job for job in self.rules.tasks.values() if job.cancelled)

    def _want_offers(self) -> None:
        """What was declined is not offered for a while: ask for it, if something waits."""
        if self._declined and self.rules.waiting:
            self._declined = False
            self.revive()

    def _keep(self, *things: Job | Session) -> None:
        """To disk first; then it is so."""
        if things:
            self.store.save(*things)
        for thing in things:
            if isinstance(thing, Session):
                self.rules.put_session(thing, self._clock())
                continue
            self.rules.put(thing)
            if not thing.active and (event := self._ends.pop(thing.id, None)) is not None:
                event.set()
