"""What control groups v2 hold, for real. Without pytest too, in a guest that has a kernel, Python and a shell:

    python -m tests.isolation.cgroups.v2_checks [NAME ...]

prints a line for each check, `ok`, `skip` or `FAIL` with the reason, and ends with 1 if one failed.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import tempfile
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from isolation import Container, IoLimit, Launcher, Limits
from isolation.cgroups import read_mounts
from isolation.cgroups.hierarchy import LEAF
from tests.isolation.box import Box, eventually
from tests.isolation.cgroups.roots import (
    SPIN,
    Site,
    cpu_seconds,
    cpus_used,
    group,
    groups,
    number,
    pids,
    preferred,
)

MIB = 1 << 20
EAT = f"""{sys.executable} -S -c "
kept = []
while True: kept.append(bytearray({MIB}))
" """
HOLD = f"""exec {sys.executable} -S -c "
kept = bytearray(b'x') * (24 << 20)
print('holds', flush=True)
import time
time.sleep(600)
" """
FORK = f"""exec {sys.executable} -S -c "
import os
forked = 0
try:
    while True:
        if os.fork() == 0: import time; time.sleep(600)
        forked += 1
except OSError: print(forked, flush=True)
import time
time.sleep(600)
" """

Check = Callable[[Site, Box], Awaitable[None]]


class SkipError(Exception):
    """What this machine has no means for."""


def controllers() -> set[str]:
    """Those of v2 that are to be tried."""
    mounts = read_mounts()
    return set(mounts.v2_controllers) & {"cpu", "cpuset", "io", "memory", "pids"}


def near(value: float, wanted: float, part: float) -> None:
    assert abs(value - wanted) <= part * wanted, f"{value} is not within {part:.0%} of {wanted}"


def refusal(container: Container, limits: Limits) -> str:
    """Why it is not held to other limits."""
    try:
        container.update(limits)
    except ValueError as error:
        return str(error)
    raise AssertionError(f"it is held to {limits}")


async def check_support(site: Site, box: Box) -> None:
    support = site.isolator().support()
    assert support.pop("devices"), "v2 has no devices"  # type: ignore[attr-defined]
    assert not any(support.values()), support


async def check_quotas(site: Site, box: Box) -> None:
    async with site.launcher() as (launcher, isolator):
        for quota in (0.1, 0.5):
            container = await launcher.launch(box.shell(SPIN, id=f"q{quota}", limits=Limits(cpu_quota=quota)))
            with preferred(isolator):
                await eventually(lambda: (container.usage().throttled_periods or 0) > 2)  # noqa: B023
                (used,) = await cpus_used([container], 4)
            near(used, quota, 0.05)
            usage = container.usage()
            assert usage.throttled_periods is not None
            assert usage.periods is not None
            assert 20 <= usage.throttled_periods <= usage.periods, usage
            assert (usage.throttled_seconds or 0) > 0.5, usage
            await container.destroy()


async def check_weights(site: Site, box: Box) -> None:
    async with site.launcher() as (launcher, isolator):
        each = [await launcher.launch(box.shell(SPIN, id=f"w{n}", limits=Limits(cpus=n))) for n in (1, 3)]
        # So that they want the same one of several.
        for container in each:
            container.update(Limits(cpus=int(container.id[1:]), cpuset=frozenset({0})))
        with preferred(isolator):
            await eventually(lambda: all(cpu_seconds(container) > 0.1 for container in each))
            small, large = await cpus_used(each, 4)
        near(large / small, 3, 0.1)


async def check_best_effort(site: Site, box: Box) -> None:
    async with site.launcher() as (launcher, isolator):
        one = await launcher.launch(box.shell(SPIN, id="one", limits=Limits(cpus=1, cpuset=frozenset({0}))))
        limits = Limits(best_effort=True, cpuset=frozenset({0}))
        rest = await launcher.launch(box.shell(SPIN, id="rest", limits=limits))
        with preferred(isolator):
            most, least = await cpus_used([one, rest], 2)
            assert least < 0.1 * most, (most, least)
            rest.update(Limits(cpus=1, cpuset=frozenset({0})))
            # Before 6.6 the kernel holds the time that it had while it was idle against it, for a second or two.
            for _ in range(5):
                most, least = await cpus_used([one, rest], 2)
                if 0.6 * most < least < 1.6 * most:
                    break
            else:
                raise AssertionError((most, least))


