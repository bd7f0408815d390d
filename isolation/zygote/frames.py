"""What owner, zygote and shims say to each other."""

from __future__ import annotations

import struct

REQUEST = struct.Struct("!Q")
"""Owner to zygote: the number of a launch; the container's socket comes with it."""
NEWS = struct.Struct("!QI")
"""Zygote to owner: the number of a launch, and the errno of fork(), or 0: its shim was lost, all of it is killed.
Number 0 says that the zygote is ready."""
FRAME = struct.Struct("!BI")
"""Owner to shim: what follows, ORDER, SIGNAL or DESTROY, and its length."""
ORDER, SIGNAL, DESTROY = 1, 2, 3
HEADER = struct.Struct("!5I")
"""The beginning of an order: umask, number of arguments, of variables, of limits, 1 to search PATH."""
