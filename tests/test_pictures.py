"""The pictures in the documentation are those that the code draws."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.allocators import pictures

KEPT = Path(pictures.__file__).parent / "images"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("images")
    pictures.main(directory)
    return directory


def texts(path: Path) -> list[str]:
    """What is written in a picture; its shapes differ between versions of matplotlib."""
    return re.findall(r">([^<>]+)</text>", path.read_text())


def test_each_picture_is_kept(drawn: Path) -> None:
    assert {path.name for path in drawn.iterdir()} == {path.name for path in KEPT.iterdir()}


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_a_picture_says_what_is_so(drawn: Path, name: str) -> None:
    assert texts(drawn / f"{name}.svg") == texts(KEPT / f"{name}.svg") != []