async def check_memory(site: Site, box: Box) -> None:
    async with site.launcher() as (launcher, isolator):
        neighbour = await launcher.launch(box.shell("exec sleep 600", id="n", limits=Limits(memory=64 * MIB)))
        line = f"setsid sleep 600 & sleep 600 & {EAT}; exit 0"
        container = await launcher.launch(box.shell(line, limits=Limits(memory=32 * MIB)))
        events = group(isolator, "memory") / "memory.events"
        await eventually(lambda: not events.exists() or number(events, "oom_kill") > 0)
        begin = time.perf_counter()
        end = await container.wait()
        assert time.perf_counter() - begin < 1
        assert end.limitation is not None, end
        assert end.limitation.kind == "memory"
        assert end.limitation.text.startswith("memory limit 32 MiB: peak 3"), end.limitation.text
        usage = container.usage()
        assert usage.memory_limit_bytes == 32 * MIB, usage
        assert (usage.oom_kills or 0) >= 1, usage
        assert box.processes() == [neighbour.pid]
        assert neighbour.usage().oom_kills == 0


async def check_memory_is_found_at_the_end(site: Site, box: Box) -> None:
    def refuse(*_: object) -> None:
        raise OSError(24, "too many open files")

    async with site.launcher() as (launcher, isolator):
        isolator._oom.watch = refuse  # type: ignore[method-assign]
        container = await launcher.launch(box.shell(f"exec {EAT}", limits=Limits(memory=32 * MIB)))
        end = await container.wait()
        assert (end.signal, end.destroyed) == (9, False), end
        assert end.limitation is not None, end


async def check_memory_changes_but_not_to_less_than_is_used(site: Site, box: Box) -> None:
    async with site.launcher() as (launcher, isolator):
        container = await launcher.launch(box.shell(HOLD, limits=Limits(memory=40 * MIB)))
        await eventually(lambda: box.out == "holds\n")
        usage = container.usage()
        near(usage.rss_bytes, 26 * MIB, 0.2)
        container.update(Limits(memory=64 * MIB, pids=9))
        assert "which cannot be reclaimed" in refusal(container, Limits(memory=8 * MIB, pids=5))
        place = group(isolator, "memory")
        files = ("memory.max", "memory.high", "memory.swap.max", "pids.max", "memory.oom.group")
        now = {name: (place / name).read_text().strip() for name in files if (place / name).exists()}
        now.pop("memory.swap.max", None)
        assert now == {
            "memory.max": str(64 * MIB),
            "memory.high": "max",
            "pids.max": "9",
            "memory.oom.group": "1",
        }, now
        assert not container.ended
        assert container.usage().oom_kills == 0


async def check_pids(site: Site, box: Box) -> None:
    async with site.launcher() as (launcher, _isolator):
        container = await launcher.launch(box.shell(FORK, limits=Limits(pids=10)))
        await eventually(lambda: box.out)
        assert box.out == "9\n", box.out
        usage = container.usage()
        assert (usage.processes, usage.threads) == (10, 10), usage


async def check_cpuset(site: Site, box: Box) -> None:
    async with site.launcher() as (launcher, isolator):
        last = max(os.sched_getaffinity(0))
        container = await launcher.launch(
            box.shell("exec sleep 600", limits=Limits(cpuset=frozenset({last})))
        )
        assert (group(isolator, "cpuset") / "cpuset.cpus").read_text() == f"{last}\n"
        assert os.sched_getaffinity(container.pid) == {last}
        container.update(Limits())
        assert os.sched_getaffinity(container.pid) == os.sched_getaffinity(0)
        assert "1000 is none" in refusal(container, Limits(cpuset=frozenset({1000})))


async def check_io(site: Site, box: Box) -> None:
    devices = [place.read_text().strip() for place in Path("/sys/block").glob("*/dev")]
    if not devices:
        raise SkipError("there is no block device in /sys/block")
    device = devices[0]
    async with site.launcher() as (launcher, isolator):
        limits = Limits(io={device: IoLimit(write_bps=MIB, read_iops=10)})
        container = await launcher.launch(box.shell("exec sleep 600", limits=limits))
        file = group(isolator, "io") / "io.max"
        assert file.read_text() == f"{device} rbps=max wbps={MIB} riops=10 wiops=max\n", file.read_text()
        wrong = {device: IoLimit(read_bps=4096), "4094:1": IoLimit(read_bps=1)}
        assert "no such block device" in refusal(container, Limits(io=wrong))
        assert file.read_text() == f"{device} rbps=max wbps={MIB} riops=10 wiops=max\n", file.read_text()
        container.update(Limits())
        assert file.read_text() == "", file.read_text()


async def check_kills(site: Site, box: Box) -> None:
    reforks = (
        f"{sys.executable} -S -c '\n"
        "import os\n"
        "for runner in range(4):\n"
        "    if os.fork() == 0: break\n"
        "while True:\n"
        "    if os.fork(): os._exit(0)\n"
        "    os.setsid()\n"
        "'; sleep 600"
    )
    lines = {
        # By path: a shell may have a sleep of its own.
        "a daemon": ("setsid /bin/sleep 600 & /bin/sleep 600; :", 3),
        "deaf": (
            "trap '' TERM; (trap '' TERM; while :; do /bin/sleep 1; done) & while :; do /bin/sleep 1; done",
            4,
        ),
        "forks": (reforks, 4),
    }
    async with site.launcher(seconds=200) as (launcher, isolator):
        for n in range(20):
            line, least = list(lines.values())[n % len(lines)]
            container = await launcher.launch(box.shell(line, id=f"k{n}"))
            places = groups(isolator, f"k{n}")
            await eventually(lambda: len(pids(places)) >= least)  # noqa: B023
            if n % 2:
                isolator.freeze(container)
                await eventually(lambda: isolator.frozen(container))  # noqa: B023
            async with asyncio.timeout(10):
                await container.destroy()
            assert pids(places) == set()
            await eventually(lambda: groups(isolator, f"k{n}") == [])  # noqa: B023
        assert box.processes() == []


