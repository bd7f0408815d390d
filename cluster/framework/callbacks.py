"""What a framework may override: coroutines, called back for what happens."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.messages import InverseOffer, Offer, TaskStatus, UpdateOperation

__all__ = ["Callbacks"]


class Callbacks:
    """What a subclass may override. By default nothing happens, but for `offers`: see `Framework`."""

    explicit_acknowledgements = False
    """Set it to acknowledge statuses yourself, when they are safe: until then they are told again and again."""

    async def registered(self) -> None:
        """The framework has its id: the place for its main work. Once in the life of this object."""

    async def reregistered(self) -> None:
        """A master has taken the framework again, after a lost connection or a new election."""

    async def disconnected(self) -> None:
        """There is no master now; tasks run on. Offers are void."""

    async def offers(self, offers: Sequence[Offer]) -> None:
        """Resources are offered. By default tasks that were submitted are matched to them."""

    async def rescinded(self, offer_id: str) -> None:
        """An offer is no longer valid."""

    async def inverse_offers(self, inverse_offers: Sequence[InverseOffer]) -> None:
        """Agents on which this framework runs something are planned to be down.

        It may move its tasks, or not; `accept_inverse` and `decline_inverse` tell operators which.
        """

    async def inverse_rescinded(self, inverse_offer_id: str) -> None:
        """That plan has been dropped."""

    async def operation(self, update: UpdateOperation) -> None:
        """What became of an operation that had an id; of any that failed. Also why an `update` was not taken."""

    async def status(self, status: TaskStatus) -> None:
        """A task has a new state; or, after reconciliation, still has it.

        Not told of submitted tasks: what the library sees to, as when one waits again since it never ran.
        """

    async def message(self, agent_id: str, executor_id: str, data: bytes) -> None:
        """An executor has sent something."""

    async def agent_lost(self, agent_id: str, text: str) -> None:
        """An agent is gone. The end of each of its tasks is told by `status`."""

    async def executor_lost(self, agent_id: str, executor_id: str, text: str) -> None:
        """An executor has ended."""
