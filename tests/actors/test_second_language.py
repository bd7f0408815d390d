"""The wire protocol as docs/actors/wire.md specifies it, spoken with nothing but sockets and msgpack."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import msgpack
import pytest

from actors import Actor, ActorSystem, Message, handles


class Client:
    """A system of its own in the eyes of the other, with one actor, `client`, and no port that listens."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), timeout=10)
        self.data, self.asks, self.inbox = b"", 0, []
        self.write({"ostrom": 1, "host": "second-language", "port": 0, "incarnation": "life-1"})
        self.hello = self.read()
        self.write([])

    def write(self, value: Any) -> None:
        payload = msgpack.packb(value)
        self.socket.sendall(len(payload).to_bytes(4, "big") + payload)

    def read(self) -> Any:
        while len(self.data) < 4 or len(self.data) < 4 + int.from_bytes(self.data[:4], "big"):
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the system closed the connection")
            self.data += data
        end = 4 + int.from_bytes(self.data[:4], "big")
        payload, self.data = self.data[4:end], self.data[end:]
        return msgpack.unpackb(payload)

    def send(self, to: str, tag: str, **fields: Any) -> None:
        self.write([[to, "client", 0, {"t": tag, **fields}]])

    def ask(self, to: str, tag: str, **fields: Any) -> Any:
        self.asks += 1
        self.write([[to, "client", self.asks, {"t": tag, **fields}]])
        while not (found := [body for _, _, number, body in self.inbox if number == -self.asks]):
            self.inbox += self.read()
        self.inbox = [envelope for envelope in self.inbox if envelope[2] != -self.asks]
        if found[0] is not None and found[0]["t"] == "$failure":
            raise RuntimeError(f"{found[0]['kind']}: {found[0]['text']}")
        return found[0]

    def close(self) -> None:
        self.socket.close()


class Deposit(Message, tag="second.Deposit"):
    amount: int


class Balance(Message, tag="second.Balance"):
    value: int = 0


class Account(Actor):
    def __init__(self) -> None:
        self.value = 0

    @handles(Deposit)
    def deposit(self, message: Deposit) -> None:
        if message.amount < 0:
            raise ValueError("no debts")
        self.value += message.amount

    @handles(Balance)
    def balance(self, message: Balance) -> Balance:
        return Balance(self.value)


def visit(host: str, port: int, incarnation: str) -> None:
    client = Client(host, port)
    assert client.hello == {"ostrom": 1, "host": host, "port": port, "incarnation": incarnation}
    for amount in range(10):
        client.send("account", "second.Deposit", amount=amount)
    assert client.ask("account", "second.Balance") == {"t": "second.Balance", "value": 45}
    assert client.ask("account", "second.Deposit", amount=1) is None
    with pytest.raises(RuntimeError, match="noproc"):
        client.ask("nobody", "second.Balance")
    with pytest.raises(RuntimeError, match=r"ValidationError: .*amount"):
        client.ask("account", "second.Deposit", amount="much")
    with pytest.raises(RuntimeError, match=r"ValidationError: .*second\.Unheard"):
        client.ask("account", "second.Unheard")
    client.write([["", "", 0, {"t": "$link", "watcher": "client", "target": "account"}]])
    with pytest.raises(RuntimeError, match="ValueError: no debts"):
        client.ask("account", "second.Deposit", amount=-1)
    # The failure ended the account, which the link tells.
    ((_, _, _, body),) = client.inbox or client.read()
    assert body == {
        "t": "$exited",
        "watcher": "client",
        "target": "account",
        "reason": "error: ValueError: no debts",
    }
    client.close()


@pytest.mark.asyncio
async def test_a_client_of_under_60_lines() -> None:
    async with ActorSystem() as system:
        system.spawn(Account(), "account")
        await asyncio.to_thread(visit, *system.address, system.incarnation)
