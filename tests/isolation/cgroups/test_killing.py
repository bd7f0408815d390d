"""The kernel's word that nothing is left: groups are empty, and can be removed."""

from __future__ import annotations

import asyncio
import os
import sys
import time

import pytest

from isolation import Limits, Usage
from isolation.cgroups import killing
from tests.isolation.box import Box, eventually
from tests.isolation.cgroups.roots import Known, Site, groups, pids, run_in_groups

pytestmark = pytest.mark.asyncio

REFORKS = (
    f'{sys.executable} -S -c "\n'
    "import os\n"
    "for runner in range(4):\n"
    "    if os.fork() == 0: break\n"
    "while True:\n"
    "    if os.fork(): os._exit(0)\n"
    "    os.setsid()\n"
    '"; sleep 600'
)
BOMB = f"""exec {sys.executable} -S -c "
import os
while True:
    try: os.fork()
    except OSError: pass
" """
TREES = {
    "a daemon in its own session": ("setsid sleep 600 & sleep 600", 3),
    "a double fork": ("(setsid sh -c '(sleep 600 &) ; sleep 600' &) ; sleep 600", 4),
    "deaf": (
        "trap '' TERM INT HUP; (trap '' TERM; while :; do sleep 1; done) & while :; do sleep 1; done",
        4,
    ),
    "forks while it is killed": (REFORKS, 4),
    "a fork bomb": (BOMB, 30),
}


@pytest.mark.parametrize(("line", "least"), TREES.values(), ids=TREES.keys())
async def test_20_of_20_kills_leave_nothing(each_site: Site, box: Box, line: str, least: int) -> None:
    async with each_site.launcher() as (launcher, isolator):
        slow = []
        for n in range(20):
            container = await launcher.launch(box.shell(line, id=f"k{n}", limits=Limits(pids=40)))
            control = await launcher.launch(box.spec("sleep", "600", id=f"c{n}"))
            places = groups(isolator, f"k{n}")
            await eventually(lambda: len(pids(places)) >= least)  # noqa: B023
            begin = time.perf_counter()
            await container.destroy()
            took = time.perf_counter() - begin
            assert pids(places) == set()
            begin = time.perf_counter()
            await control.destroy()
            # What else runs on the machine delays the end of a process that does nothing, too.
            if took > 0.1 + (time.perf_counter() - begin):
                slow.append(took)
            await eventually(lambda: groups(isolator, f"k{n}") == [])  # noqa: B023
        assert box.processes() == []
        assert slow == []


@pytest.mark.parametrize(("line", "least"), TREES.values(), ids=TREES.keys())
async def test_the_groups_alone_kill_it_without_a_shim(
    each_site: Site, box: Box, line: str, least: int
) -> None:
    isolator = each_site.isolator()
    async with asyncio.timeout(60):
        for _ in range(20):
            process = await run_in_groups(isolator, box, line)
            places = groups(isolator)
            await eventually(lambda: len(pids(places)) >= least)  # noqa: B023
            isolator.kill(Known())
            await eventually(lambda: pids(places) == set())  # noqa: B023
            for events in [each for place in places if (each := place / "cgroup.events").exists()]:
                assert "populated 0" in events.read_text()
            await process.wait()
            isolator.end(Known(), Usage())
            assert box.processes() == []
        isolator.close()


