"""The master as an actor: receives, asks the rules, sends what they say."""

from __future__ import annotations

from actors import UPID, Message

from .agent_calls import AgentCalls
from .framework_calls import FrameworkCalls
from .operator_calls import OperatorCalls

__all__ = ["Master"]


class Master(FrameworkCalls, AgentCalls, OperatorCalls):
    """The master: offers the agents' resources to frameworks and carries their messages.

    `registry` is what it must not forget (default: nothing outlives the process); `allocator` decides who is
    offered what (default: weighted DRF), by its name (see `allocators.plugins`) or itself; `weights` and `roles`
    (quotas and priorities) are set at start in place of the registry's, and kept there. ValueError for an allocator
    that there is not, and for quotas that cannot be. `leads` says whether this master still does (default: always).
    """

    def exited(self, upid: UPID, reason: str) -> None:
        """A scheduler or an agent is gone, or its connection is."""
        self.framework_gone(upid)
        self.agent_gone(upid, reason)
        self._done()

    def unhandled(self, message: Message, sender: UPID | None) -> None:
        """What a master does not know is counted, nothing more."""
        self.system.dead_letter(self.upid, message, sender, "no handler")
