"""Memory: over its limit a container ends, all of it, and says so."""

from __future__ import annotations

import asyncio
import sys

import pytest

from isolation import Launcher, Limits, Usage
from tests.isolation.box import Box, eventually
from tests.isolation.cgroups.roots import Known, Site, group, number

pytestmark = pytest.mark.asyncio

MIB = 1 << 20
EAT = f"""{sys.executable} -S -c "
import sys, pathlib
while len(sys.argv) > 1 and not pathlib.Path(sys.argv[1]).exists(): pass
print('eats', flush=True)
kept = []
while True: kept.append(bytearray({MIB}))
" """


def hold(mib: int) -> str:
    return f"""exec {sys.executable} -S -c "
kept = bytearray(b'x') * ({mib} << 20)
print('holds', flush=True)
import time
time.sleep(600)
" """


async def test_over_its_limit_it_ends_within_a_second_with_its_children_and_a_neighbour_does_not_notice(
    each_site: Site, box: Box
) -> None:
    async with each_site.launcher() as (launcher, isolator):
        neighbour = await launcher.launch(
            box.shell(hold(16), id="n", stdout=box.path / "n", limits=Limits(memory=64 * MIB))
        )
        await eventually(lambda: (box.path / "n").read_text() == "holds\n")
        before = neighbour.usage()
        container = await launcher.launch(
            box.shell(f"setsid sleep 600 & (sleep 600 &) ; {EAT}; exit 0", limits=Limits(memory=32 * MIB))
        )
        await eventually(lambda: box.out == "eats\n")
        async with asyncio.timeout(1):
            end = await container.wait()
        assert end.limitation is not None
        assert end.limitation.kind == "memory"
        assert (
            end.limitation.text == "memory limit 32 MiB: peak 32 MiB used, a process was killed by the kernel"
        )
        assert box.processes() == [neighbour.pid]
        usage = container.usage()
        assert (usage.peak_bytes, usage.memory_limit_bytes, usage.oom_kills) == (32 * MIB, 32 * MIB, 1)
        assert not neighbour.ended
        after = neighbour.usage()
        assert (after.oom_kills, after.rss_bytes) == (0, before.rss_bytes)
        assert number(group(isolator, "memory", "n") / "memory.failcnt") == 0


async def test_it_is_found_at_the_end_if_nobody_saw_it(
    site: Site, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(24, "too many open files")

    async with site.launcher() as (launcher, isolator):
        monkeypatch.setattr(isolator._oom, "watch", refuse)
        container = await launcher.launch(box.shell(f"exec {EAT}", limits=Limits(memory=32 * MIB)))
        end = await container.wait()
        assert (end.signal, end.destroyed) == (9, False)
        assert end.describe().startswith("killed by SIGKILL: memory limit 32 MiB: peak 32 MiB used")


async def test_one_that_is_killed_otherwise_has_hit_no_limit(site: Site, box: Box) -> None:
    async with site.launcher() as (launcher, _isolator):
        container = await launcher.launch(box.shell("kill -9 $$", limits=Limits(memory=32 * MIB)))
        assert (await container.wait()).describe() == "killed by SIGKILL"


async def test_what_happens_while_nobody_looks_is_seen_by_the_next_launcher(site: Site, box: Box) -> None:
    go = box.path / "go"
    line = EAT.rstrip() + f" {go}; exec sleep 600"
    async with asyncio.timeout(60):
        isolator = site.isolator()
        first = Launcher([isolator], state_dir=box.state)
        await first.launch(box.shell(line, limits=Limits(memory=32 * MIB)))
        control = group(isolator, "memory") / "memory.oom_control"
        if not control.exists():
            control = group(isolator, "memory") / "memory.events"
        await first.detach()
        go.touch()
        await eventually(lambda: number(control, "oom_kill") == 1)
        async with Launcher([site.isolator()], state_dir=box.state) as second:
            (container,) = await second.recover()
            end = await container.wait()
            assert end.limitation is not None
            assert end.limitation.text.startswith("memory limit 32 MiB")
            assert container.usage().peak_bytes == 32 * MIB


async def test_a_limit_changes_while_it_runs_but_not_to_less_than_it_uses(site: Site, box: Box) -> None:
    async with site.launcher() as (launcher, isolator):
        container = await launcher.launch(box.shell(hold(24), limits=Limits(memory=32 * MIB, cpus=1)))
        await eventually(lambda: box.out == "holds\n")

        def limit() -> int | None:
            return container.usage().memory_limit_bytes

        container.update(Limits(memory=64 * MIB, cpus=1))
        assert limit() == 64 * MIB
        container.update(Limits(memory=40 * MIB, cpus=1))
        assert limit() == 40 * MIB
        with pytest.raises(
            ValueError, match=r"Limits\.memory: 8388608 cannot be held: it uses 2\d.* MiB, which"
        ):
            container.update(Limits(memory=8 * MIB, cpus=2))
        assert limit() == 40 * MIB
        # Not what was set before it, either.
        assert number(group(isolator, "cpu") / "cpu.shares") == 1024
        container.update(Limits())
        assert limit() is None
        assert not container.ended


async def test_what_it_uses_agrees_with_what_it_does(each_site: Site, box: Box) -> None:
    async with each_site.launcher() as (launcher, _isolator):
        container = await launcher.launch(box.shell(hold(64), limits=Limits(memory=256 * MIB)))
        await eventually(lambda: box.out == "holds\n")
        empty = await launcher.launch(box.shell(hold(0), id="e", stdout=box.path / "e"))
        await eventually(lambda: (box.path / "e").read_text() == "holds\n")
        full, base = container.usage(), empty.usage()
        assert full.rss_bytes - base.rss_bytes == pytest.approx(64 * MIB, rel=0.05)
        assert full.memory_bytes is not None
        assert base.memory_bytes is not None
        assert full.memory_bytes - base.memory_bytes == pytest.approx(64 * MIB, rel=0.05)
        assert (full.processes, full.threads) == (1, 1)
        assert full.peak_bytes is not None
        assert full.peak_bytes >= full.memory_bytes


async def test_swap_counts_against_the_limit_where_it_is_counted(site: Site, box: Box) -> None:
    async with site.launcher() as (launcher, isolator):
        await launcher.launch(box.shell("exec sleep 600", limits=Limits(memory=32 * MIB)))
        file = group(isolator, "memory") / "memory.memsw.limit_in_bytes"
        if not file.exists():
            pytest.skip("the kernel does not count what is swapped here")
        assert number(file) == 32 * MIB


async def test_of_a_container_without_groups_nothing_is_known(site: Site) -> None:
    isolator = site.isolator()
    assert isolator.poll() == {}
    assert isolator.usage(Known(), Usage(processes=3)) == Usage(processes=3)
    assert isolator.end(Known(), Usage(processes=3)) == (Usage(processes=3), None)
    with pytest.raises(ValueError, match="container c has no control groups"):
        isolator.update(Known(), Limits(memory=1 << 30))
