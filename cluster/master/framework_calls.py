"""The messages of schedulers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from actors import UPID, handles
from cluster.messages import (
    Accept,
    AcceptInverseOffers,
    Acknowledge,
    Decline,
    DeclineInverseOffers,
    FrameworkRefused,
    FrameworkToExecutor,
    KillTask,
    Reconcile,
    Revive,
    ShutdownExecutor,
    Subscribe,
    Suppress,
    Teardown,
    UpdateFramework,
)

from .rate_limits import Turn
from .records import FrameworkRecord
from .shell import MasterShell

__all__ = ["FrameworkCalls"]

_NOT_SUBSCRIBED = "the framework is not subscribed"


class FrameworkCalls(MasterShell):
    """What schedulers send, in their order, and no faster than their principal may."""

    def _in_turn(self, sender: UPID, principal: str, act: Callable[[], object]) -> bool:
        """Do what a message wants when its turn has come. False if it never will: too many wait."""
        turn = self._limits.arrive(principal, act, self._now)
        if turn is Turn.NOW:
            act()
        elif turn is Turn.LATER:
            self._await_turn()
            return True
        else:
            capacity = self.options.rate_limits[principal].capacity
            text = f"principal {principal!r}: more than {capacity} messages wait"
            self.state.send(sender, FrameworkRefused(text))
            self.state.framework_exited(sender, self._now)
        self._done()
        return turn is Turn.NOW

    def _await_turn(self) -> None:
        due = self._limits.next_due()
        if due is not None and self._turn is None:
            self._turn = self.after(max(0.0, due - self._now), self._take_turns)

    def _take_turns(self) -> None:
        self._turn = None
        for act in self._limits.due(self._now):
            act()
        self._await_turn()
        self._done()

    def _with_framework(
        self, sender: UPID | None, framework_id: str, act: Callable[[FrameworkRecord], object]
    ) -> None:
        framework = self.state.framework_of(sender, framework_id)
        if framework is None or sender is None:
            return

        def act_then() -> None:
            # What it was may have changed while the message waited.
            still = self.state.framework_of(sender, framework_id)
            if still is not None:
                act(still)

        if self.options.rate_limits:
            self._in_turn(sender, framework.info.principal, act_then)
        else:
            act(framework)
            self._done()

    def framework_gone(self, upid: UPID) -> None:
        """A scheduler is gone, or its connection is: known when what it sent before has had its turn."""
        framework = self.state.frameworks.get(self.state.framework_at(upid))
        principal = framework.info.principal if framework is not None else ""
        if not self._limits.follow(principal, lambda: self.state.framework_exited(upid, self._now)):
            self.state.framework_exited(upid, self._now)

    @handles(Subscribe)
    def subscribe(self, message: Subscribe, sender: UPID | None) -> None:
        """A scheduler introduces itself."""
        if sender is None:
            return

        def act() -> None:
            self.state.subscribe(sender, message, self._now)
            self.link(sender)

        self._in_turn(sender, message.framework.principal, act)

    @handles(UpdateFramework)
    def update_framework(self, message: UpdateFramework, sender: UPID | None) -> None:
        """A scheduler introduces itself anew."""
        self._with_framework(sender, message.framework.id, lambda f: self.state.update_framework(f, message))

    def introduce(self, sender: UPID, message: UpdateFramework) -> asyncio.Future[str | None]:
        """Take what the scheduler at `sender` says of itself now, in a turn of this actor.

        Returns:
            When it had its turn: what is wrong with it, or None.
        """
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        framework = self.state.framework_of(sender, message.framework.id)

        def act() -> None:
            still = self.state.framework_of(sender, message.framework.id)
            problem = _NOT_SUBSCRIBED if still is None else self.state.update_framework(still, message)
            if not answer.done():
                answer.set_result(problem)

        if framework is None or not self._in_turn(sender, framework.info.principal, act):
            answer.set_result(_NOT_SUBSCRIBED)
        return answer

    @handles(Teardown)
    def teardown(self, message: Teardown, sender: UPID | None) -> None:
        """A framework ends."""
        self._with_framework(
            sender,
            message.framework_id,
            lambda f: self.state.teardown(f.id, self._now, "torn down by itself"),
        )

    @handles(Accept)
    def accept(self, message: Accept, sender: UPID | None) -> None:
        """Offers are used."""
        self._with_framework(sender, message.framework_id, lambda f: self.state.accept(f, message, self._now))

    @handles(Decline)
    def decline(self, message: Decline, sender: UPID | None) -> None:
        """Offers are not wanted."""
        self._with_framework(
            sender, message.framework_id, lambda f: self.state.decline(f, message, self._now)
        )

    @handles(AcceptInverseOffers, DeclineInverseOffers)
    def answer_inverse_offers(
        self, message: AcceptInverseOffers | DeclineInverseOffers, sender: UPID | None
    ) -> None:
        """A framework leaves machines that are planned to be down, or cannot."""
        answer = "ACCEPT" if isinstance(message, AcceptInverseOffers) else "DECLINE"
        self._with_framework(
            sender,
            message.framework_id,
            lambda f: self.state.answer_inverse(f, message.inverse_offer_ids, answer, self._now),
        )

    @handles(Revive)
    def revive(self, message: Revive, sender: UPID | None) -> None:
        """Offers are wanted again."""
        self._with_framework(sender, message.framework_id, lambda f: self.state.revive(f, message))

    @handles(Suppress)
    def suppress(self, message: Suppress, sender: UPID | None) -> None:
        """No offers are wanted."""
        self._with_framework(sender, message.framework_id, lambda f: self.state.suppress(f, message))

    @handles(KillTask)
    def kill(self, message: KillTask, sender: UPID | None) -> None:
        """A task is to end."""
        self._with_framework(sender, message.framework_id, lambda f: self.state.kill(f, message, self._now))

    @handles(Acknowledge)
    def acknowledge(self, message: Acknowledge, sender: UPID | None) -> None:
        """A status was received."""
        self._with_framework(sender, message.framework_id, lambda f: self.state.acknowledge(f, message))

    @handles(Reconcile)
    def reconcile(self, message: Reconcile, sender: UPID | None) -> None:
        """A framework compares notes."""
        self._with_framework(
            sender, message.framework_id, lambda f: self.state.reconcile(f, message, self._now)
        )

    @handles(FrameworkToExecutor, ShutdownExecutor)
    def to_executor(self, message: FrameworkToExecutor | ShutdownExecutor, sender: UPID | None) -> None:
        """For an executor."""
        self._with_framework(sender, message.framework_id, lambda _: self.state.message_to_executor(message))
