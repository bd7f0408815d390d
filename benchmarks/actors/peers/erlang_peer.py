"""Erlang/OTP, where it is installed: two nodes on loopback, that find each other without its port mapper."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import tempfile
from pathlib import Path

from .rounds import pin, report

SOURCE = Path(__file__).with_suffix(".erl")


def node(directory: str, name: str, port: int, cookie: str, function: str, *more: str) -> list[str]:
    """The command of one node."""
    identity = ["-name", f"{name}@127.0.0.1", "-setcookie", cookie]
    found = [
        "-start_epmd",
        "false",
        "-erl_epmd_port",
        str(port),
        "-kernel",
        "inet_dist_use_interface",
        "{127,0,0,1}",
    ]
    return ["erl", "-noshell", *identity, *found, *more, "-pa", directory, "-s", "erlang_peer", function]


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def remote(directory: str, function: str) -> dict[str, float]:
    """Start a second node, and one that measures."""
    port, cookie = free_port(), secrets.token_hex(8)
    with subprocess.Popen(
        node(directory, "server", port, cookie, "serve"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        if server.stdout is None:
            raise RuntimeError("the second node has no pipe")
        server.stdout.readline()
        client = node(directory, "client", port, cookie, function, "-dist_listen", "false")
        figures = measured(client)
        server.communicate(b"\n")
    return figures


def measured(command: list[str]) -> dict[str, float]:
    """What a node printed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=120)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    """Measure."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["erlc", "-o", directory, str(SOURCE)], check=True)
        figures = measured(["erl", "-noshell", "-pa", directory, "-s", "erlang_peer", "local"])
        figures |= remote(directory, "tell")
        pin()
        figures |= remote(directory, "ask")
    report(figures)


if __name__ == "__main__":
    main()
