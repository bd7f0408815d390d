"""What a master of several has in etcd: its candidacy, the view of who leads, and the registry."""

from __future__ import annotations

from typing import NamedTuple

from cluster.election import DEFAULT_TTL, EtcdContender, EtcdDetector
from cluster.etcd import EtcdAddress, EtcdClient
from cluster.registry import EtcdRegistry

__all__ = ["Elected", "elected"]


class Elected(NamedTuple):
    """Parts of a MasterNode; each has connections of its own, and closes them."""

    contender: EtcdContender
    detector: EtcdDetector
    registry: EtcdRegistry


def elected(address: EtcdAddress, ttl: int = DEFAULT_TTL) -> Elected:
    """The parts for one master; `ttl` is its lease's, in seconds. ValueError for a TLS file that is no good."""
    # A frozen member of etcd is found out in time to take over, or to see that another has.
    contender = EtcdContender(EtcdClient(address, silence=float(ttl)), address.path, ttl)
    detector = EtcdDetector(EtcdClient(address, silence=float(ttl)), address.path)
    registry = EtcdRegistry(EtcdClient(address), address.path, contender.guard, lambda: contender.leads)
    return Elected(contender, detector, registry)
