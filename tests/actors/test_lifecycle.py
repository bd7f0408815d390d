"""spawn, terminate, wait; turns, failures, and what is left when an actor ends."""

from __future__ import annotations

import asyncio

import pytest

from actors import Actor, ActorSystem, Child, InProcessNetwork, PeerGoneError, SystemClosedError, handles
from actors.testing import settle

from .probes import Echo, Fail, Hold, Note, Probe, Tough


class Life(Probe):
    """Notes its first and its last turn."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[str] = []

    def initialize(self) -> None:
        self.log.append("initialize")
        self.send(self.upid, Note("from initialize"))

    def finalize(self) -> None:
        self.log.append("finalize")


@pytest.mark.asyncio
async def test_the_first_turn_and_the_last(system: ActorSystem) -> None:
    life = Life()
    upid = system.spawn(life, "life")
    assert str(upid).startswith("life@")
    await settle(system)
    assert [note.text for note in life.notes] == ["from initialize"]
    system.terminate(upid)
    assert await system.wait(upid) == "normal"
    assert life.log == ["initialize", "finalize"]
    assert await system.wait(upid) == "noproc"


@pytest.mark.asyncio
async def test_initialize_and_finalize_may_wait(system: ActorSystem) -> None:
    log: list[str] = []
    gates = asyncio.Event(), asyncio.Event()

    class Slow(Actor):
        async def initialize(self) -> None:
            await gates[0].wait()
            log.append("ready")

        @handles(Note)
        def note(self, message: Note) -> None:
            log.append(message.text)

        async def finalize(self) -> None:
            await gates[1].wait()
            log.append("done")

    upid = system.spawn(Slow())
    system.send(upid, Note("after"))
    await settle(system)
    assert log == []
    gates[0].set()
    await settle(system)
    system.terminate(upid, "enough")
    waiting = asyncio.ensure_future(system.wait(upid))
    gates[1].set()
    assert await waiting in ("enough", "noproc")
    assert log == ["ready", "after", "done"]


@pytest.mark.asyncio
@pytest.mark.parametrize("bad", ["", "a b", "a/b", "a@b", "x" * 129])
async def test_a_bad_id_is_refused(system: ActorSystem, bad: str) -> None:
    with pytest.raises(ValueError, match="actor id"):
        system.spawn(Probe(), bad)


@pytest.mark.asyncio
async def test_an_id_belongs_to_one_and_an_actor_is_spawned_once(system: ActorSystem) -> None:
    probe = Probe()
    upid = system.spawn(probe, "one")
    with pytest.raises(ValueError, match="'one' is taken"):
        system.spawn(Probe(), "one")
    with pytest.raises(ValueError, match="spawned already"):
        system.spawn(probe, "two")
    system.terminate(upid)
    await system.wait(upid)
    assert system.spawn(Probe(), "one") == upid


@pytest.mark.asyncio
async def test_terminate_drops_what_waits_and_drain_does_not(system: ActorSystem) -> None:
    for drain, expected in ((False, 0), (True, 3)):
        probe = Probe()
        upid = system.spawn(probe)
        for number in range(3):
            system.send(upid, Note(number=number))
        system.terminate(upid, drain=drain)
        await system.wait(upid)
        assert len(probe.notes) == expected
    assert system.counters["dead_letters"] == 3


@pytest.mark.asyncio
async def test_a_handler_that_waits_is_cancelled_when_its_actor_ends(system: ActorSystem) -> None:
    cancelled: list[bool] = []

    class Waits(Actor):
        @handles(Hold)
        async def hold(self, _message: Hold) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

        @handles(Echo, concurrent=True)
        async def beside(self, message: Echo) -> None:
            await self.hold(Hold())

    upid = system.spawn(Waits())
    system.send(upid, Echo())
    system.send(upid, Echo())
    system.send(upid, Hold())
    await settle(system)
    system.terminate(upid)
    assert await system.wait(upid) == "normal"
    await settle(system)
    assert cancelled == [True] * 3
    # It ended once: another may have its name, and lives.
    again = system.spawn(Probe(), upid.id)
    await settle(system)
    assert await system.ask(again, Echo("x")) == Echo("x")


@pytest.mark.asyncio
async def test_an_actor_whose_handler_raises_ends_and_a_tough_one_goes_on(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    frail, tough = system.spawn(Probe()), system.spawn(Tough())
    for upid in (frail, tough):
        system.send(upid, Fail("bad weather"))
    await settle(system)
    assert system.counters["handler_failures"] == 2
    assert caplog.text.count("ValueError: bad weather") >= 2
    assert await system.wait(frail) == "noproc"
    assert await system.ask(tough, Echo("here")) == Echo("here")


@pytest.mark.asyncio
async def test_the_reason_names_what_was_raised(system: ActorSystem) -> None:
    watcher = Probe()
    system.spawn(watcher)
    upid = system.spawn(Probe())
    watcher.link(upid)
    system.send(upid, Fail("bad weather"))
    await settle(system)
    assert watcher.exits == [(upid, "error: ValueError: bad weather")]


@pytest.mark.asyncio
async def test_finalize_that_raises_still_ends(system: ActorSystem) -> None:
    class Bad(Probe):
        def finalize(self) -> None:
            raise ValueError("at the end")

    class SlowBad(Probe):
        async def finalize(self) -> None:
            raise ValueError("at the end")

    for actor in (Bad(), SlowBad()):
        upid = system.spawn(actor)
        system.terminate(upid)
        await system.wait(upid)
    assert system.counters["handler_failures"] == 2


@pytest.mark.asyncio
async def test_call_returns_what_the_function_returns_or_raises(system: ActorSystem) -> None:
    upid = system.spawn(Probe())

    async def later() -> int:
        return 7

    def wrong() -> None:
        raise LookupError("as asked")

    async def later_wrong() -> None:
        raise LookupError("as asked")

    assert await system.call(upid, lambda: 5) == 5
    assert await system.call(upid, later) == 7
    for function in (wrong, later_wrong):
        with pytest.raises(LookupError, match="as asked"):
            await system.call(upid, function)
    # It was the caller's error, not the actor's.
    assert system.counters["handler_failures"] == 0
    assert await system.ask(upid, Echo("x")) == Echo("x")


@pytest.mark.asyncio
async def test_a_call_to_an_actor_that_ends_first_fails(system: ActorSystem) -> None:
    probe = Probe()
    upid = system.spawn(probe)
    system.send(upid, Hold())
    call = asyncio.ensure_future(system.call(upid, lambda: 5))
    await settle(system)
    system.terminate(upid)
    with pytest.raises(PeerGoneError):
        await call
    with pytest.raises(PeerGoneError):
        await system.call(upid, lambda: 5)


@pytest.mark.asyncio
async def test_a_closed_system_ends_its_actors_last_first(network: InProcessNetwork) -> None:
    order: list[str] = []

    class Ends(Actor):
        def finalize(self) -> None:
            order.append(self.upid.id)

    system = ActorSystem(transport=network.transport())
    with pytest.raises(SystemClosedError):
        system.spawn(Ends())
    async with system:
        for name in "abc":
            system.spawn(Ends(), name)
    assert order == ["c", "b", "a"]
    with pytest.raises(SystemClosedError):
        system.spawn(Ends())
    with pytest.raises(SystemClosedError):
        await system.start()


@pytest.mark.asyncio
async def test_a_busy_actor_does_not_keep_others_from_their_turns(system: ActorSystem) -> None:
    class Busy(Actor):
        turns = 0

        @handles(Note)
        def note(self, message: Note) -> None:
            self.turns += 1
            self.send(self.upid, message)

    busy = Busy()
    upid = system.spawn(busy)
    system.send(upid, Note())
    quiet = system.spawn(Probe())
    assert await system.ask(quiet, Echo("x")) == Echo("x")
    assert busy.turns > 0
    system.terminate(upid)
    await system.wait(upid)


@pytest.mark.asyncio
async def test_processes_tell_what_is_going_on(system: ActorSystem) -> None:
    probe, watcher = Probe(), Probe()
    upid = system.spawn(probe, "held")
    system.spawn(watcher, "watcher")
    watcher.link(upid)
    system.send(upid, Hold())
    system.send(upid, Note())
    await settle(system)
    held = next(process for process in system.processes() if process.id == "held")
    assert (held.type, held.mailbox, held.waiting) == ("Probe", 1, True)
    assert held.watchers == [str(watcher.upid)]
    probe.gate.set()
    await settle(system)


@pytest.mark.asyncio
async def test_mistakes_are_told_as_what_they_are(two: tuple[ActorSystem, ActorSystem]) -> None:
    system, other = two
    with pytest.raises(TypeError, match="of a class it takes an instance"):
        system.spawn(Probe)
    with pytest.raises(TypeError, match="'probe' is not a UPID"):
        system.send("probe", Note())
    with pytest.raises(TypeError, match="'probe' is not a UPID"):
        await system.ask("probe", Note())
    with pytest.raises(TypeError, match="not a class or function that makes the actor"):
        Child("probe", Probe())
    with pytest.raises(TypeError, match="it is written @handles"):
        handles(lambda self, message: None)
    # What is no message does no harm to the connection.
    here, there = system.spawn(Probe()), other.spawn(Probe())
    for upid in (here, there):
        system.send(upid, 5)
    await settle(*two)
    assert system.counters["dead_letters"] == 2
    assert other.counters["malformed_frames"] == 0
    with pytest.raises(PeerGoneError, match="int is no Message"):
        await system.ask(there, 5)


@pytest.mark.asyncio
async def test_a_crash_from_inside_gives_nobody_another_turn(system: ActorSystem) -> None:
    """`abort`, called by a handler."""
    other = Probe()
    system.spawn(other)

    class Chaos(Actor):
        turns = 0

        @handles(Note)
        def note(self, _message: Note) -> None:
            self.turns += 1
            self.system.send(other.upid, Note())
            self.system.abort()

    chaos = Chaos()
    upid = system.spawn(chaos)
    for _ in range(3):
        system.send(upid, Note())
    await settle(system)
    assert (chaos.turns, other.notes) == (1, [])
