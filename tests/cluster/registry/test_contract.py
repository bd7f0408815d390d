"""The same promises from memory, SQLite and etcd."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from cluster.registry import MAX_OBJECT, Change, RegistryState
from cluster.registry.state import KINDS

from .objects import ADMIT, AGENT, EVERY_KIND
from .storages import Storage

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.parametrize("place", ["memory", "sqlite", "model", "etcd"], indirect=True),
]

MANY = 10_000


def admitted(number: int) -> Change:
    return Change("agents", f"A{number}", msgspec.structs.replace(AGENT, id=f"A{number}"))


def applied(*changes: Change) -> RegistryState:
    state = RegistryState()
    for change in changes:
        state.apply(change)
    return state


async def test_what_is_written_is_read(storage: Storage) -> None:
    registry = await storage.open()
    assert await registry.load() == RegistryState()
    await registry.write([ADMIT])
    await registry.write([ADMIT, Change("weights", "eng", 2.0)])
    await registry.write([Change("weights", "ops", 0.5)])
    assert await registry.load() == applied(
        ADMIT, Change("weights", "eng", 2.0), Change("weights", "ops", 0.5)
    )
    await registry.write([Change("agents", "A1", None), Change("agents", "nonsense", None)])
    assert (await registry.load()).agents == {}
    await registry.write([])
    await registry.close()


async def test_every_kind_is_kept_for_the_next_master(storage: Storage) -> None:
    assert {change.kind for change in EVERY_KIND} == KINDS.keys()
    registry = await storage.open()
    await registry.load()
    await registry.write(EVERY_KIND)
    await registry.close()
    registry = await storage.open()
    assert await registry.load() == applied(*EVERY_KIND)
    await registry.write([change._replace(value=None) for change in EVERY_KIND])
    assert await registry.load() == RegistryState()
    await registry.close()


async def test_the_last_change_of_an_object_holds(storage: Storage) -> None:
    registry = await storage.open()
    await registry.load()
    await registry.write(
        [Change("weights", "a", 1.0), Change("weights", "b", 1.0), Change("weights", "a", 2.0)]
    )
    await registry.write(
        [Change("weights", "b", None), Change("weights", "a", None), Change("weights", "a", 3.0)]
    )
    await registry.write([Change("weights", "c", 1.0), Change("weights", "c", None)])
    assert (await registry.load()).weights == {"a": 3.0}
    await registry.close()


async def test_writes_are_done_in_the_order_of_the_calls(storage: Storage) -> None:
    registry = await storage.open()
    await registry.load()
    writes = [
        registry.write([Change("weights", "a", float(n)), Change("ended", f"F{n}", 0.0)])
        for n in range(1, 30)
    ]
    await asyncio.gather(*writes)
    state = await registry.load()
    assert (state.weights, len(state.ended)) == ({"a": 29.0}, 29)
    await registry.close()


async def test_thousands_of_agents_at_once(storage: Storage) -> None:
    registry = await storage.open()
    await registry.load()
    agents = [admitted(number) for number in range(MANY)]
    await registry.write([*agents, *(Change("drains", change.id, None) for change in agents)])
    assert await registry.load() == applied(*agents)
    await registry.write([change._replace(value=None) for change in agents[1:]])
    await registry.close()
    registry = await storage.open()
    assert await registry.load() == applied(agents[0])
    await registry.close()


async def test_objects_as_large_as_masters_take_them(storage: Storage) -> None:
    registry = await storage.open()
    await registry.load()
    large = [Change("cluster", f"{'x' * 1000}{n}", "y" * (MAX_OBJECT - 2)) for n in range(5)]
    await registry.write(large)
    assert await registry.load() == applied(*large)
    await registry.close()
