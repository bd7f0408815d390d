"""Ports: programs that are linked, monitored and supervised as actors are."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from actors import (
    NORMAL,
    Actor,
    ActorSystem,
    Child,
    CloseInput,
    FailurePolicy,
    Output,
    Port,
    RemoteError,
    Restart,
    Supervisor,
    Write,
    handles,
)

from .test_commands import SHELL, alive, gone


class Owner(Actor):
    """Keeps what a program says; `until` awaits so much of it."""

    failure_policy = FailurePolicy.RESUME

    def __init__(self) -> None:
        self.said: list[Output] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._changed = asyncio.Condition()

    @handles(Output)
    async def output(self, message: Output) -> None:
        async with self._changed:
            self.said.append(message)
            self._changed.notify_all()
        await self.gate.wait()

    async def until(self, text: bytes, times: int = 1) -> None:
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: self.text().count(text) >= times)

    def text(self) -> bytes:
        return b"".join(output.data for output in self.said)


@pytest_asyncio.fixture
async def real() -> AsyncIterator[ActorSystem]:
    async with asyncio.timeout(30), ActorSystem() as system:
        yield system


@pytest.mark.asyncio
async def test_what_is_written_comes_back_and_the_end_is_normal(real: ActorSystem) -> None:
    owner = Owner()
    port = real.spawn(Port(["/bin/cat"], real.spawn(owner)))
    await real.ask(port, Write(b"hello\n"))
    await owner.until(b"hello\n")
    real.send(port, CloseInput())
    assert await real.wait(port) == NORMAL


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 3", "error: exit status 3"),
        ("kill -SEGV $$", "error: SIGSEGV"),
        ("kill -40 $$", "error: signal 40"),
    ],
)
async def test_how_a_program_ended_is_why_its_port_did(real: ActorSystem, script: str, reason: str) -> None:
    owner = Owner()
    port = real.spawn(Port([*SHELL, f"echo out; echo err >&2; {script}"], real.spawn(owner)))
    assert await real.wait(port) == reason
    # All that it said was handled before.
    assert sorted((each.data, each.error) for each in owner.said) == [(b"err\n", True), (b"out\n", False)]


@pytest.mark.asyncio
async def test_lines(real: ActorSystem) -> None:
    owner = Owner()
    script = "printf 'one\\n\\nthree'; printf 'two\\n' >&2; head -c 100000 /dev/zero | tr '\\0' x"
    port = real.spawn(Port([*SHELL, script], real.spawn(owner), lines=True))
    await real.wait(port)
    out = [each.data for each in owner.said if not each.error]
    assert out[:2] == [b"one", b""]
    assert b"".join(out[2:]) == b"three" + b"x" * 100_000
    assert max(map(len, out)) <= 65_536
    assert [each.data for each in owner.said if each.error] == [b"two"]


@pytest.mark.asyncio
async def test_a_program_cannot_flood_its_owner(real: ActorSystem) -> None:
    owner = Owner()
    owner.gate.clear()
    upid = real.spawn(owner)
    port = real.spawn(Port(["/usr/bin/yes"], upid))
    await owner.until(b"y")
    for _ in range(100):
        await asyncio.sleep(0)
    # One is with the owner, none waits in its mailbox; the program waits for its pipe.
    assert len(owner.said) == 1
    assert real.inspect(upid)[0].mailbox == 0
    owner.gate.set()
    real.terminate(port)
    await real.wait(port)


@pytest.mark.asyncio
async def test_a_program_ends_with_its_port_and_what_it_started_too(real: ActorSystem) -> None:
    owner = Owner()
    port = real.spawn(
        Port([*SHELL, "trap '' TERM; sleep 60 & echo $! $$.; wait"], real.spawn(owner), grace=0.1)
    )
    await owner.until(b".")
    real.terminate(port)
    assert await real.wait(port) == NORMAL
    for pid in owner.text().decode().strip(".\n").split():
        await gone(int(pid))


@pytest.mark.asyncio
async def test_a_program_that_heeds_sigterm_may_clean_up(real: ActorSystem, tmp_path: Path) -> None:
    owner = Owner()
    mark = tmp_path / "mark"
    script = f"trap 'echo clean > {mark}; exit 0' TERM; echo ready; while :; do sleep 0.01; done"
    port = real.spawn(Port([*SHELL, script], real.spawn(owner)))
    await owner.until(b"ready")
    real.terminate(port)
    await real.wait(port)
    assert mark.read_text() == "clean\n"


@pytest.mark.asyncio
async def test_killing_a_port_waits_for_nothing(real: ActorSystem) -> None:
    owner = Owner()
    port = real.spawn(
        Port([*SHELL, "trap '' TERM; echo $$.; sleep 60; sleep 60"], real.spawn(owner), grace=3600)
    )
    await owner.until(b".")
    real.kill(port)
    await real.wait(port)
    await gone(int(owner.text().strip(b".\n")))


@pytest.mark.asyncio
async def test_a_port_ends_with_its_owner(real: ActorSystem) -> None:
    owner = Owner()
    upid = real.spawn(owner)
    port = real.spawn(Port([*SHELL, "echo $$.; exec sleep 60"], upid))
    await owner.until(b".")
    real.terminate(upid, "error: broken")
    assert await real.wait(port) == "error: the owner of the port: error: broken"
    assert not alive(int(owner.text().strip(b".\n")))


@pytest.mark.asyncio
async def test_so_it_does_if_the_program_reads_nothing(real: ActorSystem) -> None:
    owner = Owner()
    upid = real.spawn(owner)
    port = real.spawn(Port([*SHELL, "echo $$.; exec sleep 60"], upid))
    await owner.until(b".")
    real.send(port, Write(b"x" * 1_000_000))
    real.terminate(upid)
    assert await real.wait(port) == NORMAL
    assert not alive(int(owner.text().strip(b".\n")))


@pytest.mark.asyncio
async def test_who_leaves_the_group_and_holds_the_output_holds_up_nobody(real: ActorSystem) -> None:
    owner = Owner()
    port = real.spawn(Port([*SHELL, "setsid sleep 60 & echo $!.; wait"], real.spawn(owner), grace=0.1))
    await owner.until(b".")
    real.terminate(port)
    async with asyncio.timeout(10):
        await real.wait(port)
    os.kill(int(owner.text().strip(b".\n")), 9)


@pytest.mark.asyncio
async def test_an_owner_that_can_be_sent_no_output_ends_the_port(real: ActorSystem) -> None:
    owner = Owner()
    async with ActorSystem(max_frame=1000) as small:
        port = small.spawn(Port([*SHELL, "head -c 100000 /dev/zero; exec sleep 60"], real.spawn(owner)))
        assert "exceed the frame limit" in await small.wait(port)


@pytest.mark.asyncio
async def test_a_program_that_is_not_there(real: ActorSystem) -> None:
    port = real.spawn(Port(["/no/such/program"], real.spawn(Owner())))
    assert (
        await real.wait(port)
        == "error: FileNotFoundError: [Errno 2] No such file or directory: '/no/such/program'"
    )


@pytest.mark.asyncio
async def test_writing_to_who_reads_no_more_is_refused(real: ActorSystem) -> None:
    owner = Owner()
    port = real.spawn(Port([*SHELL, "exec <&-; echo closed; exec sleep 60"], real.spawn(owner)))
    await owner.until(b"closed")
    answers = [real.ask(port, Write(b"x" * 100_000)) for _ in range(10)]
    refused = [each for each in await asyncio.gather(*answers, return_exceptions=True) if each is not None]
    assert all(isinstance(each, RemoteError) and each.kind == "Refused" for each in refused)
    assert "the program's input is closed" in str(refused[-1])
    real.terminate(port)
    await real.wait(port)


@pytest.mark.asyncio
async def test_a_supervisor_starts_a_program_again(real: ActorSystem) -> None:
    owner = Owner()
    upid = real.spawn(owner)

    def program() -> Port:
        return Port([*SHELL, "echo $$ started; read line; exit 1"], upid)

    real.spawn(Supervisor([Child("program", program, Restart.PERMANENT)]))
    await owner.until(b"started")
    first = int(owner.text().split()[0])
    os.kill(first, 9)
    await owner.until(b"started", times=2)
    assert int(owner.text().split()[2]) != first
