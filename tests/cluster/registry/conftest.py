from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cluster.etcd import EtcdAddress, EtcdClient
from cluster.etcd.server import EtcdCluster
from tests.simulation.etcd.store import Store

from .storages import EtcdStorage, Memory, Sqlite, Storage, StoredEtcd


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path, etcd_path: str) -> Storage:
    """Where a registry can be, as the parameter says. Not async: members of etcd may be started for it."""
    if request.param == "memory":
        return Memory()
    if request.param == "sqlite":
        return Sqlite(tmp_path / "deep" / "registry.sqlite")
    if request.param == "model":
        store = Store()
        return EtcdStorage(lambda: StoredEtcd(store), etcd_path)
    members: EtcdCluster = request.getfixturevalue("etcd")
    address = EtcdAddress(tuple(members.endpoints), etcd_path)
    return EtcdStorage(lambda: EtcdClient(address), etcd_path)


@pytest_asyncio.fixture
async def storage(place: Storage) -> AsyncIterator[Storage]:
    """A place, that is left at the end."""
    yield place
    if isinstance(place, EtcdStorage):
        await place.close()
