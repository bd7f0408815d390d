"""What owner, zygote and shims say to each other."""

from __future__ import annotations

import struct

REQUEST = struct.Struct("!QB")
"""Owner to zygote: the number of a shim, and what with it. FORK it, ATTACH it to a new owner (with both comes the
socket through which shim and owner talk), or, with number 0, kill the REST: all shims that are not attached."""
FORK, ATTACH, REST = 0, 1, 2
NEWS = struct.Struct("!QI")
"""Zygote to owner: the number of a shim, and the errno of fork(), or 0: it was lost, all of it is killed.
Number 0 says that the zygote is ready, or that the rest is killed."""
FRAME = struct.Struct("!BI")
"""Owner to shim: what follows, ORDER, SIGNAL or DESTROY, and its length."""
ORDER, SIGNAL, DESTROY = 1, 2, 3
HEADER = struct.Struct("!5I")
"""The beginning of an order: umask, number of arguments, of variables, of limits, 1 to search PATH."""
MARKER = "OSTROM_CONTAINER"
"""The environment variable by which processes of a lasting container are found: EPOCH/ID."""
SOCKET = "zygote"
"""The name of a lasting zygote's socket, beside the records of its containers."""
