"""Names beside ids, and who hears of dead letters."""

from __future__ import annotations

import pytest

from actors import UPID, Actor, ActorSystem, DeadLetter, handles
from actors.testing import settle

from .probes import Note, Probe, Stranger


@pytest.mark.asyncio
async def test_a_name_passes_from_one_actor_to_the_next(system: ActorSystem) -> None:
    first, second = system.spawn(Probe()), system.spawn(Probe())
    system.names.register("db", first)
    system.names.register("also-db", first)
    with pytest.raises(ValueError, match=r"'db' is taken by probe\(1\)"):
        system.names.register("db", second)
    assert system.names.whereis("db") == first
    system.terminate(first)
    await settle(system)
    assert list(system.names) == []
    system.names.register("db", second)
    assert system.names.whereis("db") == second
    system.names.unregister("db")
    system.names.unregister("db")
    assert system.names.whereis("db") is None


@pytest.mark.asyncio
async def test_bad_names(system: ActorSystem) -> None:
    with pytest.raises(ValueError, match="name 'a b'"):
        system.names.register("a b", system.spawn(Probe()))


class Undertaker(Actor):
    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    @handles(DeadLetter)
    def bury(self, letter: DeadLetter) -> None:
        self.letters.append(letter)


@pytest.mark.asyncio
async def test_dead_letters_are_told_to_who_subscribed(system: ActorSystem) -> None:
    undertaker = Undertaker()
    upid = system.spawn(undertaker)
    system.dead_letters.subscribe(upid)
    probe = system.spawn(Probe())
    nobody = UPID.at("nobody", system.address)
    system.send(nobody, Note("hello"), probe)
    system.send(probe, Stranger())
    await settle(system)
    assert undertaker.letters == [
        DeadLetter(nobody, probe, Note("hello"), "noproc"),
        DeadLetter(probe, None, Stranger(), "no handler"),
    ]
    system.dead_letters.unsubscribe(upid)
    system.send(nobody, Note())
    await settle(system)
    assert len(undertaker.letters) == 2
    assert system.counters["dead_letters"] == 3


@pytest.mark.asyncio
async def test_a_subscriber_that_cannot_handle_them_or_has_ended_makes_no_circle(system: ActorSystem) -> None:
    deaf, gone = system.spawn(Probe()), system.spawn(Undertaker())
    system.dead_letters.subscribe(deaf)
    system.dead_letters.subscribe(gone)
    system.terminate(gone)
    await settle(system)
    system.send(UPID.at("nobody", system.address), Note())
    await settle(system)
    # The note, and the letter that the probe has no handler for.
    assert system.counters["dead_letters"] == 2
    assert system.dead_letters.subscribers() == [deaf]
