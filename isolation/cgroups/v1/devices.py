"""devices: which may be opened and made."""

from __future__ import annotations

from typing import Any

from isolation.cgroups.files import Change
from isolation.cgroups.part import Part
from isolation.limits import DeviceRule, Limits

from .controllers import DeviceAccess, DevicesController, at

__all__ = ["DevicesPart"]


class _Rules:
    """The list of a group as one attribute, which is set by what is to be added to it, and then taken from it."""

    def __init__(self, directory: str) -> None:
        self._devices = at(DevicesController, directory)

    @property
    def rules(self) -> frozenset[str]:
        """What is allowed; {"a *:* rwm"} for all."""
        return frozenset(str(each) for each in self._list())

    @rules.setter
    def rules(self, wanted: frozenset[str]) -> None:
        now = self.rules
        if now == wanted:
            return
        everything = str(DeviceAccess("a"))
        if everything in wanted:
            self._devices.allow = DeviceAccess("a")
            return
        if everything in now:
            self._devices.deny = DeviceAccess("a")
            now = frozenset()
        # Additions first, so that nothing that stays is refused in between.
        for rule in wanted - now:
            self._devices.allow = rule
        for rule in now - wanted:
            self._devices.deny = rule
        # What was taken may have overlapped with what stays.
        for rule in wanted - self.rules:
            self._devices.allow = rule

    def _list(self) -> list[Any]:
        listed: list[Any] = self._devices.list
        return listed


class DevicesPart(Part):
    """Allows what is named, and nothing else."""

    controller = "devices"
    holds = ("devices",)
    always = False

    def hold(self, directory: str, limits: Limits, change: Change) -> None:
        """Set the list. OSError (EPERM) for what this process's own group may not use."""
        change.set(_Rules(directory), "rules", _wanted(limits.devices))


def _wanted(rules: tuple[DeviceRule, ...] | None) -> frozenset[str]:
    if rules is None:
        return frozenset({str(DeviceAccess("a"))})
    return frozenset(str(DeviceAccess.from_string(str(rule))) for rule in rules)
