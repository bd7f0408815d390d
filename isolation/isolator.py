"""What an isolator is: one kind of limit, put on a container before it starts."""

from __future__ import annotations

from typing import Protocol

from .spec import ContainerSpec
from .usage import Usage

__all__ = ["Isolator", "Measurable"]


class Measurable(Protocol):
    """What an isolator may ask of a container that runs."""

    @property
    def id(self) -> str:
        """The spec's."""

    @property
    def keeper_pid(self) -> int:
        """The process above all of the container's own; 0 when nothing runs."""


class Isolator(Protocol):
    """One kind of limit and the usage that it can tell. Isolators compose: a launcher applies each in turn."""

    name: str

    def prepare(self, spec: ContainerSpec) -> ContainerSpec:
        """Return the spec with this isolator's part added. ValueError, naming the field, for what it cannot do."""

    def usage(self, container: Measurable, known: Usage) -> Usage:
        """Return what the container uses; `known` is what the isolators before this one know."""
