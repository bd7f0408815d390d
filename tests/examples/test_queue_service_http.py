"""The queue service's pages without a cluster: what it takes, refuses, and remembers."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from examples.queue_service.__main__ import read_queues
from examples.queue_service.http import read_users
from examples.queue_service.jobs import Queue
from examples.queue_service.store import Store
from tests.examples.queue_users import in_process


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"cpus": 0}, "`$.cpus`, which is 0"),
        ({"cpus": "two"}, "`$.cpus`, which is 'two'"),
        ({"cpus": 0.12345}, "cpus: '0.12345'"),
        ({"mem": -1}, "`$.mem`, which is -1"),
        ({"priority": 1.5}, "`$.priority`, which is 1.5"),
        ({"retries": 11}, "`$.retries`, which is 11"),
        ({"command": ""}, "`$.command`, which is ''"),
        ({"command": "a\0b"}, "NUL"),
        ({"queue": "fast"}, "queue: 'fast' is none of default"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_bad_job_is_refused_by_its_field_and_value(
    tmp_path: Path, fields: dict[str, Any], text: str
) -> None:
    async with in_process(tmp_path) as (service, (ann, *_)):
        body = {"session": await ann.open(), "command": "true", **fields}
        assert text in (await ann.ask(400, "POST", "/jobs", json=body))["error"]
        assert service.rules.jobs == {}


@pytest.mark.asyncio
async def test_bad_requests(tmp_path: Path) -> None:
    async with in_process(tmp_path) as (_, (ann, *_)):
        for body, text in [
            (b"{", "the body is not JSON"),
            (b"[]", "Expected `object`"),
            (b"{}", "`session`"),
            (b"\xff", "not JSON"),
        ]:
            assert text in (await ann.ask(400, "POST", "/jobs", data=body))["error"]
        for path, text in [
            ("/jobs?state=DONE", "state: 'DONE' is none of WAITING"),
            ("/jobs?session=x", "session: 'x' is not a number"),
            ("/jobs?above=-1", "above: '-1'"),
            ("/jobs/1?wait=301", "wait: '301' is not a number from 0 to 300"),
            ("/jobs/1?wait=nan", "wait: 'nan'"),
        ]:
            session = await ann.open()
            await ann.add(session, "true")
            assert text in (await ann.ask(400, "GET", path))["error"]
        assert "404" in (await ann.ask(404, "GET", "/nowhere"))["error"]
        assert "405" in (await ann.ask(405, "PUT", "/jobs"))["error"]


@pytest.mark.asyncio
async def test_what_is_not_there_or_not_yours(tmp_path: Path) -> None:
    async with in_process(tmp_path) as (_, (ann, bob, _)):
        session = await ann.open()
        job = await ann.add(session, "true")
        bobs = {"session": session, "command": "true"}
        for method, path, body in [
            ("DELETE", f"/sessions/{session}", None),
            ("POST", "/jobs", bobs),
            ("GET", f"/jobs/{job}", None),
            ("DELETE", f"/jobs/{job}", None),
            ("GET", "/jobs/999999", None),
            ("DELETE", "/sessions/999999", None),
        ]:
            error = (await bob.ask(404, method, path, json=body))["error"]
            assert "you have no such" in error
        assert await bob.ask(200, "GET", "/jobs") == []
        assert (await ann.job(job))["state"] == "WAITING"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Bearer no"}, {"Authorization": "Basic token-of-ann"}]
)
async def test_who_has_no_token_learns_nothing(tmp_path: Path, header: dict[str, str]) -> None:
    async with in_process(tmp_path) as (_, (ann, *_)):
        for method, path in [("GET", "/jobs"), ("POST", "/sessions"), ("GET", "/queues"), ("POST", "/jobs")]:
            await ann.ask(401, method, path, headers=header)


@pytest.mark.asyncio
async def test_cancel_and_close(tmp_path: Path) -> None:
    async with in_process(tmp_path) as (_, (ann, *_)):
        session, other = await ann.open(), await ann.open()
        first, second, third = [await ann.add(s, "true") for s in (session, session, other)]
        assert (await ann.ask(200, "DELETE", f"/jobs/{first}"))["state"] == "KILLED"
        assert (await ann.ask(200, "DELETE", f"/jobs/{first}"))["state"] == "KILLED"
        assert (await ann.ask(200, "DELETE", f"/sessions/{session}"))["closed"] > 0
        assert (await ann.ask(200, "DELETE", f"/sessions/{session}"))["closed"] > 0
        assert [(await ann.job(n))["state"] for n in (second, third)] == ["KILLED", "WAITING"]
        error = await ann.ask(409, "POST", "/jobs", json={"session": session, "command": "true"})
        assert error == {"error": f"session {session} is closed"}


@pytest.mark.asyncio
async def test_lists(tmp_path: Path) -> None:
    async with in_process(tmp_path) as (_, (ann, bob, _)):
        session, other = await ann.open(), await ann.open()
        jobs = [await ann.add(s, "true") for s in (session, other, session)]
        await bob.add(await bob.open(), "true")
        await ann.ask(200, "DELETE", f"/jobs/{jobs[0]}")

        async def listed(query: str) -> list[int]:
            return [job["id"] for job in await ann.ask(200, "GET", f"/jobs{query}")]

        assert await listed("") == jobs
        assert await listed(f"?session={session}") == [jobs[0], jobs[2]]
        assert await listed("?state=WAITING") == jobs[1:]
        assert await listed(f"?session={session}&state=KILLED") == jobs[:1]
        assert await listed(f"?above={jobs[0]}") == jobs[1:]
        (queue,) = await bob.ask(200, "GET", "/queues")
        assert (queue["name"], queue["waiting"], queue["running"]) == ("default", 3, 0)


@pytest.mark.asyncio
async def test_a_key_names_one_job(tmp_path: Path) -> None:
    """Who got no answer asks again, also after the service died."""
    async with in_process(tmp_path) as (_, (ann, *_)):
        session, other = await ann.open(), await ann.open()
        body = {"session": session, "command": "true", "key": "k"}
        first = await ann.ask(201, "POST", "/jobs", json=body)
        assert await ann.ask(200, "POST", "/jobs", json=body) == first
        error = await ann.ask(409, "POST", "/jobs", json={**body, "command": "false"})
        assert error["error"] == f"key 'k' was used for another job, {first['id']}"
        await ann.ask(201, "POST", "/jobs", json={**body, "session": other})
    async with in_process(tmp_path) as (_, (ann, *_)):
        assert await ann.ask(200, "POST", "/jobs", json=body) == first


@pytest.mark.asyncio
async def test_what_was_accepted_is_there_after_a_restart(tmp_path: Path) -> None:
    async with in_process(tmp_path) as (service, (ann, bob, _)):
        session, closed = await ann.open(), await ann.open()
        jobs = [await ann.add(s, f"echo {s}", priority=3) for s in (session, session, closed)]
        await ann.ask(200, "DELETE", f"/jobs/{jobs[0]}")
        await ann.ask(200, "DELETE", f"/sessions/{closed}")
        bobs = await bob.add(await bob.open(), "true")
        before = await ann.ask(200, "GET", "/jobs")
    async with in_process(tmp_path) as (service, (ann, bob, _)):
        assert await ann.ask(200, "GET", "/jobs") == before
        assert set(service.rules.jobs) == {jobs[1], bobs}
        assert set(service.rules.sessions) == {session, 3}
        await ann.ask(409, "POST", "/jobs", json={"session": closed, "command": "true"})
        assert await ann.add(session, "true") > bobs


@pytest.mark.asyncio
async def test_a_long_poll_ends_with_the_job_or_with_its_time(tmp_path: Path) -> None:
    async with in_process(tmp_path) as (_, (ann, *_)):
        job = await ann.add(await ann.open(), "true")
        poll = asyncio.ensure_future(ann.ask(200, "GET", f"/jobs/{job}?wait=300"))
        assert (await ann.ask(200, "GET", f"/jobs/{job}?wait=0"))["state"] == "WAITING"
        await ann.ask(200, "DELETE", f"/jobs/{job}")
        assert (await poll)["state"] == "KILLED"
        assert (await ann.ask(200, "GET", f"/jobs/{job}?wait=300"))["state"] == "KILLED"


@pytest.mark.asyncio
async def test_what_is_not_on_disk_is_not_told(tmp_path: Path) -> None:
    async with in_process(tmp_path) as (service, (ann, *_)):
        session = await ann.open()
        job = await ann.add(session, "true")
        service.store.close()
        await ann.ask(503, "POST", "/jobs", json={"session": session, "command": "true"})
        assert list(service.rules.jobs) == [job]
        assert isinstance(service.error, sqlite3.Error)


def test_one_store_serves_one_service(tmp_path: Path) -> None:
    store = Store(tmp_path / "queue.db")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        Store(tmp_path / "queue.db")
    store.close()
    Store(tmp_path / "queue.db").close()


def test_the_files_that_configure_it(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("[a]\npriority = 2\nmax_running = 3\n[b]\nweight = 0.5\n")
    assert read_queues(file) == [Queue("a", priority=2, max_running=3), Queue("b", weight=0.5)]
    file.write_text("ann secret1\nann secret2\nbob secret3\n")
    assert read_users(file) == {"secret1": "ann", "secret2": "ann", "secret3": "bob"}
    for text, line in [("ann\n", 1), ("ann s\nbob s\n", 2), ("ann s\nbob t u\n", 2)]:
        file.write_text(text)
        with pytest.raises(ValueError, match=f"line {line}"):
            read_users(file)
