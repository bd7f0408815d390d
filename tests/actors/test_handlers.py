from __future__ import annotations

import asyncio

import pytest

from actors import Actor, ActorSystem, Message, RemoteError, handles
from actors.testing import settle

from .probes import Echo, Hold, Note, Probe, Stranger, WhoAsks


class Both(Actor):
    """One handler that waits and holds the mailbox, one that waits beside it."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.gate = asyncio.Event()

    @handles(Note)
    async def slow(self, message: Note) -> Note:
        self.log.append(f"in {message.text}")
        await self.gate.wait()
        self.log.append(f"out {message.text}")
        return message

    @handles(Echo, concurrent=True)
    async def beside(self, message: Echo) -> Echo:
        self.log.append(f"in {message.text}")
        await self.gate.wait()
        self.log.append(f"out {message.text}")
        return message


@pytest.mark.asyncio
async def test_an_async_handler_holds_the_mailbox_until_it_is_done(system: ActorSystem) -> None:
    actor = Both()
    upid = system.spawn(actor)
    system.send(upid, Note("1"))
    system.send(upid, Note("2"))
    await settle(system)
    assert actor.log == ["in 1"]
    actor.gate.set()
    await settle(system)
    assert actor.log == ["in 1", "out 1", "in 2", "out 2"]


@pytest.mark.asyncio
async def test_a_concurrent_handler_lets_the_next_message_in(system: ActorSystem) -> None:
    actor = Both()
    upid = system.spawn(actor)
    asks = [asyncio.ensure_future(system.ask(upid, Echo(text))) for text in "12"]
    await settle(system)
    assert actor.log == ["in 1", "in 2"]
    actor.gate.set()
    assert [reply.text for reply in await asyncio.gather(*asks)] == ["1", "2"]


@pytest.mark.asyncio
async def test_handlers_of_one_actor_never_overlap(system: ActorSystem) -> None:
    running = 0

    class Careful(Actor):
        @handles(Note)
        async def note(self, _message: Note) -> None:
            nonlocal running
            running += 1
            assert running == 1
            await asyncio.sleep(0)
            running -= 1

        @handles(Echo)
        def echo(self, message: Echo) -> Echo:
            assert running == 0
            return message

    upid = system.spawn(Careful())
    for _ in range(100):
        system.send(upid, Note())
        system.send(upid, Echo())
    assert await system.ask(upid, Echo("still alive")) == Echo("still alive")


@pytest.mark.asyncio
async def test_the_sender_is_given_to_whom_wants_it(system: ActorSystem) -> None:
    probe, other = Probe(), Probe()
    upid, sender = system.spawn(probe), system.spawn(other)
    other.send(upid, Note())
    system.send(upid, Note())
    await settle(system)
    assert probe.senders == [sender, None]
    assert (await other.ask(upid, WhoAsks())).upid == sender


@pytest.mark.asyncio
async def test_messages_between_local_actors_pass_by_reference(system: ActorSystem) -> None:
    probe = Probe()
    note = Note("the very same")
    system.send(system.spawn(probe), note)
    await settle(system)
    assert probe.notes[0] is note


@pytest.mark.asyncio
async def test_a_subclass_overrides_a_handler_without_declaring_it_again(system: ActorSystem) -> None:
    class Loud(Probe):
        def echo(self, message: Echo) -> Echo:
            return Echo(message.text.upper())

    assert (await system.ask(system.spawn(Loud()), Echo("a"))).text == "A"
    assert (await system.ask(system.spawn(Probe()), Echo("a"))).text == "a"


@pytest.mark.asyncio
async def test_an_override_may_be_async_where_the_original_was_not(system: ActorSystem) -> None:
    class Slow(Probe):
        async def echo(self, message: Echo) -> Echo:
            await asyncio.sleep(0)
            return Echo(message.text + "!")

    assert (await system.ask(system.spawn(Slow()), Echo("a"))).text == "a!"


@pytest.mark.asyncio
async def test_a_subclass_may_take_a_message_over_with_another_method(system: ActorSystem) -> None:
    class Other(Probe):
        @handles(Echo)
        def my_echo(self, _message: Echo) -> Echo:
            return Echo("mine")

    assert (await system.ask(system.spawn(Other()), Echo("a"))).text == "mine"


@pytest.mark.asyncio
async def test_an_override_may_become_concurrent(system: ActorSystem) -> None:
    class Wide(Probe):
        @handles(Hold, concurrent=True)
        async def hold(self, message: Hold) -> Note:
            return await super().hold(message)

    wide = Wide()
    upid = system.spawn(wide)
    system.send(upid, Hold())
    assert await system.ask(upid, Echo("not held up")) == Echo("not held up")


def test_two_handlers_of_one_class_for_one_message_are_refused() -> None:
    with pytest.raises(TypeError, match=r"Torn.*Note"):

        class Torn(Actor):
            @handles(Note)
            def one(self, message: Note) -> None: ...

            @handles(Note)
            def other(self, message: Note) -> None: ...


def test_a_handler_takes_a_message_and_perhaps_the_sender() -> None:
    with pytest.raises(TypeError, match="greedy"):

        class Greedy(Actor):
            @handles(Note)
            def greedy(self, message: Note, sender: object, more: object) -> None: ...


@pytest.mark.parametrize("wrong", [int, "Note", Note(), None])
def test_handles_names_message_classes_only(wrong: object) -> None:
    with pytest.raises(TypeError, match="not a Message class"):
        handles(wrong)
    with pytest.raises(TypeError, match="no message type"):
        handles()


@pytest.mark.asyncio
async def test_one_handler_may_serve_several_messages(system: ActorSystem) -> None:
    seen: list[Message] = []

    class Wide(Actor):
        @handles(Note, Echo)
        def take(self, message: Message) -> None:
            seen.append(message)

    upid = system.spawn(Wide())
    system.send(upid, Note("a"))
    system.send(upid, Echo("b"))
    await settle(system)
    assert seen == [Note("a"), Echo("b")]


@pytest.mark.asyncio
async def test_an_undeclared_message_is_a_dead_letter_and_its_asker_is_refused(system: ActorSystem) -> None:
    upid = system.spawn(Probe())
    system.send(upid, Stranger())
    await settle(system)
    assert system.counters["dead_letters"] == 1
    with pytest.raises(RemoteError, match="no handler for Stranger"):
        await system.ask(upid, Stranger())
    assert await system.ask(upid, Echo("alive")) == Echo("alive")


@pytest.mark.asyncio
async def test_unhandled_may_be_overridden_sync_or_async(system: ActorSystem) -> None:
    seen: list[Message] = []

    class Catcher(Actor):
        def unhandled(self, message: Message, sender: object) -> None:
            seen.append(message)

    class SlowCatcher(Actor):
        async def unhandled(self, message: Message, sender: object) -> None:
            await asyncio.sleep(0)
            seen.append(message)

    for actor in (Catcher(), SlowCatcher()):
        upid = system.spawn(actor)
        system.send(upid, Stranger())
        await settle(system)
        with pytest.raises(RemoteError, match="no handler for Stranger"):
            await system.ask(upid, Stranger())
    assert len(seen) == 4
    assert system.counters["dead_letters"] == 0


@pytest.mark.asyncio
@pytest.mark.parametrize("slow", [False, True])
async def test_a_handler_that_returns_no_message_fails(system: ActorSystem, slow: bool) -> None:
    class Sync(Actor):
        @handles(Echo)
        def echo(self, _message: Echo) -> int:
            return 5

    class Async(Actor):
        @handles(Echo)
        async def echo(self, _message: Echo) -> int:
            return 5

    upid = system.spawn(Async() if slow else Sync())
    with pytest.raises(RemoteError, match="returned int, not a Message") as caught:
        await system.ask(upid, Echo())
    assert caught.value.kind == "TypeError"
    assert (await system.wait(upid)) in ("noproc", f"error: {caught.value}")
