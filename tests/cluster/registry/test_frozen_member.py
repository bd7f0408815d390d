"""A member of etcd stops in the middle of a write, and goes on with it later."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cluster.etcd import EtcdAddress, EtcdClient
from cluster.etcd.server import EtcdCluster
from cluster.registry import Change

from .storages import EtcdStorage


@pytest_asyncio.fixture
async def storage(etcd_three: EtcdCluster, etcd_path: str) -> AsyncIterator[EtcdStorage]:
    address = EtcdAddress(tuple(etcd_three.endpoints), etcd_path)
    storage = EtcdStorage(lambda: EtcdClient(address, endpoint_timeout=0.5), etcd_path)
    yield storage
    await storage.close()


@pytest.mark.asyncio
async def test_what_it_was_asked_is_done_by_another_once(
    storage: EtcdStorage, etcd_three: EtcdCluster
) -> None:
    registry = await storage.opened()
    await registry.write([Change("weights", "eng", 1.0)])
    etcd_three.pause(0)
    # The request waits in its socket; another member is asked after half a second.
    await registry.write([Change("weights", "eng", 2.0)])
    await registry.write([Change("weights", "eng", None), Change("weights", "ops", 3.0)])
    etcd_three.resume(0)
    await etcd_three.members[0].ready()
    for number in range(20):
        # What it does late it has done by now, or does in between.
        await registry.write([Change("weights", "ops", float(number))])
        assert await storage.keys() == {"weights/ops": f"{float(number)}".encode()}
    assert await storage.written() == 23
