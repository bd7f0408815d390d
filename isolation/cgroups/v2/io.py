"""io: bytes and operations a second of each block device."""

from __future__ import annotations

import errno

from isolation.cgroups.files import Change, read
from isolation.cgroups.group import Group, Values
from isolation.cgroups.part import Part, refused
from isolation.limits import IoLimit, Limits

from .controllers import PAIR, V2

__all__ = ["IoPart"]

NAMES = {"rbps": "read_bps", "wbps": "write_bps", "riops": "read_iops", "wiops": "write_iops"}
FIELDS = {"rbytes": "io_read_bytes", "wbytes": "io_write_bytes", "rios": "io_reads", "wios": "io_writes"}


class IoPart(Part):
    """Throttles, and counts what went to and from devices."""

    controller = "io"
    holds = ("io",)
    tells = ("io usage",)

    def hold(self, directory: str, limits: Limits, change: Change) -> None:
        """Set the limits of each device. ValueError for one that is not there."""
        if change.fresh and not limits.io:
            return
        wanted = {device: _named(limit) for device, limit in limits.io.items()}
        try:
            change.set(V2(directory), "io_max", wanted)
        except OSError as error:
            if error.errno not in (errno.ENODEV, errno.EINVAL, errno.ENXIO):
                raise
            raise refused("io", sorted(limits.io), "no such block device") from error

    def measure(self, group: Group, values: Values) -> None:
        """Add what went to and from devices."""
        directory = group.directories.get(self.hierarchy)
        if directory is None:
            return
        try:
            content = read(f"{directory}/io.stat").decode()
        except FileNotFoundError:
            return
        values.update(dict.fromkeys(FIELDS.values(), 0))
        for name, value in PAIR.findall(content):
            if name in FIELDS:
                values[FIELDS[name]] += int(value)


def _named(limit: IoLimit) -> dict[str, int]:
    return {name: value for name, field in NAMES.items() if (value := getattr(limit, field)) is not None}
