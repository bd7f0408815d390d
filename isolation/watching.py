"""What isolators have in common that look at containers from time to time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .isolator import Plain, Report, Running
from .limits import Limitation, LimitKind, Limits
from .rounds import CallLater, Rounds
from .spec import ContainerSpec
from .usage import Usage

__all__ = ["Watched", "Watcher"]


@dataclass(slots=True, eq=False)
class Watched:
    """A container that is looked at. `spec` is None if nobody knows it."""

    container: Running
    spec: ContainerSpec | None
    report: Report
    limits: Limits = field(default_factory=Limits)
    hit: bool = False
    """It hit its limit, and is being ended."""

    @property
    def id(self) -> str:
        """The container's."""
        return self.container.id

    @property
    def within(self) -> str:
        """The id of the container whose limits it shares, if any."""
        return self.spec.within if self.spec is not None else ""


class Watcher(Plain):
    """Looks, each `interval` seconds, at containers that have a limit of one `kind`: the field's name in Limits.

    A container within another counts as a part of that, and is ended with it. One that was found again and of which
    nobody said what it was to be held to is held to nothing, until it is updated.

    `look` is what there is to do in a round. `call_later` is the running loop's, unless told otherwise.
    """

    kind: LimitKind

    def __init__(self, interval: float, call_later: CallLater | None = None) -> None:
        self._watched: dict[str, Watched] = {}
        self._rounds = Rounds(type(self).__name__, interval, self.look, call_later)

    def support(self) -> Mapping[str, str | None]:
        """It works everywhere."""
        return {self.kind: None}

    async def look(self) -> None:
        """Look at all containers, and report those above their limits."""
        raise NotImplementedError

    def watch(self, container: Running, spec: ContainerSpec | None, report: Report) -> None:
        """Look at it from now on."""
        limits = spec.limits if spec is not None else Limits()
        self._watched[container.id] = Watched(container, spec, report, limits)
        self._go()

    def update(self, container: Running, limits: Limits) -> None:
        """Hold it to other limits. ValueError if it has those of the container that it is within."""
        watched = self._watched.get(container.id)
        if watched is None:
            return
        if watched.within and self._asked(limits):
            raise ValueError(f"container {container.id}: its limits are those of {watched.within!r}")
        watched.limits = limits
        self._go()

    def end(self, container: Running, known: Usage) -> tuple[Usage, Limitation | None]:
        """Look at it no more."""
        if self._watched.pop(container.id, None) is not None:
            self._go()
        return known, None

    def close(self) -> None:
        """Look at nothing more."""
        self._watched.clear()
        self._rounds.stop()

    def _asked(self, limits: Limits) -> bool:
        return getattr(limits, self.kind) is not None

    def _go(self) -> None:
        if any(self._asked(each.limits) for each in self._watched.values()):
            self._rounds.start()
        else:
            self._rounds.stop()

    def _groups(self) -> Iterator[tuple[Watched, list[Watched]]]:
        """Each container with a limit of this kind that it has not hit yet, and with it all that are within it."""
        parts: dict[str, list[Watched]] = {}
        for each in self._watched.values():
            parts.setdefault(self._root(each).id, []).append(each)
        for each in self._watched.values():
            if self._asked(each.limits) and not each.hit and each.id in parts:
                yield each, parts[each.id]

    def _root(self, watched: Watched) -> Watched:
        seen = {watched.id}
        while watched.within not in seen and (outer := self._watched.get(watched.within)):
            seen.add(outer.id)
            watched = outer
        return watched

    def _lives(self, watched: Watched) -> bool:
        """Whether it is still looked at. To be asked after whatever took time."""
        return self._watched.get(watched.id) is watched and self._asked(watched.limits)

    def _hit(self, root: Watched, text: str) -> None:
        """Report a container, and what is within it."""
        root.hit = True
        limitation = Limitation(self.kind, text)
        for each in [each for each in self._watched.values() if self._root(each) is root]:
            each.report(limitation)
