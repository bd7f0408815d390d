"""Whose groups are whose: two owners, one after the other, one that was killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from isolation import CgroupIsolator, Launcher, LauncherClosedError, Limits
from tests.isolation.box import Box, eventually
from tests.isolation.cgroups.roots import Site, group, groups, number, pids
from tests.isolation.owner import alive

OWNER = """
import asyncio, json, sys
from pathlib import Path
from isolation import CgroupIsolator, ContainerSpec, Launcher, Limits

async def main():
    root, version, box, marker = sys.argv[1:]
    box = Path(box)
    async with Launcher([CgroupIsolator(root, version)], state_dir=box / "state", recovery_timeout=60) as launcher:
        pids = {}
        for n in range(50):
            line = "while :; do :; done" if n == 0 else f"read x < {box}/go; exit {n}" if n < 10 else "exec sleep 600"
            spec = ContainerSpec(id=f"c{n}", argv=("sh", "-c", line), env={"PATH": "/usr/bin:/bin", "MARKER": marker},
                                 cwd=box, stdout=box / "out", stderr=box / "err",
                                 limits=Limits(cpus=0.1, cpu_quota=0.2, memory=(32 + n) << 20, pids=10))
            pids[spec.id] = (await launcher.launch(spec)).pid
        print(json.dumps(pids), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.asyncio
async def test_50_containers_of_an_owner_that_was_killed(each_site: Site, box: Box) -> None:
    site = each_site
    os.mkfifo(box.path / "go")
    owner = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OWNER, site.name, site.version, str(box.path), box.marker),
        stdout=asyncio.subprocess.PIPE,
    )
    assert owner.stdout is not None
    async with asyncio.timeout(60):
        pids_of = json.loads(await owner.stdout.readline())
        assert len(pids_of) == 50
        owner.kill()
        await owner.wait()
        # What nobody knows of: a group without a record, with something in it.
        isolator = site.isolator()
        stray = group(isolator, "pids", "stray")
        stray.mkdir()
        unknown = await asyncio.create_subprocess_exec("sleep", "600")
        (stray / "cgroup.procs").write_text(str(unknown.pid))
        foreign = isolator.roots["pids"] / "not-ours"
        foreign.mkdir()
        # These end while nobody looks.
        (box.path / "go").write_text("\n" * 20)
        await eventually(lambda: not any(alive(pids_of[f"c{n}"]) for n in range(1, 10)))
        used = number_of_microseconds(isolator)
        async with Launcher([isolator], state_dir=box.state) as launcher:
            assert await unknown.wait() == -signal.SIGKILL
            await eventually(lambda: not stray.exists())
            assert foreign.exists()
            foreign.rmdir()
            containers = {container.id: container for container in await launcher.recover()}
            assert set(containers) == set(pids_of)
            for n in range(1, 10):
                assert (await containers[f"c{n}"].wait()).code == n
                assert containers[f"c{n}"].usage().peak_bytes
            for n in (0, *range(10, 50)):
                container = containers[f"c{n}"]
                assert not container.ended
                usage = container.usage()
                assert (usage.memory_limit_bytes, usage.processes) == ((32 + n) << 20, 1)
            # Usage goes on from where it was, and limits can be changed.
            busy = containers["c0"]
            assert busy.usage().user_seconds + busy.usage().system_seconds >= used
            throttled = busy.usage().throttled_periods
            await eventually(lambda: (busy.usage().throttled_periods or 0) > (throttled or 0))
            busy.update(Limits(memory=64 << 20))
            assert busy.usage().memory_limit_bytes == 64 << 20
            assert len(isolator.poll()) == 41
            for container in containers.values():
                await container.destroy()
                container.forget()
        assert box.processes() == []


def number_of_microseconds(isolator: CgroupIsolator) -> float:
    """The seconds that the busy one has used."""
    if "cgroup" in isolator.roots:
        return number(group(isolator, "cgroup", "c0") / "cpu.stat", "usage_usec") / 1e6 - 0.01
    return number(group(isolator, "cpuacct", "c0") / "cpuacct.usage") / 1e9 - 0.03


@pytest.mark.asyncio
async def test_two_owners_with_two_roots_leave_each_other_alone(each_site: Site, box: Box) -> None:
    async with asyncio.timeout(60):
        one, other = each_site.isolator("-1"), each_site.isolator("-2")
        async with Launcher([one]) as first:
            container = await first.launch(box.shell("exec sleep 600", limits=Limits(pids=5)))
            async with Launcher([other]) as second:
                same = await second.launch(box.shell("exec sleep 600", limits=Limits(pids=6)))
                assert pids(groups(one)) == {container.pid}
                assert pids(groups(other)) == {same.pid}
                assert number(group(one, "pids") / "pids.max") == 5
                await same.destroy()
                assert not container.ended
            assert not container.ended
            assert pids(groups(one)) == {container.pid}
            await container.destroy()


@pytest.mark.asyncio
async def test_a_root_is_of_one_owner_at_a_time(each_site: Site, box: Box) -> None:
    async with asyncio.timeout(60):
        async with Launcher([each_site.isolator()]) as first:
            container = await first.launch(box.shell("exec sleep 600"))
            for version in ("auto", "1"):
                with pytest.raises(LauncherClosedError, match="another owner has this root"):
                    await Launcher([CgroupIsolator(each_site.name, version)]).start()
            assert not container.ended
        async with Launcher([each_site.isolator()]) as second:
            assert (await (await second.launch(box.shell("exit 2"))).wait()).code == 2


@pytest.mark.asyncio
async def test_a_root_below_others(each_site: Site, box: Box) -> None:
    async with asyncio.timeout(60), Launcher([each_site.isolator("/deep/er")]) as launcher:
        limits = Limits(cpuset=frozenset({0}), pids=7)
        container = await launcher.launch(
            box.shell("grep Cpus_allowed_list /proc/self/status", limits=limits)
        )
        await container.wait()
        assert box.out.split() == ["Cpus_allowed_list:", "0"]


@pytest.mark.parametrize(
    "root", ["", "/x", "a/../b", "a//b", "..", ".", "tasks", "a b", "a/tasks", "x\n", ".x"]
)
def test_what_is_no_root(root: str) -> None:
    with pytest.raises(ValueError, match=r"CgroupIsolator\.root"):
        CgroupIsolator(root)


@pytest.mark.asyncio
async def test_ids_that_are_names_of_the_kernels_files(site: Site, box: Box) -> None:
    async with site.launcher() as (launcher, isolator):
        for name in (".", "tasks", "cgroup.procs", "pids.max", "-", "x" * 200):
            container = await launcher.launch(box.shell("exec sleep 600", id=name, limits=Limits(pids=9)))
            assert Path(f"/proc/{container.pid}/cgroup").read_text().count(f"/c-{name}\n") >= 1
            await container.destroy()
        assert isolator.poll() == {}
