"""What a framework says to the master: answers to offers, operations, wishes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

from actors import Message
from cluster.messages import (
    Accept,
    AcceptInverseOffers,
    Decline,
    DeclineInverseOffers,
    ExecutorInfo,
    Filters,
    FrameworkInfo,
    FrameworkToExecutor,
    InverseOffer,
    Launch,
    LaunchGroup,
    Offer,
    Operation,
    OperationState,
    Reason,
    Reserve,
    Suppress,
    TaskInfo,
    TaskState,
    TaskStatus,
    Unreserve,
    UpdateOperation,
)
from cluster.resources import Resources

from .callbacks import Callbacks
from .introduction import Changes, changed

if TYPE_CHECKING:
    from .driver import SchedulerDriver

__all__ = ["Calls"]

Offered = Offer | Sequence[Offer]


class Calls(Callbacks):
    """The calls. Accepts and declines while there is no master are dropped, as their offers are void."""

    _info: FrameworkInfo
    _driver: SchedulerDriver | None
    _held: dict[str, Offer]
    _executors: set[tuple[str, str]]
    _suppressed: set[str]
    _by_hand: dict[str, str]
    """The agents of tasks that were launched without being submitted, until they have ended."""
    _prefix: str
    _made = 0

    @property
    def id(self) -> str:
        """The framework's id; empty until registered."""
        return self.info.id

    @property
    def info(self) -> FrameworkInfo:
        """How the framework introduces itself."""
        return self._info if self._driver is None else self._driver.info

    @property
    def connected(self) -> bool:
        """Whether there is a master now."""
        return self._driver is not None and self._driver.master is not None

    # Offers.

    def accept(
        self, offers: Offered, operations: Iterable[Operation], *, refuse_seconds: float | None = None
    ) -> None:
        """Use one offer, or several of one agent and role; what the operations leave is declined.

        They are done in order, each with what those before it have left or made: a task can use what was reserved
        just before it.
        """
        offers = [offers] if isinstance(offers, Offer) else list(offers)
        operations = tuple(operations)
        for offer in offers:
            self._held.pop(offer.id, None)
        tasks = [task for each in operations if isinstance(each, Launch | LaunchGroup) for task in each.tasks]
        executors = {
            (offers[0].agent_id, task.executor.executor_id) for task in tasks if task.executor is not None
        }
        message = Accept(self.id, tuple(offer.id for offer in offers), operations, _filters(refuse_seconds))
        if self._call(message) and self._driver is not None:
            self._executors |= executors
            self._driver.launched([task.task_id for task in tasks], executors)
            by_hand = {task.task_id: offers[0].agent_id for task in tasks if not self._is_submitted(task)}
            self._by_hand.update(by_hand)
        elif self._driver is not None:
            self._not_sent(operations, tasks)

    def _not_sent(self, operations: Sequence[Operation], tasks: Sequence[TaskInfo]) -> None:
        text = "there is no master"
        for task in tasks:
            self.on_status(
                TaskStatus(task.task_id, TaskState.DROPPED, reason=Reason.MASTER_DISCONNECTED, message=text)
            )
        for operation in operations:
            if operation.id:
                self.on_operation(UpdateOperation(operation.id, OperationState.DROPPED, text))

    def launch(
        self, offers: Offered, tasks: Iterable[TaskInfo], *, refuse_seconds: float | None = None
    ) -> None:
        """Launch tasks on one offer, or several of one agent; what they leave is declined."""
        self.accept(offers, (Launch(tuple(tasks)),), refuse_seconds=refuse_seconds)

    def launch_group(
        self,
        offers: Offered,
        tasks: Iterable[TaskInfo],
        executor: ExecutorInfo | None = None,
        *,
        refuse_seconds: float | None = None,
    ) -> None:
        """Launch tasks together: all or none, and when one fails or is killed the others are killed.

        `executor` is one without a command, that runs nowhere yet; by default one of their own.
        """
        operation = LaunchGroup(executor or self._group_executor(), tuple(tasks))
        self.accept(offers, (operation,), refuse_seconds=refuse_seconds)

    def reserve(
        self,
        offers: Offered,
        resources: Resources | str,
        role: str = "",
        *,
        refuse_seconds: float | None = None,
    ) -> str:
        """Reserve resources of an offer for a role, by default the offer's; return the id that `operation` will name.

        What is reserved is declined with the rest, to come back in an offer: at once with `refuse_seconds=0`.
        """
        operation = Reserve(_resources(resources), role or _role(offers), self._new_id("operation"))
        self.accept(offers, (operation,), refuse_seconds=refuse_seconds)
        return operation.id

    def unreserve(
        self,
        offers: Offered,
        resources: Resources | str,
        role: str = "",
        *,
        refuse_seconds: float | None = None,
    ) -> str:
        """End the reservation of resources of an offer; as `reserve`."""
        operation = Unreserve(_resources(resources), role or _role(offers), self._new_id("operation"))
        self.accept(offers, (operation,), refuse_seconds=refuse_seconds)
        return operation.id

    def decline(self, *offers: Offer, refuse_seconds: float | None = None) -> None:
        """Decline offers; they are not made again for `refuse_seconds` (default 5)."""
        for offer in offers:
            self._held.pop(offer.id, None)
        if offers:
            self._call(Decline(self.id, tuple(offer.id for offer in offers), _filters(refuse_seconds)))

    def hold(self, *offers: Offer) -> None:
        """Keep offers beyond the return of `offers`: to be used or declined later, or rescinded."""
        for offer in offers:
            self._held.pop(offer.id, None)

    def accept_inverse(self, *inverse_offers: InverseOffer) -> None:
        """Say that the framework will be gone from those agents by then."""
        self._call(AcceptInverseOffers(self.id, tuple(each.id for each in inverse_offers)))

    def decline_inverse(self, *inverse_offers: InverseOffer) -> None:
        """Say that it cannot leave."""
        self._call(DeclineInverseOffers(self.id, tuple(each.id for each in inverse_offers)))

    # Wishes.

    def suppress(self, *roles: str) -> None:
        """No offers (for these roles) until `revive`."""
        self._suppressed |= set(roles or self.info.roles)
        self._call(Suppress(self.id, roles))

    def revive(self, *roles: str) -> None:
        """Offers again, also of what was declined."""
        self._suppressed -= set(roles or self.info.roles)
        if self._driver is not None:
            self._driver.revive(roles)

    def update(self, **changes: Unpack[Changes]) -> None:
        """Be another framework from now on, with the same id and tasks: other roles, say, or another `min_offer`.

        What is not named stays. Offers to roles that were left are rescinded; a framework that wants no offers wants
        none to new roles either. ValueError for what cannot be; what the master will not have it tells by `operation`.
        """
        before = self.info
        info = changed(before, changes)
        idle = self._suppressed >= set(before.roles)
        self._suppressed &= set(info.roles)
        if idle:
            self._suppressed |= set(info.roles)
        self._info = info
        if self._driver is not None:
            self._driver.introduce(info)

    def reconcile(self, *task_ids: str, agent_ids: Mapping[str, str] | None = None) -> None:
        """Ask for the latest state of these tasks, of all if none is named; they come to `status`.

        Tasks that are named are asked for until each answer has come: a new master answers when the agents are back.
        `agent_ids` says where they were, as far as you know: then the answer says more.
        """
        if self._driver is not None:
            known = {task_id: self.agent_of(task_id) for task_id in task_ids}
            self._driver.reconcile({**known, **(agent_ids or {})})

    def send_message(self, agent_id: str, executor_id: str, data: bytes) -> None:
        """Send to an executor: at most once, no promise that it arrives."""
        self._call(FrameworkToExecutor(self.id, agent_id, executor_id, data))

    def shutdown_executor(self, agent_id: str, executor_id: str) -> None:
        """End an executor and its tasks; as soon as there is a master."""
        if self._driver is not None:
            self._driver.shutdown_executor(agent_id, executor_id)

    def acknowledge(self, status: TaskStatus) -> None:
        """With `explicit_acknowledgements`: this status is safe here."""
        if self._driver is not None:
            self._driver.acknowledge(status)

    def _call(self, message: Message) -> bool:
        return self._driver is not None and self._driver.call(message)

    def _new_id(self, kind: str) -> str:
        self._made += 1
        return f"{kind}-{self._prefix}-{self._made}"

    def _group_executor(self) -> ExecutorInfo:
        return ExecutorInfo(self._new_id("group"))

    def _is_submitted(self, task: TaskInfo) -> bool:
        raise NotImplementedError

    # From the driver, and from here: see `Framework`.

    def agent_of(self, task_id: str) -> str:
        """Where a task was launched, while it has not ended; "" if that is not known."""
        raise NotImplementedError

    def on_status(self, status: TaskStatus) -> None:
        """A task has a new state."""
        raise NotImplementedError

    def on_operation(self, update: UpdateOperation) -> None:
        """What became of an operation."""
        raise NotImplementedError


def _filters(refuse_seconds: float | None) -> Filters:
    return Filters() if refuse_seconds is None else Filters(refuse_seconds)


def _resources(given: Resources | str) -> Resources:
    return given if isinstance(given, Resources) else Resources.parse(given)


def _role(offers: Offered) -> str:
    return offers.role if isinstance(offers, Offer) else offers[0].role
