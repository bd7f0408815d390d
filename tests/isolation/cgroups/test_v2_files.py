"""What is written to the files of v2, and read from them: plain files here."""

from __future__ import annotations

from pathlib import Path

import pytest

from isolation import IoLimit, Limits
from isolation.cgroups.cpus import quota, weight
from isolation.cgroups.files import Change, Descriptors
from isolation.cgroups.group import Group
from isolation.cgroups.hierarchy import UnifiedHierarchy
from isolation.cgroups.oom import limitation
from isolation.cgroups.part import Part
from isolation.cgroups.processors import parse
from isolation.cgroups.sizes import size
from isolation.cgroups.v2.core import CorePart, parse_pressure
from isolation.cgroups.v2.cpu import CpuPart
from isolation.cgroups.v2.cpuset import CpuSetPart
from isolation.cgroups.v2.io import IoPart
from isolation.cgroups.v2.memory import MemoryPart
from isolation.cgroups.v2.pids import PidsPart
from isolation.usage import Pressure, Usage

FILES = {
    "cgroup.events": "populated 0\nfrozen 0\n",
    "cgroup.procs": "12\n13\n",
    "cpu.idle": "0\n",
    "cpu.max": "max 100000\n",
    "cpu.pressure": "some avg10=1.50 avg60=0 avg300=0 total=2000000\n",
    "cpu.stat": (
        "usage_usec 3000000\nuser_usec 2000000\nsystem_usec 1000000\nnr_periods 10\nnr_throttled 4\n"
        "throttled_usec 500000\nnr_bursts 0\n"
    ),
    "cpu.weight": "100\n",
    "cpuset.cpus": "\n",
    "cpuset.cpus.effective": "0-3\n",
    "io.max": "8:0 rbps=1048576 wbps=max riops=max wiops=10\n",
    "io.stat": "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=1 rios=1 wios=1\n",
    "memory.current": "20971520\n",
    "memory.events": "low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\noom_group_kill 1\n",
    "memory.high": "max\n",
    "memory.max": "33554432\n",
    "memory.oom.group": "0\n",
    "memory.peak": "31457280\n",
    "memory.stat": "anon 10485760\nfile 4194304\nkernel 0\n",
    "memory.swap.max": "max\n",
    "pids.current": "3\n",
    "pids.max": "max\n",
}
PARTS = (CorePart, CpuPart, CpuSetPart, IoPart, MemoryPart, PidsPart)


@pytest.fixture
def hierarchy(tmp_path: Path) -> UnifiedHierarchy:
    for directory in (tmp_path / "agent", tmp_path / "agent" / "c-c"):
        directory.mkdir()
        for name, content in FILES.items():
            (directory / name).write_text(content)
    return UnifiedHierarchy(tmp_path, "agent", ())


def hold(part: Part, limits: Limits, *, fresh: bool = False) -> Change:
    change = Change(fresh=fresh)
    part.hold(part.hierarchy.directory("c"), limits, change)
    return change


def content(hierarchy: UnifiedHierarchy, name: str) -> str:
    return Path(hierarchy.directory("c"), name).read_text()


def test_cpu(hierarchy: UnifiedHierarchy) -> None:
    part = CpuPart(hierarchy)
    hold(part, Limits(cpus=2, cpu_quota=1.5), fresh=True)
    assert (content(hierarchy, "cpu.weight"), content(hierarchy, "cpu.max")) == ("200", "150000 100000")
    hold(part, Limits(best_effort=True))
    assert (content(hierarchy, "cpu.idle"), content(hierarchy, "cpu.max")) == ("1", "max 100000")
    hold(part, Limits(cpus=0.5))
    assert (content(hierarchy, "cpu.idle"), content(hierarchy, "cpu.weight")) == ("0", "50")
    Path(hierarchy.directory("c"), "cpu.idle").unlink()
    hold(part, Limits(best_effort=True))
    assert content(hierarchy, "cpu.weight") == "1"
    part.begin()
    assert int(Path(hierarchy.root, "cpu.weight").read_text()) >= 100


def test_memory(hierarchy: UnifiedHierarchy) -> None:
    part = MemoryPart(hierarchy)
    hold(part, Limits(memory=1 << 30), fresh=True)
    names = ("memory.max", "memory.swap.max", "memory.oom.group")
    assert [content(hierarchy, name) for name in names] == [str(1 << 30), "0", "1"]
    with pytest.raises(ValueError, match=r"Limits\.memory: 1048576 cannot be held: it uses 20 MiB"):
        hold(part, Limits(memory=1 << 20))
    assert content(hierarchy, "memory.max") == str(1 << 30)
    assert content(hierarchy, "memory.high") == "max"
    hold(part, Limits())
    assert [content(hierarchy, name) for name in names] == ["max", "max", "1"]


def test_pids_and_processors(hierarchy: UnifiedHierarchy) -> None:
    hold(PidsPart(hierarchy), Limits(pids=7))
    assert content(hierarchy, "pids.max") == "7"
    hold(PidsPart(hierarchy), Limits())
    assert content(hierarchy, "pids.max") == "max"
    cpuset = CpuSetPart(hierarchy)
    hold(cpuset, Limits(cpuset=frozenset({2, 0})), fresh=True)
    assert content(hierarchy, "cpuset.cpus") == "0,2"
    with pytest.raises(ValueError, match=r"Limits\.cpuset: \[3, 4\] cannot be held: of 0,1,2,3, 4 is none"):
        hold(cpuset, Limits(cpuset=frozenset({3, 4})))
    hold(cpuset, Limits())
    assert content(hierarchy, "cpuset.cpus") == "0,1,2,3"


