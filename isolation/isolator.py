"""What an isolator is: one kind of limit, put on a container before it starts, and watched until its end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from .limits import Limitation, Limits
from .setup import Setup
from .spec import ContainerSpec
from .usage import Usage

__all__ = ["Isolator", "Plain", "Report", "Running"]

Report = Callable[[Limitation], None]


class Running(Protocol):
    """What an isolator may ask of a container that runs."""

    @property
    def id(self) -> str:
        """The spec's."""

    @property
    def keeper_pid(self) -> int:
        """The process above all of the container's own; 0 when nothing runs."""


class Isolator(Protocol):
    """One kind of limit, and the usage that it can tell. Isolators compose: a launcher asks each in turn.

    The life of a container: `prepare`, the command is started, `watch`; `update` and `usage` at any time; perhaps
    `kill`; and, when nothing of it runs, `end`, once, also of one that was never started. For containers of an earlier
    launcher `recover` takes the place of `prepare`.
    """

    name: str

    def support(self) -> Mapping[str, str | None]:
        """What it can do here, by name; why not, for what it cannot: for people, at an agent's start."""

    def prepare(self, spec: ContainerSpec, setup: Setup) -> Setup:
        """Make ready for a container; return the setup with this isolator's part added.

        ValueError, naming the field, for what it cannot do; OSError if the system refuses. Then nothing of it is left.
        """

    def watch(self, container: Running, spec: ContainerSpec | None, report: Report) -> None:
        """Report limits that it hits from now on: it is ended for the first.

        `spec` is None for one that was found again, of which nobody said what it was to be held to.
        """

    def update(self, container: Running, limits: Limits) -> None:
        """Hold it to other limits. ValueError, OSError; then the old ones are in force."""

    def usage(self, container: Running, known: Usage) -> Usage:
        """Return what the container uses; `known` is what the isolators before this one know."""

    def kill(self, container: Running) -> None:
        """Kill what is in it, as far as this isolator can at once: its shim does so too, and makes sure."""

    def end(self, container: Running, known: Usage) -> tuple[Usage, Limitation | None]:
        """Nothing of it runs any more: clean up; return what it used in all, and the limit that it hit, if known."""

    def recover(self, ids: Collection[str]) -> None:
        """Take over containers that an earlier launcher has left, and clean up what is left of all others."""

    def close(self) -> None:
        """Nothing runs any more, or what runs is left to another launcher."""


class Plain:
    """An isolator that does nothing: a beginning for those that do little."""

    name = "plain"

    def support(self) -> Mapping[str, str | None]:
        """Nothing."""
        return {}

    def prepare(self, spec: ContainerSpec, setup: Setup) -> Setup:
        """Add nothing."""
        return setup

    def watch(self, container: Running, spec: ContainerSpec | None, report: Report) -> None:
        """Look at nothing."""

    def update(self, container: Running, limits: Limits) -> None:
        """Hold it to nothing."""

    def usage(self, container: Running, known: Usage) -> Usage:
        """Know nothing more."""
        return known

    def kill(self, container: Running) -> None:
        """Leave it to the shim."""

    def end(self, container: Running, known: Usage) -> tuple[Usage, Limitation | None]:
        """Know nothing more."""
        return known, None

    def recover(self, ids: Collection[str]) -> None:
        """Nothing is left."""

    def close(self) -> None:
        """Nothing to let go of."""
