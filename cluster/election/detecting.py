"""From what people write as `--master` to a detector."""

from __future__ import annotations

import asyncio

from actors import UPID, parse_address
from cluster.etcd import EtcdAddress, EtcdClient

from .etcd_detector import EtcdDetector
from .interface import MASTER_ID, Detector
from .standalone import StandaloneDetector

__all__ = ["check_master", "detector_for", "leader_of"]


def detector_for(master: str | UPID) -> Detector:
    """The detector for what people write as `--master`: HOST:PORT, or etcd://HOST[,HOST...]/PATH.

    ValueError naming the text, or a file that the address names.
    """
    if isinstance(master, UPID):
        return StandaloneDetector(master)
    if master.startswith("etcd://"):
        address = EtcdAddress.parse(master)
        return EtcdDetector(EtcdClient(address), address.path)
    if "://" in master:
        scheme = master.partition("://")[0]
        raise ValueError(
            f"master {master!r}: {scheme}:// is not supported, use HOST:PORT or etcd://HOST/PATH"
        )
    return StandaloneDetector(UPID.at(MASTER_ID, parse_address(master)))


def check_master(master: str) -> None:
    """ValueError if `detector_for` would raise one; nothing is opened."""
    if master.startswith("etcd://"):
        EtcdAddress.parse(master)
    else:
        detector_for(master)


async def leader_of(master: str | UPID, timeout: float) -> UPID:
    """Who leads now, or will within `timeout` seconds. TimeoutError if nobody does, or etcd does not answer."""
    detector = detector_for(master)
    found: asyncio.Future[UPID] = asyncio.get_running_loop().create_future()

    def changed(leader: UPID | None) -> None:
        if leader is not None and not found.done():
            found.set_result(leader)

    try:
        detector.watch(changed)
        async with asyncio.timeout(timeout):
            return await found
    finally:
        detector.close()
