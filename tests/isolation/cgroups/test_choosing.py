"""What is here, and why not what is not: from the text of mounts, and trees of plain files."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from isolation import CgroupIsolator, Launcher, Limits
from isolation.cgroups import Mounts, parse_mounts
from isolation.cgroups.choosing import choose
from isolation.cgroups.delegation import base_of, own_group
from isolation.cgroups.hierarchy import LEAF, Hierarchy, UnifiedHierarchy
from tests.isolation.box import Box
from tests.isolation.cgroups.roots import Site

V1 = """\
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/pids cgroup ro,relatime,pids 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,name=systemd 0 0
"""
V2 = "cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n"
OTHERS = "proc /proc proc rw 0 0\n\nbroken\ntmpfs /sys/fs/cgroup tmpfs rw,mode=755 0 0\n"


def test_mounts_of_v1() -> None:
    mounts = parse_mounts(OTHERS + V1)
    both = Path("/sys/fs/cgroup/cpu,cpuacct")
    assert mounts.v1 == {
        "cpu": both,
        "cpuacct": both,
        "memory": Path("/sys/fs/cgroup/memory"),
        "pids": Path("/sys/fs/cgroup/pids"),
    }
    assert mounts.read_only == {Path("/sys/fs/cgroup/pids")}
    assert mounts.kind == "v1"


def test_mounts_of_v2_and_of_both_and_of_none() -> None:
    assert parse_mounts(V2) == Mounts(v2=Path("/sys/fs/cgroup"))
    assert parse_mounts(V2).kind == "v2"
    assert parse_mounts(V1 + V2).kind == "hybrid"
    assert parse_mounts(OTHERS).kind == "none"
    assert parse_mounts(V1 + V2).only("1").kind == "v1"
    assert parse_mounts(V1 + V2).only("2").kind == "v2"
    with pytest.raises(ValueError, match=r"CgroupIsolator\.version: '3'"):
        parse_mounts(V1).only("3")


def test_a_hierarchy_that_is_mounted_twice_is_used_where_it_was_first() -> None:
    v1 = "cgroup /a\\040b cgroup rw,pids 0 0\ncgroup /c cgroup rw,pids 0 0\n"
    v2 = "x /d cgroup2 rw 0 0\nx /e cgroup2 rw 0 0\n"
    assert parse_mounts(v1 + v2) == Mounts({"pids": Path("/a b")}, Path("/d"))


def tree(path: Path, controllers: str = "cpuset cpu io memory pids") -> Path:
    """A mount of v2, as far as it is read."""
    path.mkdir()
    (path / "cgroup.controllers").write_text(controllers + "\n")
    (path / "cgroup.subtree_control").write_text("\n")
    (path / "self").mkdir()
    (path / "self" / "cgroup").write_text("0::/\n")
    (path / "pressure").mkdir()
    return path


def test_all_of_v2(tmp_path: Path) -> None:
    place = tree(tmp_path / "cg")
    choice = choose(Mounts(v2=place, v2_controllers=frozenset()), "agent", proc=place)
    support = dict(choice.support)
    assert support.pop("devices") == (
        "v2 has no devices controller: that takes a program of BPF, which is not done here"
    )
    assert set(support.values()) == {None}
    assert {
        "cpus",
        "cpu_quota",
        "memory",
        "pids",
        "cpuset",
        "io",
        "best_effort",
        "kill",
        "freeze",
        "pressure",
    } < set(support)
    assert {part.hierarchy.root for part in choice.parts} == {f"{place}/agent"}
    assert not (place / "agent").exists()


def test_what_is_missing_is_said_with_the_reason(tmp_path: Path) -> None:
    place = tree(tmp_path / "cg", "memory")
    (place / "pressure").rmdir()
    support = choose(Mounts(v2=place), "agent", proc=place).support
    assert support["memory"] is None
    missing = f"controller in /proc/self/mounts, nor in {place}/cgroup.controllers"
    assert support["pids"] == f"there is no pids {missing}"
    assert support["io"] == f"there is no blkio {missing}"
    assert support["pressure"] == (
        f"the kernel has no {place}/pressure (it is built, or was booted, without PSI)"
    )


def test_v1_and_v2_are_chosen_controller_by_controller(tmp_path: Path) -> None:
    place, both, pids = tree(tmp_path / "cg", "io memory"), tmp_path / "cpu,cpuacct", tmp_path / "pids"
    both.mkdir()
    pids.mkdir()
    v1 = {"cpu": both, "cpuacct": both, "pids": pids, "freezer": pids}
    mounts = Mounts(v1, place, read_only=frozenset({pids}))
    choice = choose(mounts, "a/b", proc=place)
    where = {part.controller: (part.hierarchy.version, part.hierarchy.root) for part in choice.parts}
    unified = (2, f"{place}/a/b")
    assert where == {"cgroup": unified, "cpu": (1, f"{both}/a/b"), "memory": unified, "io": unified}
    assert choice.support["pids"] == f"{pids} is mounted to be read only"
    assert choice.support["cpuset"] is not None
    assert choice.support["freeze"] is None
    alone = choose(mounts.only("1"), "a/b", proc=place)
    assert [part.controller for part in alone.parts] == ["cpu", "cpuacct"]
    assert alone.parts[0].hierarchy is alone.parts[1].hierarchy
    assert alone.support["memory"] == "there is no memory controller in /proc/self/mounts"
    assert alone.support["pressure"] == "there is no cgroup2 in /proc/self/mounts"


def test_where_there_are_none() -> None:
    with pytest.raises(ValueError, match="CgroupIsolator: there are no control groups in /proc/self/mounts"):
        CgroupIsolator("agent", mounts=Mounts())


def test_a_hierarchy_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tree(tmp_path / "cg")
    monkeypatch.setattr(os, "access", lambda *_: False)
    choice = choose(Mounts(v2=place), "agent", proc=place)
    assert choice.parts == []
    assert choice.support["kill"] == f"{place} may not be written by user {os.geteuid()}"
    assert choice.support["memory"] == f"{place} may not be written by user {os.geteuid()}"


def test_own_group() -> None:
    assert own_group("9:name=systemd:/x\n4:memory:/y\n0::/system.slice/ostrom.service\n") == (
        "/system.slice/ostrom.service"
    )
    assert own_group("4:memory:/y\n") == "/"


@pytest.mark.parametrize(
    ("group", "marked", "base"),
    [
        ("/", None, ""),
        ("/s/ostrom.service", "s/ostrom.service", "s/ostrom.service"),
        ("/s/ostrom.service/owner", "s/ostrom.service", "s/ostrom.service"),
        ("/s/ostrom.service", None, ""),
        ("/s/ostrom.service/a/b", "s/ostrom.service", ""),
        ("/../outside", None, ""),
        ("/gone", None, ""),
    ],
)
def test_what_was_delegated(tmp_path: Path, group: str, marked: str | None, base: str) -> None:
    if marked is not None:
        (tmp_path / group[1:]).mkdir(parents=True)
        try:
            os.setxattr(tmp_path / marked, "user.delegate", b"1")
        except OSError as error:
            pytest.skip(f"{tmp_path} has no extended attributes: {error}")
    assert base_of(tmp_path, group) == tmp_path / base


def test_controllers_are_switched_on_at_each_level(tmp_path: Path) -> None:
    place = tree(tmp_path / "cg")
    for below in ("a", "a/b"):
        tree(place / below, "cpu memory")
    hierarchy = UnifiedHierarchy(place, "a/b", {"cpu", "memory"})
    hierarchy.make()
    for each in ("cgroup.subtree_control", "a/cgroup.subtree_control", "a/b/cgroup.subtree_control"):
        assert (place / each).read_text() == "+cpu +memory"


def test_a_group_with_processes_in_it_gets_a_leaf_for_them() -> None:
    """For real: the kernel lets a group have either processes or children with controllers."""
    found = Path("/proc/self/mounts").read_text()
    top = parse_mounts(found).v2
    if os.geteuid() != 0 or top is None:
        pytest.skip("there is no v2 here that this user may write")
    controllers = {"hugetlb", "pids"} & set((top / "cgroup.controllers").read_text().split())
    if not controllers:
        pytest.skip(f"v2 has no controller to try it with in {top}/cgroup.controllers")
    before = set((top / "cgroup.subtree_control").read_text().split())
    base = top / f"ostrom-test-{os.getpid()}"
    base.mkdir()
    try:
        (top / "cgroup.subtree_control").write_text(" ".join(f"+{each}" for each in controllers))
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(writer)
            os.read(reader, 1)
            os._exit(0)
        (base / "cgroup.procs").write_text(str(child))
        hierarchy = UnifiedHierarchy(base, "root", controllers, delegated=True)
        hierarchy.make()
        assert (base / LEAF / "cgroup.procs").read_text() == f"{child}\n"
        assert set((base / "root" / "cgroup.controllers").read_text().split()) == controllers
        # Again: nothing is to be done.
        hierarchy.make()
        os.close(writer)
        os.waitpid(child, 0)
        hierarchy.lock()
        hierarchy.close()
        assert not (base / "root").exists()
    finally:
        for each in (base / "root", base / LEAF, base):
            if each.exists():
                each.rmdir()
        if not before & controllers:
            (top / "cgroup.subtree_control").write_text(" ".join(f"-{each}" for each in controllers))


@pytest.mark.asyncio
async def test_a_hierarchy_that_refuses_is_done_without_and_said(
    site: Site, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    isolator = site.isolator()
    refusing = isolator.roots["pids"].parent
    make = Hierarchy.make

    def refuse(hierarchy: Hierarchy) -> None:
        if hierarchy.base == refusing:
            raise OSError(28, "No space left on device")
        make(hierarchy)

    monkeypatch.setattr(Hierarchy, "make", refuse)
    async with asyncio.timeout(60), Launcher([isolator]) as launcher:
        reason = f"{refusing}: [Errno 28] No space left on device"
        assert isolator.support()["pids"] == reason
        with pytest.raises(ValueError, match=r"Limits\.pids: 5 cannot be held: .*No space left"):
            await launcher.launch(box.shell("true", limits=Limits(pids=5)))
        container = await launcher.launch(box.shell("exec sleep 600", limits=Limits(cpus=1)))
        assert (await container.destroy()).signal == 9


def test_without_cgroupspy_v1_says_so() -> None:
    program = (
        "import sys\n"
        "sys.modules['cgroupspy'] = None\n"
        "from pathlib import Path\n"
        "from isolation.cgroups import CgroupIsolator, Mounts\n"
        "try: CgroupIsolator('x', '1', mounts=Mounts({'cpu': Path('/tmp')}))\n"
        "except ValueError as error: print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout == (
        "CgroupIsolator: control groups of v1 take the library cgroupspy, which is not installed\n"
    )
