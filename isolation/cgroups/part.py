"""What one controller does for a container."""

from __future__ import annotations

from isolation.limits import Limits

from .files import Change
from .group import Group, Values
from .hierarchy import Hierarchy

__all__ = ["Part", "refused"]


class Part:
    """One controller, in one hierarchy.

    `holds` are the fields of Limits that it holds a container to, `tells` what it can besides; a container is in its
    group from the start if the part is `always` wanted, else when one of those limits is asked for. What is polled is
    in the file `core_file`, if any.
    """

    controller = ""
    holds: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()
    always = True
    core_file = ""

    def __init__(self, hierarchy: Hierarchy) -> None:
        self.hierarchy = hierarchy

    def begin(self) -> None:
        """Make the owner's root ready for what is to be in it. OSError."""

    def wanted(self, limits: Limits) -> bool:
        """Whether a container with such limits is to be in a group of it."""
        return self.always or not limits.asked().isdisjoint(self.holds)

    def hold(self, directory: str, limits: Limits, change: Change) -> None:
        """Hold what is in a group to limits. ValueError, OSError; the caller undoes the change then."""

    def parse(self, data: bytes, values: Values) -> None:
        """Add what the polled file says; it is empty if it is not there."""

    def measure(self, group: Group, values: Values) -> None:
        """Add all else that is known of what it uses."""


def refused(field: str, value: object, why: str) -> ValueError:
    """A limit that the kernel refuses."""
    return ValueError(f"Limits.{field}: {value!r} cannot be held: {why}")
