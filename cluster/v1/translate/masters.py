"""Masters: who leads, as frameworks are told."""

from __future__ import annotations

import ipaddress

from actors import parse_address
from cluster.v1 import types as v1

__all__ = ["VERSION", "master_to"]

VERSION = "1.11.0"
"""The version of Mesos whose API this is. Clients count its parts, so ours is told elsewhere."""

Type = v1.MasterInfo.Capability.Type


def master_to(master_id: str, hostname: str, address: str) -> v1.MasterInfo:
    """A master that is reached at `address` (`host:port`)."""
    host, port = parse_address(address)
    ip, packed = None, 0
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        ip = str(parsed)
        if parsed.version == 4:
            # As a machine of Mesos's time has the four bytes in its memory.
            packed = int.from_bytes(parsed.packed, "little")
    return v1.MasterInfo(
        id=master_id,
        ip=packed,
        port=port,
        pid=f"master@{address}",
        hostname=hostname,
        version=VERSION,
        address=v1.Address(hostname=hostname, ip=ip, port=port),
        capabilities=tuple(
            v1.MasterInfo.Capability(type=each)
            for each in (Type.AGENT_UPDATE, Type.AGENT_DRAINING, Type.QUOTA_V2)
        ),
    )