async def test_what_a_round_did_not_see_is_killed_in_the_next(
    site_of_v1: Site, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = killing.pids_in, 0

    def few(directories: list[str]) -> set[int]:
        nonlocal calls
        calls += 1
        return {min(real(directories))} if calls <= 2 else real(directories)

    isolator = site_of_v1.isolator()
    async with asyncio.timeout(60):
        process = await run_in_groups(isolator, box, "sleep 600 & sleep 600 & sleep 600; :")
        await eventually(lambda: len(box.processes()) == 4)
        monkeypatch.setattr(killing, "pids_in", few)
        isolator.kill(Known())
        await eventually(lambda: box.processes() == [])
        await process.wait()
        isolator.end(Known(), Usage())
        isolator.close()


async def test_20_of_20_that_are_frozen(each_site: Site, box: Box) -> None:
    async with each_site.launcher() as (launcher, isolator):
        for n in range(20):
            line = "trap '' TERM; setsid sleep 600 & while :; do :; done"
            container = await launcher.launch(box.shell(line, id=f"f{n}"))
            places = groups(isolator, f"f{n}")
            await eventually(lambda: len(pids(places)) == 2)  # noqa: B023
            isolator.freeze(container)
            await eventually(lambda: isolator.frozen(container))  # noqa: B023
            container.signal(15)
            async with asyncio.timeout(2):
                await container.destroy()
            assert pids(places) == set()
        assert box.processes() == []


async def test_what_is_frozen_uses_nothing_and_goes_on(each_site: Site, box: Box) -> None:
    async with each_site.launcher() as (launcher, isolator):
        container = await launcher.launch(box.shell("while :; do :; done"))

        def used() -> float:
            return sum((container.usage().user_seconds, container.usage().system_seconds))

        await eventually(lambda: used() > 0.02)
        isolator.freeze(container)
        await eventually(lambda: isolator.frozen(container))
        before = used()
        await asyncio.sleep(0.2)
        assert used() == before
        isolator.thaw(container)
        await eventually(lambda: used() > before + 0.02)
        assert not isolator.frozen(container)


async def test_groups_that_a_container_made_in_its_own_go_with_it(each_site: Site, box: Box) -> None:
    isolator = each_site.isolator()
    async with asyncio.timeout(60):
        process = await run_in_groups(isolator, box, "sleep 600 & sleep 600; :")
        places = groups(isolator)
        await eventually(lambda: len(pids(places)) == 3)
        for place in places:
            inner = place / "inner" / "most"
            inner.mkdir(parents=True)
            if (place / "cgroup.events").exists() or (place / "freezer.state").exists():
                for pid in pids([place]) - {process.pid}:
                    (inner / "cgroup.procs").write_text(str(pid))
        assert isolator.usage(Known(), Usage()).processes == 3
        isolator.kill(Known())
        await eventually(lambda: box.processes() == [])
        await process.wait()
        isolator.end(Known(), Usage())
        await eventually(lambda: not any(place.exists() for place in places))
        isolator.close()


async def test_one_within_another_shares_its_groups(each_site: Site, box: Box) -> None:
    async with each_site.launcher() as (launcher, isolator):
        parent = await launcher.launch(box.shell("exec sleep 600", limits=Limits(pids=5, memory=64 << 20)))
        child = await launcher.launch(box.shell("exec sleep 600", id="child", within="c"))
        assert pids(groups(isolator)) == {parent.pid, child.pid}
        assert groups(isolator, "child") == []
        assert set(isolator.poll()) == {"c"}
        await child.destroy()
        assert not parent.ended
        assert pids(groups(isolator)) == {parent.pid}
        last = await launcher.launch(box.shell("exec sleep 600", id="last", within="c"))
        await parent.destroy()
        assert (await last.wait()).signal == 9
        with pytest.raises(ValueError, match=r"ContainerSpec\.within: 'c' is no container"):
            await launcher.launch(box.shell("true", id="late", within="c"))


async def test_a_group_that_is_busy_is_removed_later(site: Site, box: Box) -> None:
    async with site.launcher() as (launcher, isolator):
        container = await launcher.launch(box.shell("exec sleep 600"))
        place = groups(isolator)[0]
        # Somebody else's process, which nobody here may kill.
        guest = await asyncio.create_subprocess_exec("sleep", "600")
        (place / "cgroup.procs").write_text(str(guest.pid))
        os.kill(container.pid, 9)
        await container.wait()
        assert place.exists()
        with pytest.raises(Exception, match="busy"):
            await launcher.launch(box.shell("true"))
        guest.kill()
        await guest.wait()
        await eventually(lambda: not place.exists())
        assert (await (await launcher.launch(box.shell("exit 4"))).wait()).code == 4
