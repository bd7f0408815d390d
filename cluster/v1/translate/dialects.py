"""How a framework is to be spoken to: what of its introduction the translation must remember."""

from __future__ import annotations

from msgspec import Struct

from cluster.v1.types import FrameworkInfo

__all__ = ["Dialect"]

Type = FrameworkInfo.Capability.Type


class Dialect(Struct, frozen=True):
    """What a framework can read, and who it is.

    With `multi_role` it is told for which role it is offered what; with `refinement` reservations are written in the
    newer format. `user` is what its tasks may name. Without `partition_aware` a task that was dropped is TASK_LOST.
    """

    framework_id: str = ""
    user: str = ""
    multi_role: bool = False
    refinement: bool = False
    partition_aware: bool = False

    @classmethod
    def of(cls, info: FrameworkInfo, framework_id: str = "") -> Dialect:
        """The dialect of a framework that introduces itself so. Its id is known when it is subscribed."""
        capabilities = {each.type for each in info.capabilities}
        return cls(
            framework_id or (info.id.value if info.id is not None else ""),
            info.user,
            Type.MULTI_ROLE in capabilities,
            Type.RESERVATION_REFINEMENT in capabilities,
            Type.PARTITION_AWARE in capabilities,
        )
