"""Queues, sessions and jobs, and how a job goes from one state to the next. No I/O; time is an argument."""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from cluster import CommandInfo, Reason, ResourceError, Resources, TaskInfo, TaskState, TaskStatus

MAX_ATTEMPTS = 20
"""Launches of one job, with those that were dropped before they began."""


class JobState(enum.StrEnum):
    """WAITING, STAGING (launched, nothing heard yet) and RUNNING are on the way; the others are ends."""

    WAITING = "WAITING"
    STAGING = "STAGING"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"
    LOST = "LOST"


ACTIVE = (JobState.WAITING, JobState.STAGING, JobState.RUNNING)
_ENDS = {
    TaskState.FINISHED: JobState.FINISHED,
    TaskState.FAILED: JobState.FAILED,
    TaskState.ERROR: JobState.FAILED,
    TaskState.KILLED: JobState.KILLED,
}
_AGAIN = {TaskState.LOST, TaskState.DROPPED, TaskState.GONE, TaskState.GONE_BY_OPERATOR, TaskState.UNKNOWN}


class Queue(Struct, frozen=True, forbid_unknown_fields=True):
    """Queues of higher priority go first; queues of the same have turns in proportion to their weights."""

    name: str = ""
    weight: Annotated[float, Meta(ge=0.001, le=1000)] = 1.0
    priority: int = 0
    max_running: Annotated[int, Meta(ge=1)] | None = None


class Session(Struct, frozen=True):
    """Groups jobs of a user. `closed` is in seconds since the epoch, 0 while it is open."""

    user: str
    closed: float = 0.0
    id: int = 0


class JobRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What a user says of a job: a shell line, and what it takes (`mem` in MiB).

    `priority` is among the user's own jobs of the queue. `retries`: how often it is run again when its agent
    is lost; with 0 it runs at most once. A `key` that was used in the session names the same job: a client
    that got no answer asks again.
    """

    session: int
    command: Annotated[str, Meta(min_length=1, max_length=65536)]
    queue: str = "default"
    cpus: Annotated[float, Meta(ge=0.001, le=100_000)] = 1.0
    mem: Annotated[float, Meta(ge=0, le=1e9)] = 128.0
    priority: Annotated[int, Meta(ge=-1000, le=1000)] = 0
    retries: Annotated[int, Meta(ge=0, le=10)] = 2
    key: Annotated[str, Meta(max_length=200)] = ""

    def problem(self) -> str | None:
        """What is wrong with it that its types do not say, or None."""
        try:
            Resources.of(cpus=self.cpus, mem=self.mem)
        except ResourceError as error:
            return str(error)
        return CommandInfo(self.command).problem()


class Job(JobRequest, frozen=True, kw_only=True):
    """A job. `attempt` counts its launches, `lost` those that were lost; `agent` is HOST:PORT of the last."""

    id: int = 0
    user: str
    state: JobState = JobState.WAITING
    attempt: int = 0
    lost: int = 0
    cancelled: bool = False
    agent: str = ""
    message: str = ""
    exit_code: int | None = None
    submitted: float
    ended: float = 0.0

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.state in ACTIVE

    @property
    def task_id(self) -> str:
        """The task of its latest attempt: who does not know whether it was launched can ask for it by name."""
        return f"job-{self.id}.{self.attempt}"

    @property
    def resources(self) -> Resources:
        """What it takes."""
        return Resources.of(cpus=self.cpus, mem=self.mem)

    def task(self) -> TaskInfo:
        """The task to be launched."""
        command = CommandInfo(self.command, environment={"JOB_ID": str(self.id)})
        labels = {"user": self.user, "queue": self.queue, "session": str(self.session)}
        return TaskInfo(self.task_id, self.resources, self.task_id, command=command, labels=labels)


def launched(job: Job) -> Job:
    """The job with its next attempt under way."""
    return replace(job, state=JobState.STAGING, attempt=job.attempt + 1, message="")


def cancelled(job: Job, now: float) -> Job:
    """The job when its user wants it no more: ended if it waits, else its task is still to be killed."""
    job = replace(job, cancelled=True)
    if job.state is not JobState.WAITING:
        return job
    return replace(job, state=JobState.KILLED, message="cancelled while it waited", ended=now)


def not_known(status: TaskStatus) -> bool:
    """Whether a status only says that the master knows no such task."""
    return status.reason is Reason.RECONCILIATION and status.state in (TaskState.LOST, TaskState.UNKNOWN)


def after(job: Job, status: TaskStatus, now: float) -> Job:
    """The job after a status of its latest attempt. What was lost waits again, unless it was too often."""
    if status.state is TaskState.RUNNING:
        return replace(job, state=JobState.RUNNING)
    if status.state in _AGAIN:
        job = replace(job, lost=job.lost + (status.state is not TaskState.DROPPED))
        if not job.cancelled and job.lost <= job.retries and job.attempt < MAX_ATTEMPTS:
            return replace(job, state=JobState.WAITING, message=status.message)
        end = JobState.KILLED if job.cancelled else JobState.LOST
    elif status.state in _ENDS:
        end = _ENDS[status.state]
    else:
        return job
    return replace(job, state=end, message=status.message, exit_code=status.exit_code, ended=now)
