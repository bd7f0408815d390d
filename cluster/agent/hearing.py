"""What an agent hears of its master and its executors: checked for whom it is from, and given to the rules."""

from __future__ import annotations

import logging

from actors import UPID, handles
from cluster.messages import (
    ExecutorMessage,
    ExecutorShutdown,
    ExecutorStatusUpdate,
    FrameworkToExecutor,
    KillTask,
    RegisterExecutor,
    RunTask,
    RunTaskGroup,
    ShutdownExecutor,
    ShutdownFramework,
    StatusUpdateAcknowledgement,
)

from .registration import Registering

__all__ = ["Hearing"]

log = logging.getLogger("ostrom.agent")


class Hearing(Registering):
    """The part of the agent that obeys its master and listens to its executors."""

    # From the master.

    def _from_master(self, sender: UPID | None) -> bool:
        # Of one that leads, though it has not answered a registration yet: it knows what it sends to whom.
        if sender is not None and sender == self._leader:
            return True
        log.warning("dropped a message from %s, which is not this agent's master", sender)
        return False

    def _may_launch(self, sender: UPID | None) -> bool:
        # Who asks to be taken anew has named all that runs here. What was sent before that was answered, and comes
        # only now, the master may have given up already; else it will ask after it, and hear that it was lost.
        if not self._from_master(sender):
            return False
        if sender == self.master:
            return True
        log.warning("dropped a launch: this agent is about to register again")
        return False

    @handles(RunTask)
    def run_task(self, message: RunTask, sender: UPID | None) -> None:
        """Launch a task."""
        if self._may_launch(sender):
            self.state.run_task(message, self._now)
            self._done()

    @handles(RunTaskGroup)
    def run_group(self, message: RunTaskGroup, sender: UPID | None) -> None:
        """Launch tasks together."""
        if self._may_launch(sender):
            self.state.run_group(message, self._now)
            self._done()

    @handles(KillTask)
    def kill_task(self, message: KillTask, sender: UPID | None) -> None:
        """End a task."""
        if self._from_master(sender):
            self.state.kill_task(message, self._now)
            self._done()

    @handles(StatusUpdateAcknowledgement)
    def acknowledgement(self, message: StatusUpdateAcknowledgement, sender: UPID | None) -> None:
        """An update has arrived."""
        if self._from_master(sender):
            self.state.acknowledge(message.framework_id, message.task_id, message.uuid, self._now)
            self._done()

    @handles(ShutdownFramework)
    def shutdown_framework(self, message: ShutdownFramework, sender: UPID | None) -> None:
        """A framework has ended."""
        if self._from_master(sender):
            self.state.shutdown_framework(message.framework_id)
            self._done()

    @handles(ShutdownExecutor)
    def shutdown_executor(self, message: ShutdownExecutor, sender: UPID | None) -> None:
        """An executor is to end."""
        if self._from_master(sender):
            self.state.shutdown_executor(message.framework_id, message.executor_id)
            self._done()

    @handles(FrameworkToExecutor)
    def framework_message(self, message: FrameworkToExecutor, sender: UPID | None) -> None:
        """For an executor."""
        if self._from_master(sender):
            self.state.message_to_executor(message)
            self._done()

    # From executors.

    @handles(RegisterExecutor)
    def register_executor(self, message: RegisterExecutor, sender: UPID | None) -> None:
        """An executor introduces itself."""
        if sender is None:
            return
        known = self.tokens.match(message.container_id, message.token)
        if not known:
            log.warning("executor %r: its token is not the one that it was given", message.executor_id[:80])
        if not known or not self.state.executor_registered(sender, message, self._now):
            self.send(sender, ExecutorShutdown(0.0))
        self._done()

    @handles(ExecutorStatusUpdate)
    def executor_update(self, message: ExecutorStatusUpdate, sender: UPID | None) -> None:
        """A task's new state."""
        if sender is not None:
            self.state.executor_update(sender, message, self._now)
            self._done()

    @handles(ExecutorMessage)
    def executor_message(self, message: ExecutorMessage, sender: UPID | None) -> None:
        """For the framework."""
        if sender is not None:
            self.state.executor_message(sender, message)
            self._done()
