"""The cache: fetched once, kept within its size, and never half of something."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from cluster.agent.fetching import Fetcher, FetchError
from cluster.agent.fetching.cache import Cache
from cluster.agent.fetching.index import CacheIndex, Entry
from cluster.messages.uris import URI
from tests.cluster.agent.fetch_world import Server, listing, refusal, until

KIB = 1 << 10


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with Server().running() as server:
        yield server


@pytest_asyncio.fixture
async def fetcher(tmp_path: Path) -> AsyncIterator[Fetcher]:
    fetcher = Fetcher(tmp_path / "cache", cache_size=10 * KIB, backoff=0.0)
    yield fetcher
    await fetcher.close()


@pytest.fixture
def boxes(tmp_path: Path) -> list[Path]:
    made = [tmp_path / f"sandbox{number}" for number in range(6)]
    for path in made:
        path.mkdir()
    return made


def cached(tmp_path: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in (tmp_path / "cache").iterdir())


@pytest.mark.asyncio
async def test_it_is_fetched_once(
    server: Server, fetcher: Fetcher, boxes: list[Path], tmp_path: Path
) -> None:
    server.pages = {"/x": b"first"}
    uri = URI(server.url("/x"), cache=True)
    await fetcher.fetch([uri], boxes[0])
    (boxes[0] / "x").write_bytes(b"written to by its task")
    server.pages = {"/x": b"second"}
    await fetcher.fetch([uri, URI(uri.value, cache=True, output_file="y", executable=True)], boxes[1])
    assert listing(boxes[1]) == {"x": b"first", "y": b"first"}
    assert server.requests == ["/x"]
    # Without the cache it is another matter.
    await fetcher.fetch([URI(uri.value)], boxes[2])
    assert listing(boxes[2]) == {"x": b"second"}
    assert cached(tmp_path) == [b"first"]


@pytest.mark.asyncio
async def test_a_checksum_makes_it_another(server: Server, fetcher: Fetcher, boxes: list[Path]) -> None:
    server.pages = {"/x": b"first"}
    await fetcher.fetch([URI(server.url("/x"), cache=True)], boxes[0])
    server.pages = {"/x": b"second"}
    digest = "sha256:16367aacb67a4a017c8da8ab95682ccb390863780f7114dda0a0e0c55644c7c4"
    await fetcher.fetch([URI(server.url("/x"), cache=True, checksum=digest)], boxes[1])
    assert listing(boxes[1]) == {"x": b"second"}
    assert len(server.requests) == 2


@pytest.mark.asyncio
async def test_it_outlives_the_process(server: Server, boxes: list[Path], tmp_path: Path) -> None:
    server.pages = {f"/{name}": name.encode() * 4 * KIB for name in "abc"}
    uris = {name: URI(server.url(f"/{name}"), cache=True) for name in "abc"}
    first = Fetcher(tmp_path / "cache", cache_size=10 * KIB)
    for number, name in enumerate("aba"):
        await first.fetch([uris[name]], boxes[number])
    await first.close()
    (tmp_path / "cache" / f"part.{'0' * 32}").write_bytes(b"half")
    (tmp_path / "cache" / "of somebody else").write_bytes(b"other")
    second = Fetcher(tmp_path / "cache", cache_size=10 * KIB)
    await second.start()
    assert cached(tmp_path) == [b"a" * 4 * KIB, b"b" * 4 * KIB, b"other"]
    # The one used last stays.
    await second.fetch([uris["c"]], boxes[3])
    assert cached(tmp_path) == [b"a" * 4 * KIB, b"c" * 4 * KIB, b"other"]
    await second.fetch([uris["a"]], boxes[4])
    assert server.requests == ["/a", "/b", "/c"]
    await second.close()
    third = Fetcher(tmp_path / "cache", cache_size=4 * KIB)
    await third.start()
    assert cached(tmp_path) == [b"a" * 4 * KIB, b"other"]
    await third.close()


@pytest.mark.asyncio
async def test_the_least_recently_used_goes(
    server: Server, fetcher: Fetcher, boxes: list[Path], tmp_path: Path
) -> None:
    server.pages = {f"/{name}": name.encode() * 4 * KIB for name in "abc"}
    for number, name in enumerate("abac"):
        await fetcher.fetch([URI(server.url(f"/{name}"), cache=True)], boxes[number])
    assert cached(tmp_path) == [b"a" * 4 * KIB, b"c" * 4 * KIB]


@pytest.mark.asyncio
async def test_what_is_larger_than_the_cache_comes_but_does_not_stay(
    server: Server, fetcher: Fetcher, boxes: list[Path], tmp_path: Path
) -> None:
    server.pages = {"/small": b"small", "/large": bytes(11 * KIB)}
    await fetcher.fetch([URI(server.url(path), cache=True) for path in server.pages], boxes[0])
    assert (boxes[0] / "large").stat().st_size == 11 * KIB
    assert cached(tmp_path) == [b"small"]


@pytest.mark.asyncio
async def test_a_cache_of_nothing(server: Server, boxes: list[Path], tmp_path: Path) -> None:
    server.pages = {"/x": b""}
    fetcher = Fetcher(tmp_path / "cache", cache_size=0)
    await fetcher.fetch([URI(server.url("/x"), cache=True)], boxes[0])
    await fetcher.fetch([URI(server.url("/x"), cache=True)], boxes[1])
    await fetcher.close()
    assert len(server.requests) == 2
    assert cached(tmp_path) == []


@pytest.mark.asyncio
async def test_a_directory_that_cannot_be(tmp_path: Path, boxes: list[Path]) -> None:
    (tmp_path / "cache").write_bytes(b"a file")
    fetcher = Fetcher(tmp_path / "cache")
    with pytest.raises(FileExistsError):
        await fetcher.start()
    assert "file exists" in await refusal(fetcher, boxes[0], URI("/etc/hostname"))
    await fetcher.close()


@pytest.mark.asyncio
async def test_many_at_once_download_once(server: Server, fetcher: Fetcher, boxes: list[Path]) -> None:
    server.pages = {"/x": server.held(b"half")}
    uri = URI(server.url("/x"), cache=True)
    tasks = [asyncio.create_task(fetcher.fetch([uri], box)) for box in boxes]
    await until(lambda: server.requests)
    server.release.set()
    await asyncio.gather(*tasks)
    assert [listing(box) for box in boxes] == [{"x": b"halfhalf"}] * len(boxes)
    assert server.requests == ["/x"]


def waiting(fetcher: Fetcher) -> list[int]:
    return [pending.waiting for pending in fetcher._cache._pending.values()]


@pytest.mark.asyncio
async def test_it_goes_on_when_one_of_them_is_cancelled(
    server: Server, fetcher: Fetcher, boxes: list[Path]
) -> None:
    server.pages = {"/x": server.held(b"half")}
    uri = URI(server.url("/x"), cache=True)
    tasks = [asyncio.create_task(fetcher.fetch([uri], box)) for box in boxes[:3]]
    await until(lambda: server.requests and waiting(fetcher) == [3])
    # The first is the one that began it.
    tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    assert listing(boxes[0]) == {}
    server.release.set()
    await asyncio.gather(*tasks[1:])
    assert [listing(box) for box in boxes[1:3]] == [{"x": b"halfhalf"}] * 2
    assert server.requests == ["/x"]
    assert in_use(fetcher) == 0


def in_use(fetcher: Fetcher) -> int:
    return sum(entry.users for entry in fetcher._cache.index._entries.values())


@pytest.mark.asyncio
async def test_it_ends_with_the_last(
    server: Server, fetcher: Fetcher, boxes: list[Path], tmp_path: Path
) -> None:
    server.pages = {"/x": server.held(b"half")}
    uri = URI(server.url("/x"), cache=True)
    tasks = [asyncio.create_task(fetcher.fetch([uri], box)) for box in boxes[:3]]
    await until(lambda: server.requests and waiting(fetcher) == [3])
    for task in tasks:
        task.cancel()
    for task in tasks:
        with pytest.raises(asyncio.CancelledError):
            await task
    assert cached(tmp_path) == []
    await server.gone.wait()
    # Whoever comes then begins anew.
    server.pages = {"/x": b"whole"}
    await fetcher.fetch([uri], boxes[3])
    assert listing(boxes[3]) == {"x": b"whole"}


@pytest.mark.asyncio
async def test_all_who_wait_get_the_error(
    server: Server, fetcher: Fetcher, boxes: list[Path], tmp_path: Path
) -> None:
    async def missing(request: web.Request) -> web.Response:
        await server.release.wait()
        return web.Response(status=410)

    server.pages = {"/x": missing}
    uri = URI(server.url("/x"), cache=True)
    tasks = [asyncio.create_task(refusal(fetcher, box, uri)) for box in boxes]
    await until(lambda: server.requests and waiting(fetcher) == [len(boxes)])
    server.release.set()
    assert set(await asyncio.gather(*tasks)) == {f"cannot fetch {uri.value}: status 410 Gone"}
    assert server.requests == ["/x"]
    assert cached(tmp_path) == []
    server.pages = {"/x": b"now"}
    await fetcher.fetch([uri], boxes[0])
    assert listing(boxes[0]) == {"x": b"now"}


@pytest.mark.asyncio
async def test_a_file_that_changed_is_copied_anew(
    fetcher: Fetcher, boxes: list[Path], tmp_path: Path
) -> None:
    source = tmp_path / "source"
    uri = URI(str(source), cache=True)
    source.write_bytes(b"first")
    os.utime(source, ns=(0, 1_000))
    await fetcher.fetch([uri], boxes[0])
    await fetcher.fetch([uri], boxes[1])
    source.write_bytes(b"other")
    os.utime(source, ns=(0, 2_000))
    await fetcher.fetch([uri], boxes[2])
    assert listing(boxes[1]) == {"source": b"first"}
    assert listing(boxes[2]) == {"source": b"other"}
    assert cached(tmp_path) == [b"first", b"other"]


@pytest.mark.asyncio
@pytest.mark.parametrize("how", ["gone", "cut"])
async def test_what_somebody_took_from_the_cache_is_fetched_anew(
    server: Server, fetcher: Fetcher, boxes: list[Path], tmp_path: Path, how: str
) -> None:
    server.pages = {"/x": b"contents"}
    uri = URI(server.url("/x"), cache=True)
    await fetcher.fetch([uri], boxes[0])
    (file,) = (tmp_path / "cache").iterdir()
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(b"con")
    await fetcher.fetch([uri], boxes[1])
    assert listing(boxes[1]) == {"x": b"contents"}
    assert cached(tmp_path) == [b"contents"]
    assert len(server.requests) == 2


@pytest.mark.asyncio
async def test_what_is_in_use_stays(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 10)
    await cache.start()

    async def produce(path: Path) -> None:
        path.write_bytes(b"123456")

    first = await cache.hold("1" * 64, produce)
    second = await cache.hold("2" * 64, produce)
    third = await cache.hold("3" * 64, produce)
    assert len(cached(tmp_path)) == 3
    # And whoever wants it has it.
    assert await cache.hold("1" * 64, produce) is first
    await cache.release(first)
    await cache.release(second)
    assert cache.path(first).exists()
    assert not cache.path(second).exists()
    await cache.release(first)
    assert not cache.path(first).exists()
    await cache.release(third)
    assert cache.path(third).exists()


@pytest.mark.asyncio
async def test_cancelled_at_any_moment(tmp_path: Path, boxes: list[Path]) -> None:
    """Three want one file, and are cancelled after more and more turns of the loop: nothing stays in use."""
    source = tmp_path / "source"
    source.write_bytes(b"contents")
    fetcher = Fetcher(tmp_path / "cache", cache_size=4)
    await fetcher.start()
    outcomes = set()
    for turns in range(60):
        tasks = [asyncio.create_task(fetcher.fetch([URI(str(source), cache=True)], box)) for box in boxes[:3]]
        for task in tasks[:2]:
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for box, result in zip(boxes, results, strict=False):
            outcomes.add(type(result))
            assert result is None or isinstance(result, asyncio.CancelledError)
            # Cancelled at the very end it may be there, but whole.
            if result is None or listing(box):
                assert listing(box) == {"source": b"contents"}
                (box / "source").unlink()
        assert results[2] is None
        assert fetcher._cache._pending == {}
        assert in_use(fetcher) == 0
        assert cached(tmp_path) == []
    assert outcomes == {type(None), asyncio.CancelledError}
    await fetcher.close()


@pytest.mark.asyncio
async def test_closed_before_it_began(tmp_path: Path, boxes: list[Path]) -> None:
    fetcher = Fetcher(tmp_path / "cache")
    await fetcher.close()
    with pytest.raises(FetchError, match="the agent ends"):
        await fetcher.fetch([URI("/etc/hostname")], boxes[0])
    await fetcher.fetch([], boxes[0])


EVENTS = st.lists(
    st.tuples(st.sampled_from(("add", "hold", "release", "drop")), st.integers(0, 5), st.integers(0, 12))
)


@given(EVENTS)
def test_the_index_keeps_what_is_used_and_its_size(events: list[tuple[str, int, int]]) -> None:
    index = CacheIndex(10)
    names = iter(range(1000))
    held: list[Entry] = []
    there: dict[str, Entry] = {}

    def left(entries: list[Entry]) -> None:
        for entry in entries:
            assert entry.users == 0
            del there[entry.name]

    for event, number, size in events:
        if event == "add":
            entry = Entry(str(number), str(next(names)), size, users=1)
            there[entry.name] = entry
            held.append(entry)
            left(index.add(entry))
        elif event == "hold":
            if (found := index.hold(str(number))) is not None:
                held.append(found)
        elif held and event == "release":
            left(index.release(held.pop(number % len(held))))
        elif held and event == "drop":
            left(index.drop(held[number % len(held)]))
        kept = [entry for entry in there.values() if entry.kept]
        assert len(kept) == len(index)
        assert index.used == sum(entry.size for entry in kept if entry.size <= 10)
        idle = [entry for entry in kept if not entry.users]
        assert all(entry.size <= 10 for entry in idle)
        assert not idle or index.used <= 10
        assert all(entry.kept or entry.users for entry in there.values())
        assert all(entry.name in there for entry in held)
