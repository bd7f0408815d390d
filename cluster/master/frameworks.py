"""Frameworks at the master: subscribe, fail over, end, suppress, revive."""

from __future__ import annotations

import logging

import msgspec

from actors import UPID
from allocators.errors import AllocatorError
from cluster.messages import (
    FrameworkInfo,
    FrameworkRefused,
    OperationState,
    Reason,
    Refusal,
    Revive,
    ShutdownFramework,
    Subscribe,
    Subscribed,
    Suppress,
    TaskState,
    UpdateFramework,
    UpdateOperation,
)

from .framework_settings import offer_settings
from .ledger import Ledger
from .records import Completed, FrameworkRecord
from .validation import framework_problem, update_problem

__all__ = ["FrameworkRules"]

log = logging.getLogger("ostrom.master")


class FrameworkRules(Ledger):
    """What follows from what frameworks do."""

    def subscribe(self, sender: UPID, message: Subscribe, now: float) -> None:
        """Take a framework: a new one, one that fails over, one of this or the former master's."""
        info = message.framework
        if problem := framework_problem(info):
            self.send(sender, FrameworkRefused(problem))
            return
        if not info.id:
            # The answer to a first subscription was lost, or is on its way.
            known = self._by_upid.get(sender)
            info = msgspec.structs.replace(info, id=known or self.new_id("F"))
        elif self.has_ended(info.id):
            self.send(sender, FrameworkRefused(f"framework {info.id} has ended", Refusal.ENDED))
            return
        if self._by_upid.get(sender, info.id) != info.id:
            # Another scheduler is there now: what is for the one before is not for it.
            before = self.frameworks.get(self._by_upid[sender])
            self.framework_exited(sender, now)
            self._by_upid.pop(sender, None)
            if before is not None:
                before.upid = None
        framework = self.frameworks.get(info.id)
        again = framework is not None and framework.upid == sender and framework.connected
        if framework is not None and again and framework.info == info:
            self.send(sender, Subscribed(info.id, self.master_id, message.attempt))
            return
        suppressed = set(message.suppressed_roles) & set(info.roles)
        try:
            self.allocator.set_framework(info.id, info.roles, **offer_settings(info, suppressed, active=True))
        except AllocatorError as error:
            self.send(sender, FrameworkRefused(str(error)))
            return
        first = framework is None or framework.recovered
        tell_watchers = self.framework_added if framework is None else self.framework_updated
        if framework is None:
            framework = self.frameworks[info.id] = FrameworkRecord(info, None)
        elif framework.upid is not None and framework.upid != sender:
            text = "another scheduler has subscribed as this framework"
            self.tell(framework, FrameworkRefused(text, Refusal.FAILED_OVER))
            self._by_upid.pop(framework.upid, None)
        self._take_info(framework, info)
        self.rescind_all(framework)
        framework.upid = sender
        framework.connected = True
        framework.recovered = False
        if first:
            framework.registered_at = now
        framework.subscribed_at = now
        framework.failover_deadline = None
        framework.suppressed = suppressed
        self._by_upid[sender] = info.id
        tell_watchers(framework)
        log.info("framework %s (%s) subscribed from %s", info.id, info.name, sender)
        self.send(sender, Subscribed(info.id, self.master_id, message.attempt))

    def has_ended(self, framework_id: str) -> bool:
        """Whether that is the id of a framework that has ended. One that was never heard of may choose its own."""
        return framework_id in self.registry.ended

    def update_framework(self, framework: FrameworkRecord, message: UpdateFramework) -> str | None:
        """Take what a framework says of itself now; its id, user and principal stay.

        Returns:
            What is wrong with it, which the framework is told, too.
        """
        info = message.framework
        suppressed = set(message.suppressed_roles) & set(info.roles)
        problem = update_problem(framework.info, info)
        if problem is None:
            try:
                self.allocator.set_framework(
                    info.id, info.roles, **offer_settings(info, suppressed, active=True)
                )
            except AllocatorError as error:
                problem = str(error)
        if problem is not None:
            log.warning("framework %s: update refused: %s", framework.id, problem)
            self.tell(framework, UpdateOperation("", OperationState.ERROR, problem))
            return problem
        for offer in list(framework.offers.values()):
            if offer.role not in info.roles:
                self.rescind(offer, None, 0.0)
        framework.suppressed = suppressed
        self._take_info(framework, info)
        self.framework_updated(framework)
        return None

    def _take_info(self, framework: FrameworkRecord, info: FrameworkInfo) -> None:
        gone = set(framework.info.roles) - set(info.roles)
        if gone and any(task.role in gone for task in framework.tasks.values()):
            # Its tasks keep their charge: the role goes when they have ended.
            log.info("framework %s leaves roles %s with tasks running", info.id, ", ".join(sorted(gone)))
        framework.info = info
        if self.registry.frameworks.get(info.id) != info:
            self.record("frameworks", info.id, info)

    def framework_exited(self, upid: UPID, now: float) -> None:
        """A scheduler is gone: its offers return; its tasks live on for its failover timeout."""
        framework = self.frameworks.get(self._by_upid.get(upid, ""))
        if framework is None or framework.upid != upid or not framework.connected:
            return
        framework.connected = False
        self.rescind_all(framework)
        self._set_inactive(framework)
        framework.failover_deadline = now + framework.info.failover_timeout
        self.framework_updated(framework)
        log.info(
            "framework %s (%s) disconnected, it has %g s to return",
            framework.id,
            framework.info.name,
            framework.info.failover_timeout,
        )
        self.end_overdue(now)

    def framework_at(self, upid: UPID) -> str:
        """The id of the framework, or the agent, at that address; empty if there is none."""
        return self._by_upid.get(upid, "")

    def _set_inactive(self, framework: FrameworkRecord) -> None:
        settings = offer_settings(framework.info, framework.suppressed, active=False)
        self.allocator.set_framework(framework.id, framework.info.roles, **settings)

    def end_overdue(self, now: float) -> None:
        """End frameworks that did not return in time."""
        for framework in list(self.frameworks.values()):
            if framework.failover_deadline is not None and framework.failover_deadline <= now:
                self.teardown(framework.id, now, "its scheduler did not return")

    def teardown(self, framework_id: str, now: float, reason: str = "torn down") -> bool:
        """End a framework and its tasks everywhere. False if there is none.

        Agents that are not connected are told when they return: it is on record no more.
        """
        framework = self.frameworks.get(framework_id)
        if framework is None:
            return False
        log.info("framework %s (%s) ends: %s", framework_id, framework.info.name, reason)
        self.forget(framework_id, "frameworks")
        self.record("ended", framework_id, now)
        self.rescind_all(framework)
        for agent in self.agents.values():
            mine = [e for key, e in agent.executors.items() if key[0] == framework_id]
            if mine or any(key[0] == framework_id for key in agent.tasks):
                self.send(agent.upid, ShutdownFramework(framework_id))
            for executor in mine:
                self.remove_executor(agent, executor)
        for task in list(framework.task_ids.values()):
            if not task.state.terminal:
                status = self.master_status(task, TaskState.KILLED, Reason.FRAMEWORK_REMOVED, reason, now)
                self.set_status(task, status)
            self.release_task(task)
            self.forget_task(task)
        self.allocator.remove_framework(framework_id)
        del self.frameworks[framework_id]
        if framework.upid is not None and self._by_upid.get(framework.upid) == framework_id:
            del self._by_upid[framework.upid]
        self.completed_frameworks.append(
            Completed(framework.info, reason, now, framework.registered_at, framework.subscribed_at)
        )
        self.framework_removed(framework)
        return True

    def framework_of(self, sender: UPID | None, framework_id: str) -> FrameworkRecord | None:
        """The framework with this id, if the sender is its subscribed scheduler."""
        framework = self.frameworks.get(framework_id)
        if framework is None or sender is None or framework.upid != sender or not framework.connected:
            self.count("dropped_calls")
            # What a scheduler sends in the moment of its teardown is no fault of it.
            level = logging.WARNING if framework is not None else logging.DEBUG
            log.log(level, "dropped a call for framework %s from %s: not its scheduler", framework_id, sender)
            return None
        return framework

    def suppress(self, framework: FrameworkRecord, message: Suppress) -> None:
        """No offers for these roles until revived."""
        roles = set(message.roles or framework.info.roles) & set(framework.info.roles)
        framework.suppressed |= roles
        self.allocator.suppress(framework.id, sorted(roles))

    def revive(self, framework: FrameworkRecord, message: Revive) -> None:
        """Offers again for these roles, all filters forgotten."""
        roles = set(message.roles or framework.info.roles) & set(framework.info.roles)
        framework.suppressed -= roles
        self.allocator.revive(framework.id, sorted(roles))

    def expect_framework(self, info: FrameworkInfo, now: float) -> None:
        """A framework whose scheduler has not come to this master yet: it is waited for."""
        grace = max(info.failover_timeout, self.options.framework_grace)
        framework = FrameworkRecord(info, None, recovered=True, failover_deadline=now + grace)
        self.frameworks[info.id] = framework
        self.framework_added(framework)
        self._set_inactive(framework)
