"""Machines that are network namespaces on one bridge, and whose ways to each other can be cut. It needs root.

A cut gives each of two machines a hardware address for the other that nobody has: what is sent is lost without a word,
in both directions, and connections stay open, as with a switch that fails. Anything else goes on.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Machine", "Network", "why_not"]

NOWHERE = "02:00:00:00:00:fe"
HERE = "02:00:00:00:00:01"
ROUTES = "198.18."  # RFC 2544: of no use to anybody but tests.


def why_not() -> str:
    """What is missing for machines here; nothing, if all is there."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program in ("ip", "nsenter"):
        if shutil.which(program) is None:
            return f"network namespaces need {program}"
    probe = subprocess.run(
        ["ip", "netns", "add", f"{_NAME}-probe"], capture_output=True, text=True, check=False
    )
    if probe.returncode:
        return f"network namespaces cannot be made here: {probe.stderr.strip()}"
    _ip("netns", "del", f"{_NAME}-probe")
    return ""


_NAME = f"os{os.getpid()}"


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True).stdout


class Machine:
    """A namespace (or this one: the bridge's end), with an address."""

    def __init__(self, name: str, host: str, device: str, *, here: bool = False) -> None:
        self.name = name
        self.host = host
        self.device = device
        self._namespace = "" if here else f"{_NAME}-{name}"
        self.hardware = ""

    @property
    def prefix(self) -> list[str]:
        """What a command line begins with that is run there. The process is the command's own."""
        return [] if not self._namespace else ["nsenter", f"--net=/run/netns/{self._namespace}"]

    @property
    def namespace(self) -> str:
        """Its name for ip-netns(8)."""
        return self._namespace

    def ip(self, *arguments: str) -> str:
        """Run ip(8) there."""
        return _ip(*(["-n", self._namespace] if self._namespace else []), *arguments)

    def take_for(self, other: Machine, hardware: str) -> None:
        """Take another machine to have that hardware address."""
        self.ip("neigh", "replace", other.host, "lladdr", hardware, "dev", self.device, "nud", "permanent")


class Network:
    """A bridge; `here` is this machine's end of it."""

    def __init__(self) -> None:
        self._net = f"{ROUTES}{os.getpid() % 250}."
        self._bridge = f"{_NAME}br"
        self.machines: list[Machine] = []
        self.here = Machine("here", f"{self._net}1", self._bridge, here=True)
        self.here.hardware = HERE

    def __enter__(self) -> Network:
        try:
            # Given, as it would change with the machines that are connected.
            _ip("link", "add", self._bridge, "address", HERE, "type", "bridge")
            _ip("addr", "add", f"{self.here.host}/24", "dev", self._bridge)
            _ip("link", "set", self._bridge, "up")
            self.machines.append(self.here)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # Whatever of it is there; a namespace goes with the last process in it, and its devices with it, later.
        for number, machine in enumerate(self.machines, 1):
            if machine.namespace:
                subprocess.run(["ip", "link", "del", f"{_NAME}v{number}"], capture_output=True, check=False)
                subprocess.run(["ip", "netns", "del", machine.namespace], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", self._bridge], capture_output=True, check=False)

    def machine(self, name: str) -> Machine:
        """One more."""
        number = len(self.machines) + 1
        machine = Machine(name, f"{self._net}{number}", "eth0")
        _ip("netns", "add", machine.namespace)
        self.machines.append(machine)
        ours = f"{_NAME}v{number}"
        _ip("link", "add", ours, "type", "veth", "peer", "name", "eth0", "netns", machine.namespace)
        _ip("link", "set", ours, "master", self._bridge, "up")
        machine.ip("link", "set", "lo", "up")
        machine.ip("addr", "add", f"{machine.host}/24", "dev", "eth0")
        machine.ip("link", "set", "eth0", "up")
        machine.hardware = self._hardware(machine)
        return machine

    @staticmethod
    def _hardware(machine: Machine) -> str:
        words = machine.ip("-o", "link", "show", "dev", machine.device).split()
        return words[words.index("link/ether") + 1]

    @contextmanager
    def cut(self, machine: Machine, *others: Machine) -> Iterator[None]:
        """Cut one off from others."""
        for other in others:
            machine.take_for(other, NOWHERE)
            other.take_for(machine, NOWHERE)
        try:
            yield
        finally:
            for other in others:
                machine.take_for(other, other.hardware)
                other.take_for(machine, machine.hardware)
