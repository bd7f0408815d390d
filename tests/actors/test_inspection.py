"""Looking into live actors, and seeing what comes for them."""

from __future__ import annotations

import dataclasses
import socket

import pytest

from actors import Actor, ActorSystem, PausedClock, Traced, handles
from actors.testing import advance, intercept, settle

from .probes import Echo, Hold, Note, Probe

Two = tuple[ActorSystem, ActorSystem]


@pytest.mark.asyncio
async def test_an_actor_that_waits(system: ActorSystem, clock: PausedClock) -> None:
    upid = system.spawn(Probe(), "held")
    system.names.register("db", upid)
    system.send(upid, Note())
    system.send(upid, Hold())
    system.send(upid, Note())
    await advance(clock, 30, system)
    view, state = system.inspect(upid)
    assert (view.waiting, view.waiting_for, view.waiting_seconds) == (True, "Hold", 30)
    assert (view.mailbox, view.handled, view.names) == (1, 2, ["db"])
    assert state["notes"] == [Note()]
    state["gate"].set()
    await settle(system)
    view, _ = system.inspect(upid)
    assert (view.waiting, view.waiting_for, view.waiting_seconds) == (False, "", 0)
    system.terminate(upid)
    await settle(system)
    with pytest.raises(KeyError, match="held@"):
        system.inspect(upid)


@pytest.mark.asyncio
async def test_what_never_had_mail_and_slots(system: ActorSystem) -> None:
    class Slotted(Actor):
        __slots__ = ("a", "b")

        def __init__(self) -> None:
            self.a = 1

    actor = Slotted()
    view, state = system.inspect(system.spawn(actor))
    assert (view.mailbox, view.handled, view.waiting) == (0, 0, False)
    assert state == {"a": 1}
    # Looking made nothing.
    assert actor._runtime is None


@pytest.mark.asyncio
async def test_a_trace_by_id_and_tag_of_actors_now_and_later(two: Two, clock: PausedClock) -> None:
    seen: list[Traced] = []
    first = two[0].spawn(Probe(), "worker-1")
    two[0].send(first, Note("before"))
    with two[0].trace(seen.append, ids="worker-*", tags="[NE]*"):
        second = two[0].spawn(Probe(), "worker-2")
        other = two[0].spawn(Probe(), "boss")
        for upid in (first, second, other):
            two[0].send(upid, Note("x"), other)
            two[0].send(upid, Hold())
        await settle(*two)
    two[0].send(first, Note("after"))
    await settle(*two)
    now = clock.time()
    assert seen == [
        Traced(now, first, other, Note("x"), False),
        Traced(now, second, other, Note("x"), False),
    ]


@pytest.mark.asyncio
async def test_traces_limits_and_interceptions_do_not_disturb_each_other(system: ActorSystem) -> None:
    class Small(Probe):
        mailbox_limit = 2

    one: list[Traced] = []
    two: list[Traced] = []
    probe = Small()
    upid = system.spawn(probe)
    with system.trace(one.append), intercept(system, upid) as post, system.trace(two.append, tags="Note"):
        post.drop(Note)
        for number in range(4):
            system.send(upid, Note(number=number))
        await settle(system)
    assert [traced.message.number for traced in one] == [0, 1, 2, 3]
    assert len(two) == 4
    assert [note.number for note in probe.notes] == [1, 2]
    assert await system.ask(upid, Echo()) == Echo()
    assert len(one) == 4


@pytest.mark.asyncio
async def test_an_actor_that_has_no_hash(system: ActorSystem) -> None:
    @dataclasses.dataclass
    class Equal(Actor):
        value: int = 0

        @handles(Note)
        async def note(self, message: Note) -> None:
            self.value += message.number

    actor = Equal()
    upid = system.spawn(actor)
    with intercept(system, upid), system.trace(print, ids="nobody"):
        system.send(upid, Note(number=5))
        await settle(system)
    assert actor == Equal(5)


@pytest.mark.asyncio
async def test_connections_have_heartbeats(tcp: Two) -> None:
    upid = tcp[1].spawn(Probe())
    await tcp[0].ask(upid, Echo())
    for system in tcp:
        (connection,) = system._transport.connections
        sock = connection.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        idle, every, count = (
            sock.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert idle + every * count <= 30
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
