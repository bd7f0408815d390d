"""Who is let in by etcd: certificates, users; and what is said when the gateway is off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
import trustme

from cluster.etcd import EtcdRefusedError, EtcdUnavailableError, Put
from cluster.etcd.server import EtcdCluster, ServerTls
from tests.cluster.etcd_members import Connect, post

PASSWORD = "correct-h0rse"


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.pem signed server.pem and client.pem; stranger.pem is of another authority, other-ca.pem."""
    directory = tmp_path_factory.mktemp("pems")
    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    other.cert_pem.write_to_path(directory / "other-ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(directory / "server.pem")
    authority.issue_cert("client").private_key_and_cert_chain_pem.write_to_path(directory / "client.pem")
    other.issue_cert("client").private_key_and_cert_chain_pem.write_to_path(directory / "stranger.pem")
    return directory


@pytest.fixture(scope="module")
def mutual(etcd_binary: None, pems: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    server = pems / "server.pem"
    cluster = EtcdCluster(
        1, tmp_path_factory.mktemp("mutual"), quick=True, tls=ServerTls(server, server, pems / "ca.pem")
    )
    asyncio.run(cluster.start())
    try:
        yield cluster
    finally:
        cluster.kill()


@pytest.mark.asyncio
async def test_with_certificates_everything_works(mutual: EtcdCluster, connect: Connect, pems: Path) -> None:
    client = connect(mutual.endpoints, options=f"?ca={pems}/ca.pem&cert={pems}/client.pem")
    written = await client.txn([], [Put("a", b"1")])
    async with aclosing(client.watch("a", written.revision)) as watch:
        await anext(watch)
        (event,) = await anext(watch)
        assert event.revision == written.revision
    lease = await client.grant(60)
    assert await client.keepalive(lease.id, timeout=5) == 60.0
    await client.revoke(lease.id)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("?ca={pems}/ca.pem", "(?i)certificate|disconnected|reset|broken pipe"),
        ("?ca={pems}/ca.pem&cert={pems}/stranger.pem", "(?i)certificate|disconnected|reset|broken pipe"),
        ("?ca={pems}/other-ca.pem&cert={pems}/client.pem", "(?i)certificate verify failed"),
        ("?tls=yes&cert={pems}/client.pem", "(?i)certificate verify failed"),
        ("", "HTTP status 400|disconnected"),
    ],
)
async def test_without_the_right_ones_nothing_does(
    mutual: EtcdCluster, connect: Connect, pems: Path, options: str, why: str
) -> None:
    client = connect(mutual.endpoints, options=options.format(pems=pems), timeout=0.5)
    with pytest.raises(EtcdUnavailableError, match=why):
        await client.get("a")
    async with aclosing(client.watch("a", 0)) as watch:
        with pytest.raises(EtcdUnavailableError):
            await anext(watch)


@pytest_asyncio.fixture
async def guarded(etcd_binary: None, tmp_path: Path) -> AsyncIterator[EtcdCluster]:
    """etcd that knows its users: root, and ann, who may do what she likes below /test."""
    async with EtcdCluster(1, tmp_path, quick=True) as cluster:
        (endpoint,) = cluster.endpoints
        for path, body in [
            ("user/add", {"name": "root", "password": PASSWORD}),
            ("role/add", {"name": "root"}),
            ("user/grant", {"user": "root", "role": "root"}),
            ("user/add", {"name": "ann", "password": PASSWORD}),
            ("role/add", {"name": "tester"}),
            # L3Rlc3Q= is /test, and L3Rlc3U= /tesu: the end of what begins with /test.
            (
                "role/grant",
                {
                    "name": "tester",
                    "perm": {"permType": "READWRITE", "key": "L3Rlc3Q=", "range_end": "L3Rlc3U="},
                },
            ),
            ("user/grant", {"user": "ann", "role": "tester"}),
            ("enable", {}),
        ]:
            await post(endpoint, f"/v3/auth/{path}", body)
        yield cluster


async def expire(endpoint: str) -> None:
    """Have all tokens of ann's expire: that is what etcd does when her password is set."""
    async with aiohttp.ClientSession(f"http://{endpoint}") as http:
        async with http.post(
            "/v3/auth/authenticate", json={"name": "root", "password": PASSWORD}
        ) as response:
            token = (await response.json())["token"]
        async with http.post(
            "/v3/auth/user/changepw",
            json={"name": "ann", "password": PASSWORD},
            headers={"Authorization": token},
        ) as response:
            assert response.status == 200, await response.text()


@pytest.mark.asyncio
async def test_a_user_gets_in_also_after_her_token_expired(guarded: EtcdCluster, connect: Connect) -> None:
    (endpoint,) = guarded.endpoints
    client = connect([endpoint], user=f"ann:{PASSWORD}", timeout=20.0)
    lease = await client.grant(60)
    written = await client.txn([], [Put("/test/a", b"1", lease.id)])
    with pytest.raises(EtcdRefusedError, match="permission denied"):
        await client.get("/other")

    await expire(endpoint)
    item, _ = await client.get("/test/a")
    assert item is not None
    assert item.mod_revision == written.revision

    await expire(endpoint)
    many = await asyncio.gather(*(client.get(f"/test/{at}") for at in range(20)))
    assert len(many) == 20

    await expire(endpoint)
    assert await client.keepalive(lease.id, timeout=20.0) == 60.0

    await client.get("/test/a")
    await expire(endpoint)
    # To etcd, who shows no valid token may not watch: the client cannot tell, and logs in for the next one.
    async with aclosing(client.watch("/test/a", written.revision)) as watch:
        with pytest.raises(EtcdUnavailableError, match="permission denied"):
            await anext(watch)
    async with aclosing(client.watch("/test/a", written.revision)) as watch:
        await anext(watch)
        (event,) = await anext(watch)
        assert event.revision == written.revision

    await expire(endpoint)
    await client.revoke(lease.id)


@pytest.mark.asyncio
async def test_who_is_not_let_in_is_told_so_at_once(
    guarded: EtcdCluster, etcd: EtcdCluster, connect: Connect
) -> None:
    with pytest.raises(EtcdRefusedError, match="invalid user ID or password") as caught:
        await connect(guarded.endpoints, user="ann:wr0ng-passw0rd").get("/test/a")
    assert "wr0ng" not in str(caught.value)
    with pytest.raises(EtcdRefusedError, match="user name is empty"):
        await connect(guarded.endpoints).get("/test/a")
    client = connect(etcd.endpoints, user=f"ann:{PASSWORD}")
    with pytest.raises(EtcdRefusedError, match="authentication is not enabled"):
        await client.get("/test/a")
    assert PASSWORD not in repr(client)


@pytest.mark.asyncio
async def test_without_its_gateway_etcd_says_so(etcd_binary: None, connect: Connect, tmp_path: Path) -> None:
    async with EtcdCluster(1, tmp_path, quick=True, flags=["--enable-grpc-gateway=false"]) as cluster:
        client = connect(cluster.endpoints)
        with pytest.raises(EtcdRefusedError, match=r"--enable-grpc-gateway=false"):
            await client.get("a")
        with pytest.raises(EtcdRefusedError, match=r"--enable-grpc-gateway=false"):
            await client.keepalive(1, timeout=5)
        async with aclosing(client.watch("a", 0)) as watch:
            with pytest.raises(EtcdUnavailableError, match=r"--enable-grpc-gateway=false"):
                await anext(watch)
