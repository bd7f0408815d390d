"""Opening below a directory: links inside are followed, nothing leads out, also not while it is changed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize("part", ["inner", "file"])
def test_what_becomes_a_link_when_it_was_looked_at(
    box: Path, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever changes the directory meanwhile: nothing is read from outside."""
    (box.parent / "elsewhere").mkdir()
    (box.parent / "elsewhere" / "file").write_text("secret")
    stat = os.stat

    def look(path: str, **options: Any) -> os.stat_result:
        found = stat(path, **options)
        if path == part:
            place = box / "inner" / "file" if part == "file" else box / "inner"
            place.rename(box / "aside")
            place.symlink_to(box.parent / "elsewhere" / ("file" if part == "file" else ""))
        return found

    assert contents(box, "inner/file") == "inner"
    monkeypatch.setattr(os, "stat", look)
    with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
        contents(box, "inner/file")
