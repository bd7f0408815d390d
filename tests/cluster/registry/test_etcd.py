"""Only the master that leads writes, each change once, whatever becomes of its requests."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster.etcd import CompactedError, EtcdRefusedError, Put
from cluster.registry import Change, DeposedError, RegistryError, RegistryState

from .objects import ADMIT
from .storages import Do, EtcdStorage

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.parametrize("place", ["model", "etcd"], indirect=True),
]


def weight(value: float, role: str = "eng") -> Change:
    return Change("weights", role, value)


async def weights_of(storage: EtcdStorage) -> dict[str, float]:
    """As the next master reads them."""
    return (await (await storage.open()).load()).weights


async def test_each_object_is_a_key(storage: EtcdStorage) -> None:
    registry = await storage.opened()
    await registry.write([ADMIT, weight(2.0, "eng/dev")])
    keys = await storage.keys()
    assert keys["weights/eng/dev"] == b"2.0"
    assert keys.keys() == {"agents/A1", "weights/eng/dev"}


async def test_many_changes_are_few_transactions(storage: EtcdStorage) -> None:
    registry = await storage.opened()
    await registry.write([Change("ended", f"F{number}", 1.0) for number in range(1001)])
    assert await storage.written() == 11


async def test_a_deposed_master_writes_nothing(storage: EtcdStorage) -> None:
    old = await storage.opened()
    await old.write([weight(1.0)])
    new = await storage.opened()
    for _ in range(2):
        with pytest.raises(RegistryError, match=r"another master leads|failed before"):
            await old.write([weight(2.0), Change("ended", "F", 1.0)])
    await new.write([weight(3.0)])
    assert await storage.keys() == {"weights/eng": b"3.0"}


async def test_a_deposed_master_is_told_so(storage: EtcdStorage) -> None:
    old = await storage.opened()
    await storage.depose()
    with pytest.raises(DeposedError, match="no master leads, this one did until now"):
        await old.write([weight(2.0)])
    old = await storage.opened()
    await storage.elect()
    with pytest.raises(DeposedError, match="another master leads"):
        await old.write([weight(2.0)])
    assert await storage.keys() == {}


async def test_one_that_leads_anew_has_to_read_first(storage: EtcdStorage) -> None:
    registry, term = await storage.opened(), storage.term
    other = await storage.opened()
    await other.write([weight(1.0)])
    # What its registry knows is of the time before.
    term.become(await storage.elect())
    with pytest.raises(DeposedError):
        await registry.write([weight(2.0)])


async def test_a_master_that_is_deposed_midway_stops_there(storage: EtcdStorage) -> None:
    registry = await storage.opened()

    async def deposed_before(do: Do) -> Any:
        await storage.elect()
        return await do()

    storage.faults.next = [storage.faults.fine, deposed_before]
    with pytest.raises(DeposedError):
        await registry.write([Change("ended", f"F{number}", 1.0) for number in range(300)])
    assert await storage.keys() == {f"ended/F{number}": b"1.0" for number in range(100)}


async def test_what_was_done_and_not_answered_is_done_once(storage: EtcdStorage) -> None:
    registry = await storage.opened()
    storage.faults.next = [storage.faults.unanswered, storage.faults.lost]
    await registry.write([weight(1.0)])
    assert await storage.written() == 1
    await registry.write([weight(2.0)])
    assert (await storage.written(), await storage.keys()) == (2, {"weights/eng": b"2.0"})


async def test_what_was_done_before_the_deposal_is_done(storage: EtcdStorage) -> None:
    """It is on record, as the next master reads it: to say otherwise would be wrong."""
    registry = await storage.opened()

    async def unanswered_and_deposed(do: Do) -> Any:
        await do()
        await storage.elect()
        return await storage.faults.lost(do)

    storage.faults.next = [unanswered_and_deposed]
    await registry.write([weight(1.0)])
    with pytest.raises(DeposedError):
        await registry.write([weight(2.0)])
    assert await weights_of(storage) == {"eng": 1.0}


async def test_what_is_done_late_changes_nothing(storage: EtcdStorage) -> None:
    registry = await storage.opened()
    faults = storage.faults
    faults.next = [faults.delayed]
    await registry.write([weight(1.0)])
    await registry.write([weight(2.0), ADMIT])
    await faults.late[0]()
    assert (await registry.load()).weights == {"eng": 2.0}
    await registry.write([weight(3.0)])
    assert (await weights_of(storage), await storage.written()) == ({"eng": 3.0}, 3)


async def test_what_is_done_late_and_before_it_is_sent_again_is_done_once(storage: EtcdStorage) -> None:
    registry = await storage.opened()
    faults = storage.faults

    async def after_the_late_one(do: Do) -> Any:
        await faults.late[0]()
        return await do()

    faults.next = [faults.delayed, faults.delayed, after_the_late_one]
    await registry.write([weight(1.0)])
    await registry.write([weight(None)])
    await faults.late[1]()
    assert (await storage.keys(), await storage.written()) == ({}, 2)


async def test_what_a_deposed_master_sent_and_is_done_late_changes_nothing(storage: EtcdStorage) -> None:
    old = await storage.opened()
    faults, term = storage.faults, storage.term
    faults.next = [faults.delayed]
    storage.on_pause = lambda: setattr(term, "leads", False)
    with pytest.raises(RegistryError, match="leads no longer, and no endpoint answers"):
        await old.write([weight(1.0)])
    new = await storage.opened()
    await faults.late[0]()
    assert (await new.load()).weights == {}


async def test_the_first_write_of_all_may_be_late_too(storage: EtcdStorage) -> None:
    """There is no sequence yet to compare with."""
    registry = await storage.opened()
    faults = storage.faults
    faults.next = [faults.delayed]
    await registry.write([weight(1.0)])
    await faults.late[0]()
    assert await storage.written() == 1


async def test_etcd_is_waited_for_as_long_as_the_master_leads(storage: EtcdStorage) -> None:
    registry = await storage.open()
    storage.faults.next = [storage.faults.lost] * 3
    assert await registry.load() == RegistryState()
    assert storage.pauses == 3
    storage.faults.next = [storage.faults.lost] * 5
    await registry.write([weight(1.0)])
    assert (storage.pauses, await storage.keys()) == (8, {"weights/eng": b"1.0"})
    storage.faults.next = [storage.faults.lost] * 100
    term = storage.term
    storage.on_pause = lambda: setattr(term, "leads", storage.pauses < 10)
    with pytest.raises(RegistryError, match="leads no longer, and no endpoint answers") as caught:
        await registry.write([weight(2.0)])
    assert not isinstance(caught.value, DeposedError)
    assert storage.pauses == 10
    assert await weights_of(storage) == {"eng": 1.0}


async def test_nothing_is_asked_by_who_does_not_lead(storage: EtcdStorage) -> None:
    registry = await storage.opened()
    calls = storage.faults.calls
    storage.term.leads = False
    for asked in (registry.load(), registry.write([weight(1.0)])):
        with pytest.raises(RegistryError, match=r"this master leads no longer$"):
            await asked
    assert storage.faults.calls == calls


async def test_after_a_write_that_failed_there_is_none(storage: EtcdStorage) -> None:
    """It may be done yet: what the next one would follow is not known."""
    registry = await storage.opened()
    entered = asyncio.Event()

    async def stuck(_do: Do) -> Any:
        entered.set()
        await asyncio.get_running_loop().create_future()

    storage.faults.next = [stuck]
    writing = asyncio.create_task(registry.write([weight(1.0)]))
    await entered.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    with pytest.raises(RegistryError, match="a write failed before this one"):
        await registry.write([weight(2.0)])


async def test_a_registry_that_others_write_is_an_error(storage: EtcdStorage) -> None:
    registry = await storage.opened()
    await storage.etcd.txn([], [Put(storage.sequence, b"restored")])
    with pytest.raises(RegistryError, match="changed by others") as caught:
        await registry.write([weight(1.0)])
    assert not isinstance(caught.value, DeposedError)
    assert await storage.keys() == {}


async def test_it_is_read_before_it_is_written(storage: EtcdStorage) -> None:
    with pytest.raises(RegistryError, match="it is to be read before it is written"):
        await (await storage.open()).write([weight(1.0)])


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("quarks/q", b"1", "'.*/registry/quarks/q' is of a newer version"),
        ("agents", b"1", "'.*/registry/agents' is of a newer version"),
        ("agents/A1", b'{"hostname":1}', "'.*/registry/agents/A1': .*hostname"),
        ("weights/eng", b"\xff", "'.*/registry/weights/eng': "),
    ],
)
async def test_what_is_not_understood_is_an_error(
    storage: EtcdStorage, key: str, value: bytes, text: str
) -> None:
    await storage.etcd.txn([], [Put(f"{storage.prefix}{key}", value)])
    with pytest.raises(RegistryError, match=text):
        await (await storage.open()).load()


async def test_another_cluster_beside_it_is_not_read(storage: EtcdStorage) -> None:
    await storage.etcd.txn(
        [], [Put(f"{storage.path}/registry2/quarks/q", b""), Put(f"{storage.path}/other", b"")]
    )
    assert await (await storage.open()).load() == RegistryState()


async def test_pages_are_read_at_one_revision(storage: EtcdStorage) -> None:
    registry = await storage.opened()
    many = [Change("ended", f"F{number:05}", 1.0) for number in range(2500)]
    await registry.write(many)

    async def changed_before(do: Do) -> Any:
        """Another page, after something was changed that is on the pages to come."""
        await storage.etcd.txn(
            [], [Put(f"{storage.prefix}ended/F02400", b"2.0"), Put(storage.sequence, b"other")]
        )
        return await do()

    reader = storage.registry(storage.term)
    storage.faults.next = [storage.faults.fine, changed_before, changed_before]
    assert (await reader.load()).ended == {change.id: 1.0 for change in many}
    # The sequence was read as of that moment, too.
    with pytest.raises(RegistryError, match="changed by others"):
        await reader.write([weight(1.0)])


async def test_a_compaction_between_pages_begins_anew(storage: EtcdStorage) -> None:
    registry = await storage.opened()
    many = [Change("ended", f"F{number:05}", 1.0) for number in range(1500)]
    await registry.write(many)

    async def compacted(_do: Do) -> Any:
        raise CompactedError("required revision has been compacted")

    storage.faults.next, storage.faults.calls = [storage.faults.fine, compacted], 0
    assert len((await registry.load()).ended) == len(many)
    assert storage.faults.calls == 4


async def test_what_etcd_could_not_take_is_named_and_nothing_is_written(storage: EtcdStorage) -> None:
    registry = await storage.opened()
    with pytest.raises(
        RegistryError, match=r"registry .*/registry/: cluster 'big' takes \d+ bytes, \d+ are possible"
    ):
        await registry.write([weight(1.0), Change("cluster", "big", "x" * 1_500_000)])
    assert await storage.keys() == {}
    await registry.write([weight(1.0)])


async def test_what_etcd_refuses_is_said_with_the_largest_object(storage: EtcdStorage) -> None:
    registry = await storage.opened()

    async def refused(_do: Do) -> Any:
        raise EtcdRefusedError("request is too large")

    storage.faults.next = [refused]
    text = r"request is too large \(2 objects, the largest is cluster 'big', 12\d\d bytes\)"
    with pytest.raises(RegistryError, match=text):
        await registry.write([Change("cluster", "big", "x" * 1000), ADMIT])


async def test_close_closes_the_client(storage: EtcdStorage) -> None:
    registry = await storage.open()
    await registry.close()
    assert storage.faults.closed
