"""Frameworks at the master: subscribe, fail over, end, suppress, revive."""

from __future__ import annotations

import logging

import msgspec

from actors import UPID
from cluster.messages import (
    FrameworkInfo,
    FrameworkRefused,
    Reason,
    Revive,
    ShutdownFramework,
    Subscribe,
    Subscribed,
    Suppress,
    TaskState,
)

from .ledger import Ledger
from .records import Completed, FrameworkRecord
from .validation import framework_problem

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
        if any(done.info.id == info.id for done in self.completed_frameworks):
            self.send(sender, FrameworkRefused(f"framework {info.id} has ended"))
            return
        framework = self.frameworks.get(info.id)
        if framework is None:
            framework = self.frameworks[info.id] = FrameworkRecord(info, None)
        elif framework.upid == sender and framework.connected and framework.info == info:
            self.send(sender, Subscribed(info.id, self.master_id))
            return
        elif framework.upid is not None and framework.upid != sender:
            if framework.connected:
                text = "another scheduler has subscribed as this framework"
                self.send(framework.upid, FrameworkRefused(text))
            self._by_upid.pop(framework.upid, None)
        gone = set(framework.info.roles) - set(info.roles)
        if gone and any(task.role in gone for task in framework.tasks.values()):
            # Its tasks keep their charge: the role goes when they have ended.
            log.info("framework %s leaves roles %s with tasks running", info.id, ", ".join(sorted(gone)))
        self.rescind_all(framework)
        framework.info = info
        framework.upid = sender
        framework.connected = True
        framework.subscribed_at = now
        framework.failover_deadline = None
        framework.suppressed = set(message.suppressed_roles) & set(info.roles)
        self._by_upid[sender] = info.id
        self.allocator.set_framework(
            info.id, info.roles, suppressed=sorted(framework.suppressed), active=True
        )
        log.info("framework %s (%s) subscribed from %s", info.id, info.name, sender)
        self.send(sender, Subscribed(info.id, self.master_id))

    def framework_exited(self, upid: UPID, now: float) -> None:
        """A scheduler is gone: its offers return; its tasks live on for its failover timeout."""
        framework = self.frameworks.get(self._by_upid.get(upid, ""))
        if framework is None or framework.upid != upid:
            return
        framework.connected = False
        self.rescind_all(framework)
        self.allocator.set_framework(
            framework.id, framework.info.roles, suppressed=sorted(framework.suppressed), active=False
        )
        framework.failover_deadline = now + framework.info.failover_timeout
        log.info(
            "framework %s (%s) disconnected, it has %g s to return",
            framework.id,
            framework.info.name,
            framework.info.failover_timeout,
        )
        self.end_overdue(now)

    def end_overdue(self, now: float) -> None:
        """End frameworks that did not return in time."""
        for framework in list(self.frameworks.values()):
            if framework.failover_deadline is not None and framework.failover_deadline <= now:
                self.teardown(framework.id, now, "its scheduler did not return")

    def teardown(self, framework_id: str, now: float, reason: str = "torn down") -> bool:
        """End a framework and its tasks everywhere. False if there is none."""
        framework = self.frameworks.get(framework_id)
        if framework is None:
            return False
        log.info("framework %s (%s) ends: %s", framework_id, framework.info.name, reason)
        self.rescind_all(framework)
        for agent in self.agents.values():
            mine = [e for key, e in agent.executors.items() if key[0] == framework_id]
            if mine or any(key[0] == framework_id for key in agent.tasks):
                self.send(agent.upid, ShutdownFramework(framework_id))
            for executor in mine:
                self.remove_executor(agent, executor)
        for task in list(framework.tasks.values()):
            if not task.state.terminal:
                task.status = self.master_status(
                    task, TaskState.KILLED, Reason.FRAMEWORK_REMOVED, reason, now
                )
            self.release_task(task)
            self.forget_task(task)
        self.allocator.remove_framework(framework_id)
        del self.frameworks[framework_id]
        if framework.upid is not None:
            self._by_upid.pop(framework.upid, None)
        self.completed_frameworks.append(Completed(framework.info, reason, now))
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
        """A framework that an agent runs tasks of, but whose scheduler has not come to this master yet."""
        if info.id in self.frameworks or any(c.info.id == info.id for c in self.completed_frameworks):
            return
        record = FrameworkRecord(info, None, failover_deadline=now + max(info.failover_timeout, 60.0))
        self.frameworks[info.id] = record
        self.allocator.set_framework(info.id, info.roles, active=False)