def test_io(hierarchy: UnifiedHierarchy, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr("isolation.cgroups.v2.controllers.write", lambda _path, text: written.append(text))
    hold(IoPart(hierarchy), Limits(io={"8:16": IoLimit(write_bps=5, read_iops=6)}))
    assert written == ["8:0 rbps=max wbps=max riops=max wiops=max", "8:16 rbps=max wbps=5 riops=6 wiops=max"]

    def refuse(_path: str, _text: str) -> None:
        raise OSError(19, "no such device")

    monkeypatch.setattr("isolation.cgroups.v2.controllers.write", refuse)
    with pytest.raises(ValueError, match=r"Limits\.io: \['9:9'\] cannot be held: no such block device"):
        hold(IoPart(hierarchy), Limits(io={"9:9": IoLimit(read_bps=1)}), fresh=True)


def test_what_was_set_is_set_back_in_the_other_order(hierarchy: UnifiedHierarchy) -> None:
    change = hold(CpuPart(hierarchy), Limits(cpus=2, cpu_quota=1.5))
    MemoryPart(hierarchy).hold(hierarchy.directory("c"), Limits(memory=1 << 30), change)
    change.undo()
    names = ("cpu.weight", "cpu.max", "memory.max", "memory.swap.max")
    assert [content(hierarchy, name) for name in names] == ["100", "max 100000", "33554432", "max"]


@pytest.mark.parametrize("descriptors", [0, 2, 100])
def test_usage(hierarchy: UnifiedHierarchy, descriptors: int) -> None:
    budget = Descriptors(descriptors)
    group = Group("c", budget)
    group.directories[hierarchy] = hierarchy.directory("c")
    parts: list[Part] = [kind(hierarchy) for kind in PARTS]
    polled = [part for part in parts if part.core_file]
    core = Usage(
        user_seconds=2.0,
        system_seconds=1.0,
        memory_bytes=20971520,
        periods=10,
        throttled_periods=4,
        throttled_seconds=0.5,
    )
    for _ in range(2):
        assert group.poll(polled) == core
    Path(hierarchy.directory("c"), "memory.current").write_text("4096\n")
    assert group.poll(polled).memory_bytes == 4096
    assert budget.left == (descriptors if descriptors < len(polled) else descriptors - len(polled))
    values = group.values(polled)
    for part in parts:
        part.measure(group, values)
    assert Usage(**values) == Usage(
        user_seconds=2.0,
        system_seconds=1.0,
        rss_bytes=10485760,
        threads=3,
        memory_bytes=4096,
        cache_bytes=4194304,
        peak_bytes=31457280,
        memory_limit_bytes=33554432,
        oom_kills=2,
        periods=10,
        throttled_periods=4,
        throttled_seconds=0.5,
        io_read_bytes=4097,
        io_write_bytes=8193,
        io_reads=2,
        io_writes=3,
        cpu_pressure=Pressure(some_avg10=1.5, some_seconds=2.0),
    )
    group.let_go()
    assert budget.left == descriptors


def test_a_group_that_is_gone_uses_nothing(hierarchy: UnifiedHierarchy) -> None:
    group = Group("x", Descriptors(10))
    group.directories[hierarchy] = hierarchy.directory("x")
    parts: list[Part] = [kind(hierarchy) for kind in PARTS]
    assert group.poll([part for part in parts if part.core_file]) == Usage()
    values: dict[str, object] = {}
    for part in parts:
        part.measure(group, values)
    assert values == {}


def test_pressure() -> None:
    text = (
        b"some avg10=0.12 avg60=1.00 avg300=2.00 total=1500000\n"
        b"full avg10=0.06 avg60=0.00 avg300=0.00 total=500000\n"
    )
    assert parse_pressure(text) == Pressure(0.12, 0.06, 1.5, 0.5)
    with pytest.raises((KeyError, ValueError)):
        parse_pressure(b"nothing of the kind\n")


@pytest.mark.parametrize(
    ("cpus", "expected"),
    [
        (None, (None, 100000)),
        (1.5, (150000, 100000)),
        (0.01, (1000, 100000)),
        (0.005, (5000, 1000000)),
        (0.001, (1000, 1000000)),
    ],
)
def test_quotas(cpus: float | None, expected: tuple[int | None, int]) -> None:
    assert quota(cpus) == expected


def test_weights_keep_their_ratio() -> None:
    assert [weight(shares) for shares in (2, 10, 512, 1024, 3072, 262144)] == [1, 1, 50, 100, 300, 10000]


def test_sets_of_processors() -> None:
    assert parse("0-2,5\n") == {0, 1, 2, 5}
    assert parse("\n") == frozenset()


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (640, "640 B"), (33554432, "32 MiB"), (1610612736, "1.5 GiB"), (1 << 70, "1024 EiB")],
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("kills", "limit", "peak", "text"),
    [
        (1, 32 << 20, 32 << 20, "memory limit 32 MiB: peak 32 MiB used, a process was killed by the kernel"),
        (3, 32 << 20, None, "memory limit 32 MiB, 3 processes were killed by the kernel"),
        (
            1,
            32 << 20,
            8 << 20,
            "the machine has no memory left: peak 8 MiB used, a process was killed by the kernel",
        ),
        (
            1,
            None,
            8 << 20,
            "the machine has no memory left: peak 8 MiB used, a process was killed by the kernel",
        ),
    ],
)
def test_the_words_of_a_limit_that_was_hit(
    kills: int, limit: int | None, peak: int | None, text: str
) -> None:
    assert limitation(kills, limit, peak).text == text
