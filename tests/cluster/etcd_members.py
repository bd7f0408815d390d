"""Fixtures for whoever needs etcd: real members, shared by all tests of a run, so each uses keys of its own."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Protocol

import aiohttp
import pytest
import pytest_asyncio

from cluster.etcd import EtcdAddress, EtcdClient
from cluster.etcd.server import EtcdCluster, EtcdServerError, find_etcd

__all__ = [
    "Connect",
    "PostError",
    "connect",
    "etcd",
    "etcd_binary",
    "etcd_path",
    "etcd_three",
    "post",
    "shared_three",
]


class Connect(Protocol):
    def __call__(
        self,
        endpoints: Sequence[str],
        *,
        user: str = "",
        options: str = "",
        timeout: float = 5.0,
        endpoint_timeout: float = 1.0,
        silence: float = 30.0,
    ) -> EtcdClient: ...


@pytest.fixture(scope="session")
def etcd_binary() -> None:
    try:
        find_etcd()
    except EtcdServerError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def etcd(etcd_binary: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    """One member, that nobody stops."""
    cluster = EtcdCluster(1, tmp_path_factory.mktemp("etcd"), quick=True)
    asyncio.run(cluster.start())
    try:
        yield cluster
    finally:
        cluster.kill()


@pytest.fixture(scope="session")
def shared_three(etcd_binary: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    cluster = EtcdCluster(3, tmp_path_factory.mktemp("etcd3"))
    asyncio.run(cluster.start())
    try:
        yield cluster
    finally:
        cluster.kill()


@pytest_asyncio.fixture
async def etcd_three(shared_three: EtcdCluster) -> AsyncIterator[EtcdCluster]:
    """Three members, to be killed and paused: all are well again for the next test."""
    yield shared_three
    for member in shared_three.members:
        if member.running:
            member.resume()
    await shared_three.restart(*(at for at, member in enumerate(shared_three.members) if not member.running))
    for member in shared_three.members:
        await member.ready()


@pytest.fixture
def etcd_path() -> str:
    """A path that no other test has."""
    return f"/test-{uuid.uuid4().hex}"


@pytest_asyncio.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes clients of endpoints, which are closed at the end."""
    clients: list[EtcdClient] = []

    def make(
        endpoints: Sequence[str],
        *,
        user: str = "",
        options: str = "",
        timeout: float = 5.0,
        endpoint_timeout: float = 1.0,
        silence: float = 30.0,
    ) -> EtcdClient:
        address = EtcdAddress.parse(f"etcd://{user}{'@' if user else ''}{','.join(endpoints)}/test{options}")
        client = EtcdClient(address, timeout=timeout, endpoint_timeout=endpoint_timeout, silence=silence)
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.close()


class PostError(Exception):
    """etcd says no."""


async def post(endpoint: str, path: str, body: dict[str, object]) -> Any:
    """Ask etcd for what the client has no call for. PostError if it says no."""
    async with aiohttp.ClientSession() as http, http.post(f"http://{endpoint}{path}", json=body) as response:
        if response.status != 200:
            raise PostError(await response.text())
        return await response.json()
