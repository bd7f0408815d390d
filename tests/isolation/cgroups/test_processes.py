"""How many processes, on which processors, with which devices and how much of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from isolation import DeviceRule, IoLimit, Limits
from tests.isolation.box import Box, eventually
from tests.isolation.cgroups.roots import Site, group, number

pytestmark = pytest.mark.asyncio

NULL = DeviceRule("c", 1, 3, "rw")
BOMB = "f() { f | f & }; f; sleep 600"


async def test_no_more_processes_than_it_may_have(site: Site, box: Box) -> None:
    program = (
        "import os, signal\n"
        "forked = 0\n"
        "try:\n"
        "    while True:\n"
        "        if os.fork() == 0: signal.pause()\n"
        "        forked += 1\n"
        "except BlockingIOError: print(forked, flush=True)\n"
        "signal.pause()\n"
    )
    async with site.launcher() as (launcher, _isolator):
        container = await launcher.launch(box.spec(sys.executable, "-c", program, limits=Limits(pids=10)))
        await eventually(lambda: box.out)
        assert box.out == "9\n"
        usage = container.usage()
        assert (usage.processes, usage.threads) == (10, 10)


async def test_a_fork_bomb(each_site: Site, box: Box) -> None:
    async with each_site.launcher() as (launcher, isolator):
        container = await launcher.launch(box.shell(BOMB, limits=Limits(pids=60)))
        events = group(isolator, "pids") / "pids.events"
        await eventually(lambda: number(events, "max") > 20)
        other = await launcher.launch(box.shell("exit 3", id="other"))
        assert (await other.wait()).code == 3
        await container.destroy()
        assert box.processes() == []


async def test_a_cpuset_holds_and_can_be_changed_or_come_later(each_site: Site, box: Box) -> None:
    async with each_site.launcher() as (launcher, isolator):
        line = "sleep 600 & exec sleep 600"
        first = await launcher.launch(box.shell(line, limits=Limits(cpuset=frozenset({1}))))
        assert os.sched_getaffinity(first.pid) == {1}
        first.update(Limits(cpuset=frozenset({0})))
        assert os.sched_getaffinity(first.pid) == {0}
        with pytest.raises(
            ValueError, match=r"Limits\.cpuset: \[0, 1000\] cannot be held: of .*, 1000 is none"
        ):
            first.update(Limits(cpuset=frozenset({0, 1000})))
        assert os.sched_getaffinity(first.pid) == {0}
        first.update(Limits())
        assert os.sched_getaffinity(first.pid) == os.sched_getaffinity(0)
        second = await launcher.launch(box.shell(line, id="later"))
        await eventually(lambda: second.usage().processes == 2)
        second.update(Limits(cpuset=frozenset({1})))
        inside = group(isolator, "cpuset", "later") / "cgroup.procs"
        assert len(inside.read_text().split()) == 2
        assert os.sched_getaffinity(second.pid) == {1}


async def test_a_cpuset_that_is_not_there_is_refused_and_nothing_is_left(site: Site, box: Box) -> None:
    async with site.launcher() as (launcher, isolator):
        with pytest.raises(ValueError, match=r"Limits\.cpuset: \[999\]"):
            await launcher.launch(box.shell("true", limits=Limits(cpuset=frozenset({999}))))
        assert not [path for root in isolator.roots.values() for path in root.glob("c-*")]


async def test_only_the_devices_that_it_may_use(site: Site, box: Box) -> None:
    async with site.launcher() as (launcher, isolator):
        if (reason := isolator.support()["devices"]) is not None:
            pytest.skip(reason)
        os.mkfifo(box.path / "go")
        loop = "while :; do for d in null zero; do (: < /dev/$d) && echo $d; done; read x < go; done"
        container = await launcher.launch(box.shell(loop, limits=Limits(devices=(NULL,))))
        await eventually(lambda: "null" in box.out and "zero" in box.err)
        assert box.out == "null\n"
        container.update(Limits(devices=(NULL, DeviceRule("c", 1, 5, "r"))))
        (box.path / "go").write_text("\n")
        await eventually(lambda: "zero" in box.out)
        rules = (group(isolator, "devices") / "devices.list").read_text().split("\n")
        assert sorted(rules) == ["", "c 1:3 rw", "c 1:5 r"]
        container.update(Limits())
        assert (group(isolator, "devices") / "devices.list").read_text() == "a *:* rwm\n"


def disk_of(path: Path) -> str:
    """The whole block device that a directory is on, by numbers."""
    number_ = path.stat().st_dev
    place = Path(f"/sys/dev/block/{os.major(number_)}:{os.minor(number_)}")
    if not place.exists():
        pytest.skip(f"{path} is not on a block device")
    place = place.resolve()
    return ((place.parent if (place / "partition").exists() else place) / "dev").read_text().strip()


async def test_writes_are_throttled(site: Site, box: Box) -> None:
    device = disk_of(box.path)
    write = "dd if=/dev/zero of=file bs=256k count=32 oflag=direct 2> log && echo done"
    async with site.launcher() as (launcher, _isolator):
        limits = Limits(io={device: IoLimit(write_bps=4 << 20)})
        container = await launcher.launch(box.shell(write + "; exec sleep 600", limits=limits))
        await eventually(lambda: box.out == "done\n")
        seconds = float((box.path / "log").read_text().split(" s, ")[0].rpartition(" ")[2])
        # 8 MiB, of which some pass at once.
        assert 1.6 < seconds < 3
        usage = container.usage()
        assert (usage.io_write_bytes or 0) == pytest.approx(8 << 20, rel=0.05)
        assert (usage.io_writes or 0) >= 32


async def test_throttles_change_and_go(site: Site, box: Box) -> None:
    device = disk_of(box.path)
    async with site.launcher() as (launcher, isolator):
        limits = Limits(io={device: IoLimit(write_bps=1 << 20, read_iops=10)})
        container = await launcher.launch(box.shell("exec sleep 600", limits=limits))
        where = isolator.roots.get("blkio")
        if where is None:
            pytest.skip("that is blkio, of v1")
        files = {
            name: where / "c-c" / f"blkio.throttle.{name}_device"
            for name in ("write_bps", "read_iops", "read_bps")
        }

        def set_() -> dict[str, str]:
            return {name: file.read_text().strip() for name, file in files.items()}

        assert set_() == {"write_bps": f"{device} {1 << 20}", "read_iops": f"{device} 10", "read_bps": ""}
        container.update(Limits(io={device: IoLimit(read_bps=4096, read_iops=20)}))
        assert set_() == {"write_bps": "", "read_iops": f"{device} 20", "read_bps": f"{device} 4096"}
        wrong = {device: IoLimit(read_bps=8192), "4094:1": IoLimit(read_bps=1)}
        with pytest.raises(ValueError, match=r"Limits\.io: .*4094:1.* no such block device"):
            container.update(Limits(io=wrong))
        assert set_() == {"write_bps": "", "read_iops": f"{device} 20", "read_bps": f"{device} 4096"}
        container.update(Limits())
        assert set_() == {"write_bps": "", "read_iops": "", "read_bps": ""}
