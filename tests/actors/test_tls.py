"""TLS for messages and HTTP: who has no certificate of the authority is not let in, and nothing can be read."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from actors import ActorSystem, Introduction, Message, PeerGoneError, Tls, handles

from .probes import Echo, Probe
from .strangers import hello


class Files(NamedTuple):
    certificate: Path
    key: Path
    authority: Path


def issue(authority: trustme.CA, directory: Path, *names: str) -> Files:
    directory.mkdir()
    files = Files(directory / "node.crt", directory / "node.key", directory / "ca.crt")
    issued = authority.issue_cert(*names)
    files.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    files.key.write_bytes(issued.private_key_pem.bytes())
    authority.cert_pem.write_to_path(files.authority)
    return files


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def files(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Files:
    return issue(authority, tmp_path_factory.mktemp("tls") / "node", "127.0.0.1")


@pytest.fixture
def tls(files: Files) -> Tls:
    return Tls.load(*files)


class Blob(Message):
    data: bytes


class Sink(Probe):
    @handles(Blob)
    def blob(self, message: Blob) -> Blob:
        return message


@pytest.mark.asyncio
async def test_messages_both_ways_of_any_size(tls: Tls) -> None:
    async with asyncio.timeout(20), ActorSystem(tls=tls) as one, ActorSystem(tls=tls) as other:
        near, far = one.spawn(Sink()), other.spawn(Sink())
        assert await other.ask(near, Echo("hello")) == Echo("hello")
        large = Blob(bytes(range(256)) * 20_000)
        assert await one.ask(far, large) == large
        # One connection serves both.
        assert len(one._transport.connections) == 1


@pytest.mark.asyncio
async def test_https_on_the_same_port_needs_no_certificate_of_the_client(tls: Tls, files: Files) -> None:
    browser = ssl.create_default_context(cafile=files.authority)
    async with ActorSystem(tls=tls) as system, aiohttp.ClientSession() as http:
        host, port = system.address
        async with http.get(f"https://{host}:{port}/health", ssl=browser) as response:
            assert await response.json() == {"healthy": True}
        with pytest.raises(aiohttp.ClientError):
            await http.get(f"http://{host}:{port}/health")


@pytest.mark.asyncio
async def test_who_speaks_without_tls_is_not_understood(tls: Tls) -> None:
    async with asyncio.timeout(20), ActorSystem(tls=tls) as system, ActorSystem() as plain:
        upid = system.spawn(Probe())
        with pytest.raises(PeerGoneError):
            await plain.ask(upid, Echo())
        with pytest.raises(PeerGoneError):
            await system.ask(plain.spawn(Probe()), Echo())


@pytest.mark.asyncio
async def test_who_shows_no_certificate_is_told_so(tls: Tls, files: Files) -> None:
    without = ssl.create_default_context(cafile=files.authority)
    async with asyncio.timeout(20), ActorSystem(tls=tls) as system:
        reader, writer = await asyncio.open_connection(*system.address, ssl=without)
        writer.write(hello())
        assert b"no certificate" in await reader.read()
        writer.close()
        await writer.wait_closed()
        assert system.counters["peers_refused"] == 1


@pytest.mark.asyncio
async def test_a_certificate_of_another_authority_is_not_believed(tls: Tls, tmp_path: Path) -> None:
    forged = Tls.load(*issue(trustme.CA(), tmp_path / "forged", "127.0.0.1"))
    async with asyncio.timeout(20), ActorSystem(tls=tls) as system, ActorSystem(tls=forged) as other:
        for one, there in ((system, other), (other, system)):
            with pytest.raises(PeerGoneError, match="CERTIFICATE_VERIFY_FAILED"):
                await one.ask(there.spawn(Probe()), Echo())


@pytest.mark.asyncio
async def test_who_believes_anybody_is_still_not_let_in(tls: Tls, tmp_path: Path) -> None:
    """It is the one that was dialled that has to check the certificate of who dials."""
    forged = issue(trustme.CA(), tmp_path / "forged", "127.0.0.1")
    credulous = Tls.load(*forged, check_hosts=False)
    credulous.client.verify_mode = ssl.CERT_NONE
    async with asyncio.timeout(20), ActorSystem(tls=tls) as system, ActorSystem(tls=credulous) as other:
        probe = Probe()
        with pytest.raises(PeerGoneError):
            await other.ask(system.spawn(probe), Echo())


@pytest.mark.asyncio
async def test_a_certificate_is_for_a_host(authority: trustme.CA, tls: Tls, tmp_path: Path) -> None:
    elsewhere = issue(authority, tmp_path / "elsewhere", "elsewhere.example")
    async with asyncio.timeout(20), ActorSystem(tls=Tls.load(*elsewhere)) as system:
        upid = system.spawn(Probe())
        async with ActorSystem(tls=tls) as strict:
            with pytest.raises(PeerGoneError, match="IP address mismatch"):
                await strict.ask(upid, Echo())
        async with ActorSystem(tls=Tls.load(*elsewhere, check_hosts=False)) as lax:
            assert await lax.ask(upid, Echo()) == Echo()


@pytest.mark.asyncio
async def test_an_authenticator_sees_the_certificate(tls: Tls) -> None:
    names: list[object] = []

    def by_name(peer: Introduction) -> bool:
        assert peer.certificate is not None
        names.append(peer.certificate["subjectAltName"])
        return True

    async with ActorSystem(tls=tls, authenticate=by_name) as system, ActorSystem(tls=tls) as other:
        await other.ask(system.spawn(Probe()), Echo())
    assert names == [(("IP Address", "127.0.0.1"),)]


@pytest.mark.asyncio
async def test_a_unix_socket_needs_none(tls: Tls, tmp_path: Path) -> None:
    async with ActorSystem(f"unix:{tmp_path}/s", tls=tls) as system, ActorSystem(tls=tls) as other:
        assert await other.ask(system.spawn(Probe()), Echo()) == Echo()


@pytest.mark.parametrize("field", ["certificate", "key", "authority"])
def test_a_file_that_is_missing_or_wrong_is_named(files: Files, field: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"TLS {field}: no file {tmp_path}/none"):
        Tls.load(**{**files._asdict(), field: tmp_path / "none"})
    wrong = tmp_path / "wrong"
    wrong.write_text("no PEM")
    with pytest.raises(ValueError, match=f"TLS .*{field} {wrong}"):
        Tls.load(**{**files._asdict(), field: wrong})


@pytest.mark.asyncio
async def test_a_connection_in_its_handshake_does_not_outlive_the_system(tls: Tls) -> None:
    async with asyncio.timeout(5), ActorSystem(tls=tls) as system:
        reader, writer = await asyncio.open_connection(*system.address)
        await system.close()
        writer.write(hello())
        with contextlib.suppress(ConnectionError):
            assert b"incarnation" not in await reader.read()
        writer.close()


def test_a_key_with_a_password_is_not_asked_for_at_the_terminal(files: Files, tmp_path: Path) -> None:
    encrypted = tmp_path / "encrypted.key"
    key = load_pem_private_key(files.key.read_bytes(), None)
    encrypted.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    )
    with pytest.raises(ValueError, match="the key is encrypted"):
        Tls.load(files.certificate, encrypted, files.authority)
