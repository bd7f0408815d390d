"""What a directory takes: as du has it, and nothing of elsewhere, whatever is done to it meanwhile."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from isolation.disk.walk import Count, count

KIB = 1024


@pytest.fixture
def top(tmp_path: Path) -> Path:
    path = tmp_path / "top"
    path.mkdir()
    return path


def used(path: Path, stop: Callable[[], bool] = lambda: False) -> Count:
    total = Count()
    count(path, total, stop)
    return total


def of_du(path: Path) -> int:
    said = subprocess.run(["du", "-sx", "--block-size=1", str(path)], check=True, capture_output=True)
    return int(said.stdout.split()[0])


def test_it_agrees_with_du(top: Path) -> None:
    for number in range(20):
        below = top / f"{number % 5}" / f"{number}"
        below.mkdir(parents=True)
        (below / "file").write_bytes(b"x" * 3000 * number)
        (below / "large").write_bytes(b"x" * (2 << 20 if number == 7 else 1))
    os.link(top / "1" / "1" / "file", top / "linked")
    os.link(top / "2" / "7" / "large", top / "linked large")
    with (top / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    os.mkfifo(top / "pipe")
    (top / "link").symlink_to("/usr")
    (top / os.fsdecode(b"not \xff unicode")).write_bytes(b"x" * 5000)
    total = used(top)
    assert total.whole
    assert total.used_bytes == of_du(top) > 2 << 20


def test_nothing_outside_is_reached_through_links(top: Path) -> None:
    outside = top.with_name("outside")
    outside.mkdir()
    (outside / "file").write_bytes(b"x" * 100 * KIB)
    before = used(top).used_bytes
    (top / "directory").symlink_to(outside)
    (top / "file").symlink_to(outside / "file")
    (top / "itself").symlink_to(top)
    assert used(top).used_bytes - before <= 3 * 4 * KIB
    assert used(top / "directory").used_bytes == 0


def test_another_file_system_does_not_count(top: Path) -> None:
    # Whoever runs this may not mount, but /proc has file systems in it everywhere.
    shared = Path("/dev/shm")
    if not shared.is_mount() or os.lstat("/dev").st_dev == os.lstat(shared).st_dev:
        pytest.skip("no other file system in /dev")
    total = used(Path("/dev"))
    assert (os.lstat(shared).st_dev, os.lstat(shared).st_ino) not in total.seen
    assert all(device == os.lstat("/dev").st_dev for device, _ in total.seen)


@pytest.fixture
def deep() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="ostrom-deep-"))
    try:
        yield path
    finally:
        # Too deep for the one who clears up after tests.
        subprocess.run(["rm", "-rf", str(path)], check=True)


def test_deeper_than_paths_can_be_and_with_more_levels_than_descriptors(deep: Path) -> None:
    levels = 1500
    at = os.open(deep, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("directory", dir_fd=at)
        below = os.open("directory", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    file = os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=at)
    os.write(file, b"x" * 100 * KIB)
    os.fsync(file)
    os.close(file)
    os.close(at)
    before = len(list(Path("/proc/self/fd").iterdir()))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, levels // 2), hard))
    try:
        total = used(deep)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert total.whole
    assert total.used_bytes >= 100 * KIB
    assert len(total.seen) == levels + 1
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_what_is_not_there_is_nothing(top: Path) -> None:
    assert used(top / "no") == Count()
    (top / "file").write_bytes(b"x")
    assert used(top / "file") == Count()


def test_what_may_not_be_read_is_told(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("forbidden", "open"):
        (top / name).mkdir()
        (top / name / "file").write_bytes(b"x" * 100 * KIB)
    opened = os.open

    def refuse(path: str, flags: int, **more: int) -> int:
        if path == "forbidden":
            raise PermissionError(errno.EACCES, "refused")
        return opened(path, flags, **more)

    monkeypatch.setattr(os, "open", refuse)
    total = used(top)
    assert not total.whole
    assert 100 * KIB <= total.used_bytes < 200 * KIB


def test_what_is_in_another_counts_once(top: Path) -> None:
    (top / "in").mkdir()
    (top / "in" / "file").write_bytes(b"x" * 100 * KIB)
    for paths in ([top, top / "in"], [top / "in", top]):
        total = Count()
        for path in paths:
            count(path, total)
        assert total.used_bytes == of_du(top)


def test_a_walk_that_is_stopped_says_so(top: Path) -> None:
    for number in range(10):
        (top / str(number)).mkdir()
    asked = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 3

    total = used(top, stop)
    assert (total.whole, len(total.seen)) == (False, 4)


def moving(top: Path, act: Callable[[int], None]) -> Callable[[], bool]:
    """Have something done to the directory before each step of the walk."""
    steps = iter(range(10_000))

    def stop() -> bool:
        act(next(steps))
        return False

    return stop


def test_a_directory_that_becomes_a_link_is_not_followed(top: Path) -> None:
    outside = top.with_name("outside")
    outside.mkdir()
    (outside / "file").write_bytes(b"x" * 500 * KIB)
    (top / "directory").mkdir()

    def swap(step: int) -> None:
        if not step:
            (top / "directory").rmdir()
            (top / "directory").symlink_to(outside)

    total = used(top, moving(top, swap))
    assert total.whole
    assert total.used_bytes < 100 * KIB


def test_a_directory_that_is_moved_away_ends_the_walk(top: Path) -> None:
    outside = top.with_name("outside")
    (outside / "other").mkdir(parents=True)
    (outside / "other" / "file").write_bytes(b"x" * 500 * KIB)
    (top / "a" / "b").mkdir(parents=True)
    (top / "file").write_bytes(b"x" * 50 * KIB)

    def move(step: int) -> None:
        if step == 1:
            # The walk is in a, and about to go to b and up again.
            (top / "a" / "b").rename(top / "a" / "c")
            (top / "a").rename(outside / "a")

    total = used(top, moving(top, move))
    assert not total.whole
    assert 50 * KIB <= total.used_bytes < 100 * KIB


def test_a_large_file_that_is_moved_counts_once(top: Path) -> None:
    for name in "ab":
        (top / name).mkdir()
    (top / "a" / "file").write_bytes(b"x" * (2 << 20))

    def move(step: int) -> None:
        here, there = (top / "a" / "file", top / "b" / "file")
        if step:
            (here if here.exists() else there).rename(there if here.exists() else here)

    for _ in range(4):
        assert used(top, moving(top, move)).used_bytes < 3 << 20


def test_much_that_is_deleted_meanwhile(top: Path) -> None:
    done = threading.Event()

    def churn() -> None:
        while not done.is_set():
            for number in range(50):
                (top / f"d{number}" / "deep").mkdir(parents=True)
                (top / f"d{number}" / "deep" / "file").write_bytes(b"x")
            for number in range(50):
                (top / f"d{number}" / "deep" / "file").unlink()
                (top / f"d{number}" / "deep").rmdir()
                (top / f"d{number}").rmdir()

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(200):
            assert used(top).used_bytes < 5 << 20
    finally:
        done.set()
        thread.join()
