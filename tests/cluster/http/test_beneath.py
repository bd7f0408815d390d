"""Opening below a directory: links inside are followed, nothing leads out, also not while it is changed."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from cluster.http.beneath import OutsideError, open_beneath


@pytest.fixture
def box(tmp_path: Path) -> Path:
    box = tmp_path / "box"
    (box / "inner" / "deep").mkdir(parents=True)
    (box / "file").write_text("file")
    (box / "inner" / "file").write_text("inner")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "box2").mkdir()
    (tmp_path / "box2" / "file").write_text("secret")
    return box


def contents(box: Path, name: str) -> str:
    fd = open_beneath(box, name)
    with os.fdopen(fd) as file:
        return file.read()


@pytest.mark.parametrize(
    ("target", "read"),
    [
        ("file", "file"),
        ("inner/../file", "file"),
        ("./inner/./deep/../file", "inner"),
        ("{box}/inner/file", "inner"),
        ("{box}/inner/deep/../../file", "file"),
    ],
)
def test_links_inside(box: Path, target: str, read: str) -> None:
    (box / "inner" / "deep" / "link").symlink_to(box / "file")
    (box / "link").symlink_to(target.format(box=box))
    assert contents(box, "link") == read
    (box / "second").symlink_to("link")
    assert contents(box, "second") == read
    assert contents(box, "inner/deep/link") == "file"


@pytest.mark.parametrize(
    "target",
    ["../secret", "inner/../../secret", "{box}/../secret", "/etc/passwd", "{box}2/file", "inner/up/up"],
)
def test_links_that_lead_out(box: Path, target: str) -> None:
    (box / "inner" / "up").symlink_to("..")
    (box / "inner" / "deep" / "up").symlink_to("..")
    (box / "up").symlink_to("..")
    (box / "link").symlink_to(target.format(box=box))
    with pytest.raises(OutsideError):
        open_beneath(box, "link")


def test_links_for_ever(box: Path) -> None:
    (box / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="Too many levels"):
        open_beneath(box, "loop")


@pytest.mark.parametrize(
    "name", ["no", "file/x", "file/..", "fifo", "x" * 5000, "a\0b", "\ud800", "d/" * 150]
)
def test_what_is_not_there(box: Path, name: str) -> None:
    os.mkfifo(box / "fifo")
    place = box
    for _ in range(150):
        place = place / "d"
        place.mkdir()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError):  # noqa: PT011 (of many kinds)
        open_beneath(box, name)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_directory_that_becomes_a_link(box: Path) -> None:
    """Whoever changes the directory meanwhile: what is read is from inside, or nothing."""
    (box.parent / "elsewhere").mkdir()
    (box.parent / "elsewhere" / "file").write_text("secret")
    (box / "out").symlink_to("../elsewhere")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (box / "inner").rename(box / "aside")
            (box / "out").rename(box / "inner")
            (box / "inner").rename(box / "out")
            (box / "aside").rename(box / "inner")

    thread = threading.Thread(target=swap)
    thread.start()
    found = set()
    try:
        for _ in range(3000):
            try:
                found.add(contents(box, "inner/file"))
            except (OSError, OutsideError):
                found.add("")
    finally:
        stop.set()
        thread.join()
    assert "secret" not in found
