"""What is below a process, as /proc tells it in two ways."""

from __future__ import annotations

import asyncio
import os

import pytest

from isolation.zygote.killing import kill, listed_children, scanned_children

from .box import eventually


@pytest.mark.asyncio
async def test_the_scan_for_old_kernels_finds_what_the_list_does() -> None:
    async with asyncio.timeout(20):
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", "sleep 600 & setsid sleep 600 & wait", start_new_session=True
        )
        await eventually(lambda: len(listed_children(process.pid)) == 2)
        below = listed_children(process.pid)
        table = scanned_children()
        assert sorted(table[process.pid]) == sorted(below)
        assert process.pid in table[os.getpid()]
        for pid in (process.pid, *below):
            kill(pid)
        await process.wait()


def test_a_process_that_is_gone_has_no_children() -> None:
    assert listed_children(2**22) == []


def test_zero_and_one_are_never_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are our own group, and all there is."""
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _number: killed.append(pid))
    for pid in (-1, 0, 1, 2):
        kill(pid)
    assert killed == [2, -2]
