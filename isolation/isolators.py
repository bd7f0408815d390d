"""Several isolators as one: asked in turn, and undone in the other order."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from .isolator import Isolator, Report, Running
from .limits import Limitation, Limits
from .setup import Setup
from .spec import ContainerSpec
from .usage import Usage

__all__ = ["Isolators"]

log = logging.getLogger("ostrom.isolation")


class Isolators:
    """The isolators of a launcher."""

    def __init__(self, isolators: Sequence[Isolator]) -> None:
        self._isolators = tuple(isolators)

    def support(self) -> dict[tuple[str, str], str | None]:
        """What each can do here, by its name and that of the thing; why not, for what it cannot."""
        return {
            (isolator.name, name): reason
            for isolator in self._isolators
            for name, reason in isolator.support().items()
        }

    def prepare(self, spec: ContainerSpec) -> Setup:
        """Make ready for a container. ValueError or OSError; then nothing of it is left.

        ValueError also for a limit that none of them can hold it to.
        """
        self._check(spec.limits)
        setup = Setup(rlimits=spec.rlimits, user=spec.user)
        ready: list[Isolator] = []
        try:
            for isolator in self._isolators:
                setup = isolator.prepare(spec, setup)
                ready.append(isolator)
        except (ValueError, OSError):
            for isolator in reversed(ready):
                isolator.end(_Unborn(spec.id), Usage())
            raise
        return setup

    def _check(self, limits: Limits) -> None:
        asked = limits.asked()
        if not asked:
            return
        support = self.support()
        for field in sorted(asked):
            reasons = [reason for (_, name), reason in support.items() if name == field]
            if not reasons:
                raise ValueError(
                    f"Limits.{field}: {getattr(limits, field)!r} cannot be held: no isolator does that"
                )
            if None not in reasons:
                raise ValueError(f"Limits.{field}: {getattr(limits, field)!r} cannot be held: {reasons[0]}")

    def watch(self, container: Running, spec: ContainerSpec | None, report: Report) -> None:
        """Have all report."""
        for isolator in self._isolators:
            isolator.watch(container, spec, report)

    def update(self, container: Running, limits: Limits, before: Limits | None) -> None:
        """Hold it to other limits. ValueError, OSError; then those `before` are in force, if they are known."""
        self._check(limits)
        done: list[Isolator] = []
        try:
            for isolator in self._isolators:
                isolator.update(container, limits)
                done.append(isolator)
        except (ValueError, OSError):
            if before is not None:
                for isolator in reversed(done):
                    isolator.update(container, before)
            raise

    def usage(self, container: Running, known: Usage) -> Usage:
        """What it uses, as all of them know."""
        for isolator in self._isolators:
            known = isolator.usage(container, known)
        return known

    def kill(self, container: Running) -> None:
        """Kill what is in it."""
        for isolator in self._isolators:
            isolator.kill(container)

    def end(self, container: Running, known: Usage) -> tuple[Usage, Limitation | None]:
        """Clean up; what it used in all, and the limit that it hit, as the first knows that does."""
        found: Limitation | None = None
        for isolator in reversed(self._isolators):
            known, limitation = isolator.end(container, known)
            found = limitation or found
        return known, found

    def recover(self, ids: Collection[str]) -> None:
        """Take over what an earlier launcher has left."""
        for isolator in self._isolators:
            isolator.recover(ids)

    def close(self) -> None:
        """Let go of all."""
        for isolator in self._isolators:
            isolator.close()


class _Unborn:
    """A container that never ran."""

    keeper_pid = 0

    def __init__(self, id_: str) -> None:
        self.id = id_
