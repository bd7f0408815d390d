"""The scheduler's side of the protocol: follows the master, asks after tasks, acknowledges, repeats what was lost."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from actors import UPID, Timer, handles
from cluster.election import Detector
from cluster.messages import (
    Acknowledge,
    ExecutorToFramework,
    FrameworkFailure,
    FrameworkInfo,
    InverseOffers,
    KillTask,
    Offers,
    Reason,
    Reconcile,
    Rescind,
    RescindInverseOffer,
    Revive,
    ShutdownExecutor,
    TaskState,
    TaskStatus,
    Teardown,
    Update,
    UpdateOperation,
)

from .pending import Pending
from .reconciling import Reconciler, has_record
from .subscription import FrameworkRefusedError, Subscription

if TYPE_CHECKING:
    from .base import Framework

__all__ = ["FrameworkRefusedError", "SchedulerDriver"]

REMEMBERED = 10_000
"""Statuses, and tasks that have ended."""


class SchedulerDriver(Subscription):
    """Speaks with the master on a framework's behalf, and calls the framework back."""

    def __init__(
        self, framework: Framework, info: FrameworkInfo, detector: Detector, seed: int | None = None
    ) -> None:
        rng = framework.randomness() if seed is None else random.Random(seed)  # noqa: S311 - delays, no secrets
        super().__init__(info, detector, rng)
        self.framework = framework
        self._pending = Pending()
        self._reconciler = Reconciler(rng)
        self._alarm: Timer | None = None
        self._alarm_at = 0.0
        self._seen: dict[str, bool] = {}
        self._ends: dict[str, tuple[TaskState, bool]] = {}
        self._tearing_down = False

    # The subscription.

    def suppressed(self) -> tuple[str, ...]:
        """The roles that want no offers."""
        return self.framework.suppressed_roles()

    def on_subscribed(self, again: bool) -> None:
        """Say what could not be said, then go on."""
        if self._tearing_down:
            self.call(Teardown(self.info.id))
            self.framework.on_torn_down()
            return
        self._reconciler.begin(self.clock.monotonic())
        for message in self._pending.again(self.info.id, self.suppressed()):
            self.call(message)
        self._reconciler.ask({task: "" for task in self._pending.kills if task not in self._reconciler})
        self.framework.on_subscribed(again)
        self._set_alarm()

    def on_lost(self) -> None:
        """There is no master."""
        self._pending.lost()
        self._reconciler.pause()
        if not self._tearing_down:
            self.framework.on_disconnected()

    def on_refused(self, error: FrameworkRefusedError) -> None:
        """It is over."""
        self.framework.on_refused(error)

    # What the framework wants.

    def teardown(self) -> bool:
        """End the framework on the cluster: now, or when there is a master again. Whether it is done."""
        if not self.info.id:
            return True
        if self.call(Teardown(self.info.id)):
            return True
        self._tearing_down = True
        return False

    def launched(self, task_ids: Collection[str], executors: Collection[tuple[str, str]]) -> None:
        """An Accept with these tasks was sent."""
        for task_id in task_ids:
            self._ends.pop(task_id, None)
        self._pending.launched(task_ids, executors)

    def kill(self, task_id: str, grace_period: float) -> None:
        """End a task, whoever dies: the kill is sent again until the task is known to have ended."""
        self._pending.kills[task_id] = grace_period
        if self.call(KillTask(self.info.id, task_id, grace_period)) and not self._pending.is_known(task_id):
            # A new master may not know it yet: it is killed when that does.
            self.reconcile({task_id: self.framework.agent_of(task_id)})

    def shutdown_executor(self, agent_id: str, executor_id: str) -> None:
        """End an executor, likewise."""
        self._pending.shutdowns[agent_id, executor_id] = None
        self.call(ShutdownExecutor(self.info.id, agent_id, executor_id))

    def revive(self, roles: tuple[str, ...]) -> None:
        """Want offers again."""
        if not self.call(Revive(self.info.id, roles)):
            self._pending.revived.update(roles or self.info.roles)

    def reconcile(self, tasks: Mapping[str, str]) -> None:
        """Ask after tasks, with their agents or "", until each answer has come. None: once, after all there are."""
        if tasks:
            self._reconciler.ask(tasks)
        else:
            self._reconciler.ask_all()
        self._set_alarm()

    def ask_again(self, task_id: str, agent_id: str) -> None:
        """What was heard was no answer."""
        self._reconciler.ask_again(task_id, agent_id, self.clock.monotonic())
        self._set_alarm()

    def ended(self, status: TaskStatus) -> None:
        """A task has ended."""
        self._pending.ended(status.task_id)
        if status.state.terminal:
            final = has_record(status) and status.state not in (TaskState.DROPPED, TaskState.ERROR)
            self._ends[status.task_id] = status.state, final
            _forget_oldest(self._ends)

    def acknowledge(self, status: TaskStatus) -> None:
        """The framework has this status; without a uuid there is nothing to acknowledge."""
        if status.uuid:
            if status.uuid in self._seen:
                self._seen[status.uuid] = True
            self.call(Acknowledge(self.info.id, status.agent_id, status.task_id, status.uuid))

    # Time.

    def _set_alarm(self) -> None:
        times = [
            time for time in (self._reconciler.next(), self.framework.next_deadline()) if time is not None
        ]
        if not times:
            return
        at = min(times)
        if self._alarm is not None and self._alarm_at <= at:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = at
        self._alarm = self.after(max(0.0, at - self.clock.monotonic()), self._rang)

    def _rang(self) -> None:
        self._alarm = None
        now = self.clock.monotonic()
        for tasks in self._reconciler.due(now, self.framework.launched_tasks()):
            if tasks is None:
                self.call(Reconcile(self.info.id))
            else:
                agents = {task: agent for task, agent in tasks.items() if agent}
                self.call(Reconcile(self.info.id, tuple(tasks), agents))
        self.framework.on_time(now)
        self._set_alarm()

    # Events.

    def _from_master(self, sender: UPID | None) -> bool:
        return sender is not None and sender == self.master and not self._tearing_down

    @handles(Offers)
    def offers(self, message: Offers, sender: UPID | None) -> None:
        """Resources."""
        if self._from_master(sender):
            self.view.agents.update(offer.agent_id for offer in message.offers)
            self.framework.on_offers(message.offers)

    @handles(Rescind)
    def rescind(self, message: Rescind, sender: UPID | None) -> None:
        """An offer is no longer valid."""
        if self._from_master(sender):
            self.framework.on_rescinded(message.offer_id)

    @handles(InverseOffers)
    def inverse_offers(self, message: InverseOffers, sender: UPID | None) -> None:
        """Machines are planned to be down."""
        if self._from_master(sender):
            self.framework.on_inverse_offers(message.inverse_offers)

    @handles(RescindInverseOffer)
    def rescind_inverse(self, message: RescindInverseOffer, sender: UPID | None) -> None:
        """An inverse offer is no longer valid."""
        if self._from_master(sender):
            self.framework.on_inverse_rescinded(message.inverse_offer_id)

    @handles(UpdateOperation)
    def update_operation(self, message: UpdateOperation, sender: UPID | None) -> None:
        """What became of an operation."""
        if self._from_master(sender):
            self.framework.on_operation(message)

    @handles(Update)
    def update(self, message: Update, sender: UPID | None) -> None:
        """A task's new state. What was acknowledged is acknowledged again, and not told again."""
        if not self._from_master(sender):
            return
        status = message.status
        if status.uuid:
            acknowledged = self._seen.get(status.uuid)
            if acknowledged:
                self.acknowledge(status)
                return
            if acknowledged is not None:
                self.framework.on_status_again(status)
                return
            self._seen[status.uuid] = False
            _forget_oldest(self._seen)
        asked = status.task_id in self._reconciler
        self._reconciler.answered(status.task_id)
        if self._is_after_the_end(status) or (self._is_the_end_again(status) and not asked):
            self.acknowledge(status)
            return
        if not status.state.terminal and has_record(status) and self._pending.heard(status.task_id):
            self.call(KillTask(self.info.id, status.task_id, self._pending.kills[status.task_id]))
        self.framework.on_status(status)
        if not self.framework.explicit_acknowledgements:
            self.acknowledge(status)
        self._set_alarm()

    def _is_after_the_end(self, status: TaskStatus) -> bool:
        """Whether it is another state than that in which the task ended, from one who has forgotten that.

        A task that was dropped, refused, or lost for a master without record of it, may run after all. But of one that
        was told to be lost, no other end is told.
        """
        end = self._ends.get(status.task_id)
        if end is None or end[0] is status.state:
            return False
        if status.state.terminal and end[0] in (TaskState.LOST, TaskState.GONE):
            return True
        return end[1] or (status.reason is Reason.RECONCILIATION and not has_record(status))

    def _is_the_end_again(self, status: TaskStatus) -> bool:
        """Whether it is the end that was told: by a master that was asked, say, before its agent's own word came.

        Who acknowledges himself needs that word, to acknowledge it.
        """
        return (
            self._ends.get(status.task_id) == (status.state, True)
            and not self.framework.explicit_acknowledgements
        )

    @handles(ExecutorToFramework)
    def executor_message(self, message: ExecutorToFramework, sender: UPID | None) -> None:
        """From an executor."""
        if self._from_master(sender):
            self.framework.on_message(message.agent_id, message.executor_id, message.data)

    @handles(FrameworkFailure)
    def failure(self, message: FrameworkFailure, sender: UPID | None) -> None:
        """An agent or an executor is gone."""
        if not self._from_master(sender):
            return
        if message.executor_id:
            self._pending.shutdowns.pop((message.agent_id, message.executor_id), None)
        else:
            self.view.agents.discard(message.agent_id)
        self.framework.on_failure(message)


def _forget_oldest(remembered: dict[str, Any]) -> None:
    if len(remembered) > REMEMBERED:
        del remembered[next(iter(remembered))]
