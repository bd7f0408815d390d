"""blkio: bytes and operations a second of each block device."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from isolation.cgroups.files import Change, read_words
from isolation.cgroups.group import Group, Values
from isolation.cgroups.part import Part, refused
from isolation.limits import IoLimit, Limits

from .controllers import DeviceThrottle, ThrottleController, at

__all__ = ["BlkioPart"]

NAMES = tuple(each.name for each in fields(IoLimit))
FILES = (
    (("io_read_bytes", "io_write_bytes"), "blkio.throttle.io_service_bytes_recursive"),
    (("io_reads", "io_writes"), "blkio.throttle.io_serviced_recursive"),
)


class _Throttle:
    """One of the four files as an attribute that is a mapping of devices to limits."""

    def __init__(self, directory: str, name: str) -> None:
        self._blkio = at(ThrottleController, directory)
        self._name = f"throttle_{name}_device"

    @property
    def limits(self) -> Mapping[str, int]:
        """What there is at most of each device."""
        listed: list[Any] = getattr(self._blkio, self._name)
        return {f"{each.major}:{each.minor}": each.limit for each in listed}

    @limits.setter
    def limits(self, wanted: Mapping[str, int]) -> None:
        # The kernel takes one device in a write; 0 takes its limit away.
        for device in self.limits.keys() - wanted.keys():
            setattr(self._blkio, self._name, [DeviceThrottle(0, *device.split(":"))])
        for device, limit in wanted.items():
            setattr(self._blkio, self._name, [DeviceThrottle(limit, *device.split(":"))])


class BlkioPart(Part):
    """Throttles, and counts what went to and from devices."""

    controller = "blkio"
    holds = ("io",)
    tells = ("io usage",)

    def hold(self, directory: str, limits: Limits, change: Change) -> None:
        """Set the four limits of each device. ValueError for one that is not there."""
        if change.fresh and not limits.io:
            return
        try:
            for name in NAMES:
                wanted = {
                    device: value
                    for device, limit in limits.io.items()
                    if (value := getattr(limit, name)) is not None
                }
                change.set(_Throttle(directory, name), "limits", wanted)
        except OSError as error:
            if error.errno not in (errno.ENODEV, errno.EINVAL, errno.ENXIO):
                raise
            raise refused("io", sorted(limits.io), "no such block device") from error

    def measure(self, group: Group, values: Values) -> None:
        """Add what went to and from devices."""
        directory = group.directories.get(self.hierarchy)
        if directory is None:
            return
        for (reads, writes), name in FILES:
            words = read_words(f"{directory}/{name}")
            counts = {reads: 0, writes: 0}
            # Lines like `254:0 Read 4096`, and a last one that is the total.
            for kind, count in zip(words[1::3], words[2::3], strict=False):
                if kind in (b"Read", b"Write"):
                    counts[reads if kind == b"Read" else writes] += int(count)
            if words:
                values.update(counts)
