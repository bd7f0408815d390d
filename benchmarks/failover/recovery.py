"""One loss of the leader, as it is told by all that it concerns."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from .events import Event

__all__ = ["Recovery", "Seconds"]


@dataclass(frozen=True, slots=True)
class Seconds:
    """Seconds from the loss of the leader until something has happened.

    `elected`: another leads; `detection`: all are told of it; `all_back`: all are taken by it; `first_offer`: it has
    made one. `reregistration` is from `detection` to `all_back`.
    """

    elected: float
    detection: float
    reregistration: float
    all_back: float
    first_offer: float


class Recovery:
    """Begins when the leader is lost (`began`); ends when all `members` are back, and an offer was made."""

    def __init__(self, members: Collection[str], began: float) -> None:
        self._members = members
        self._began = began
        self._leader = ""
        self._elected = 0.0
        self.elections = 0
        self._first: dict[tuple[str, str, str], float] = {}

    def leads(self, leader: str, at: float) -> None:
        """Another leads. Should there be more than one election, the last counts."""
        self.elections += 1
        self._leader, self._elected = leader, at

    def note(self, event: Event) -> None:
        """Something happened; maybe before the leader was lost, or before it is known here who leads."""
        if event.at >= self._began:
            self._first.setdefault((event.leader, event.kind, event.member), event.at)

    def seconds(self) -> Seconds | None:
        """The times; None as long as not all has happened."""
        told = [self._first.get((self._leader, "told", member)) for member in self._members]
        taken = [self._first.get((self._leader, "taken", member)) for member in self._members]
        offers = [
            at for (leader, kind, _), at in self._first.items() if (leader, kind) == (self._leader, "offer")
        ]
        if not self._leader or None in told or None in taken or not offers:
            return None
        last_told = max(at for at in told if at is not None) - self._began
        last_taken = max(at for at in taken if at is not None) - self._began
        return Seconds(
            elected=min([self._elected, *(at for at in told if at is not None)]) - self._began,
            detection=last_told,
            reregistration=last_taken - last_told,
            all_back=last_taken,
            first_offer=min(offers) - self._began,
        )

    def missing(self) -> list[str]:
        """Who is not back yet."""
        return [each for each in self._members if (self._leader, "taken", each) not in self._first]
