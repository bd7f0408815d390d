"""freezer: what is in a group stands still. A signal, SIGKILL too, has its effect when it goes on."""

from __future__ import annotations

from isolation.cgroups.part import Part

from .controllers import FreezerController, at

__all__ = ["FreezerPart"]


class FreezerPart(Part):
    """Stops containers, where v2 does not."""

    controller = "freezer"
    tells = ("freeze",)

    def freeze(self, directory: str) -> None:
        """Begin to stop what is in a group: it takes some milliseconds. OSError."""
        at(FreezerController, directory).state = "FROZEN"

    def thaw(self, directory: str) -> None:
        """Let it go on. OSError."""
        at(FreezerController, directory).state = "THAWED"

    def frozen(self, directory: str) -> bool:
        """Whether all of it stands still. OSError."""
        return bool(at(FreezerController, directory).state == "FROZEN")