async def check_pressure_and_polls(site: Site, box: Box) -> None:
    async with site.launcher() as (launcher, isolator):
        container = await launcher.launch(box.shell(SPIN, limits=Limits(cpu_quota=0.1)))
        await eventually(lambda: cpu_seconds(container) > 0.1)
        usage = container.usage()
        if not Path("/proc/pressure").exists():
            raise SkipError("the kernel has no PSI (psi=1)")
        assert usage.cpu_pressure is not None, usage
        assert usage.cpu_pressure.some_seconds > 0, usage
        assert usage.memory_pressure is not None, usage
        polled = isolator.poll()["c"]
        assert polled.user_seconds + polled.system_seconds >= usage.user_seconds + usage.system_seconds
        assert polled.memory_bytes, polled


async def check_recovery(site: Site, box: Box) -> None:
    async with asyncio.timeout(60):
        first = Launcher([site.isolator()], state_dir=box.state)
        for n in range(3):
            await first.launch(box.shell("exec sleep 600", id=f"r{n}", limits=Limits(pids=10 + n)))
        await first.detach()
        isolator = site.isolator()
        stray = group(isolator, "pids", "stray")
        stray.mkdir()
        unknown = await asyncio.create_subprocess_exec("sleep", "600")
        (stray / "cgroup.procs").write_text(str(unknown.pid))
        async with Launcher([isolator], state_dir=box.state) as second:
            assert await unknown.wait() == -9
            await eventually(lambda: not stray.exists())
            containers = {container.id: container for container in await second.recover()}
            assert sorted(containers) == ["r0", "r1", "r2"]
            assert number(group(isolator, "pids", "r2") / "pids.max") == 12
            containers["r2"].update(Limits(pids=20))
            assert number(group(isolator, "pids", "r2") / "pids.max") == 20
        assert box.processes() == []


async def check_delegation(site: Site, box: Box) -> None:
    """As in a service of systemd with Delegate=yes: its group is ours, and this process is in it."""
    top = read_mounts().v2
    assert top is not None
    service = top / f"{site.name}.service"
    service.mkdir()
    home = top / Path("/proc/self/cgroup").read_text().split("0::/")[1].split("\n")[0]
    try:
        (top / "cgroup.subtree_control").write_text(" ".join(f"+{each}" for each in controllers()))
        os.setxattr(service, "trusted.delegate", b"1")
        (service / "cgroup.procs").write_text(str(os.getpid()))
        async with site.launcher() as (launcher, isolator):
            assert isolator.roots["memory"] == service / site.name
            container = await launcher.launch(box.shell("exec sleep 600", limits=Limits(memory=32 * MIB)))
            assert container.usage().memory_limit_bytes == 32 * MIB
            own = Path("/proc/self/cgroup").read_text().strip()
            assert own.endswith(f"0::/{service.name}/{LEAF}"), own
            # Another one in the same process finds the same place.
            assert site.isolator("-other").roots["memory"] == service / f"{site.name}-other"
    finally:
        (home / "cgroup.procs").write_text(str(os.getpid()))
        await eventually(lambda: not pids([service, service / LEAF]))
        for each in (service / LEAF, service):
            if each.exists():
                each.rmdir()


CHECKS: dict[str, Check] = {
    name.removeprefix("check_"): check
    for name, check in list(globals().items())
    if name.startswith("check_") and inspect.iscoroutinefunction(check)
}


async def run(check: Check) -> None:
    """Run one, in a directory and a root of its own. Nothing of either is left."""
    with tempfile.TemporaryDirectory() as name:
        site = Site("2")
        await check(site, Box(Path(name), uuid.uuid4().hex))
        await eventually(lambda: site.left() == [])


def main(names: list[str]) -> int:
    failed = 0
    for name in names or CHECKS:
        begin = time.perf_counter()
        try:
            asyncio.run(run(CHECKS[name]))
            result = "ok"
        except SkipError as reason:
            result = f"skip: {reason}"
        except Exception:  # noqa: BLE001 (each is to be told of)
            failed += 1
            result = f"FAIL\n{traceback.format_exc()}"
        print(f"v2 {name} {time.perf_counter() - begin:.1f} s: {result}", flush=True)  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
