"""Pyzmq's asyncio sockets: no actors, but what many would send messages with."""

from __future__ import annotations

import asyncio
import sys
import time

import msgpack
import uvloop
import zmq
import zmq.asyncio

from benchmarks.actors.ours import STATUS
from benchmarks.report import quantile

from .rounds import pin, report, rounds_async

BURST = 250


async def serve() -> None:
    """Be the second process: count what comes to one socket, answer at the other."""
    context = zmq.asyncio.Context()
    pull, answer = context.socket(zmq.PULL), context.socket(zmq.REP)
    ports = [socket.bind_to_random_port("tcp://127.0.0.1") for socket in (pull, answer)]
    print(*ports, flush=True)
    count = 0

    async def take() -> None:
        nonlocal count
        while True:
            msgpack.unpackb(await pull.recv())
            count += 1

    taking = asyncio.create_task(take())
    while (wanted := msgpack.unpackb(await answer.recv())) is not None:
        while count < wanted:
            await asyncio.sleep(0)
        await answer.send(msgpack.packb(count))
    taking.cancel()
    context.destroy(linger=0)


async def main() -> None:
    """Measure."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.actors.peers.pyzmq_peer", "serve", stdout=asyncio.subprocess.PIPE
    )
    if process.stdout is None:
        raise RuntimeError("the second process has no pipe")
    context = zmq.asyncio.Context()
    push, ask = context.socket(zmq.PUSH), context.socket(zmq.REQ)
    for socket, port in zip((push, ask), (await process.stdout.readline()).split(), strict=True):
        socket.connect(f"tcp://127.0.0.1:{port.decode()}")
    sent = 0

    async def question(wanted: int | None) -> None:
        await ask.send(msgpack.packb(wanted))
        if wanted is not None:
            await ask.recv()

    async def tell() -> None:
        nonlocal sent
        for _ in range(BURST):
            await push.send(msgpack.packb(STATUS))
        sent += BURST
        await question(sent)

    figures = {"remote_tell": await rounds_async(BURST, tell)}
    pin(process.pid)
    taken = []
    for _ in range(1000):
        began = time.perf_counter()
        await question(0)
        taken.append((time.perf_counter() - began) * 1e9)
    figures["remote_ask_p50"], figures["remote_ask_p99"] = quantile(taken, 0.5), quantile(taken, 0.99)
    await question(None)
    await process.wait()
    context.destroy(linger=0)
    report(figures)


if __name__ == "__main__":
    uvloop.run(serve() if "serve" in sys.argv else main())
