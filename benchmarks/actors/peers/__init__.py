"""Other actor libraries, doing the same things the way their documentation shows.

Each module is a program of its own, as each brings threads, processes and event loops of its own: it prints what one
operation takes, in nanoseconds (bytes for `bytes_per_actor`), as one JSON object by the names of the scenarios.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys

__all__ = ["PEERS", "measure_peer"]

PEERS = {
    "pykka": "pykka",
    "thespian": "thespian",
    "thespian_tcp": "thespian",
    "xoscar": "xoscar",
    "pyzmq": "zmq",
    "ray": "ray",
    "erlang": "erlc",
}
"""The module here, and what has to be installed for it."""
TIMEOUT = 300
QUICK_TIMEOUT = 15
"""Seconds; so much more than any of them takes here."""


def measure_peer(name: str, quick: bool) -> dict[str, float]:
    """Run one; empty if it is not installed, and if it fails, which is said: our own figures are worth having still."""
    if name == "erlang":
        if shutil.which("erlc") is None:
            return {}
    elif importlib.util.find_spec(PEERS[name]) is None:
        return {}
    program = [sys.executable, "-m", f"benchmarks.actors.peers.{name}_peer", *(["--quick"] if quick else [])]
    try:
        done = subprocess.run(
            program,
            stdout=subprocess.PIPE,
            text=True,
            timeout=QUICK_TIMEOUT if quick else TIMEOUT,
            check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return {}
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures
