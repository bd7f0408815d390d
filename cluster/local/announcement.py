"""What a master says of itself to who looks for it in ZooKeeper."""

from __future__ import annotations

import socket

from actors import Address, format_address
from cluster.v1 import json
from cluster.v1.translate.masters import master_to

__all__ = ["announcement"]


def announcement(master_id: str, address: Address) -> bytes:
    """Mesos's MasterInfo as JSON. Blocks, as the host is looked up: clients read its IP. OSError if it has none."""
    host, port = address
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # IPv4 first: some clients split address and port at the colon.
    ip = str(min(found, key=lambda each: each[0] != socket.AF_INET)[4][0])
    return json.encode(master_to(master_id, host, format_address((ip, port))))
