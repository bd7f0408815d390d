"""Sandboxes: fresh for each run, and nothing outside of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.agent import Sandboxes


def test_each_run_has_a_directory_of_its_own(tmp_path: Path) -> None:
    sandboxes = Sandboxes(tmp_path)
    assert sandboxes.latest("A", "F", "e") is None
    first = sandboxes.create("A", "F", "e")
    second = sandboxes.create("A", "F", "e")
    other = sandboxes.create("A", "F", "e.2")
    assert len({first, second, other}) == 3
    assert first == tmp_path / "agents" / "A" / "frameworks" / "F" / "executors" / "e"
    assert sandboxes.latest("A", "F", "e") == second
    assert sandboxes.latest("A", "F", "e.2") == other
    # A new agent process does not reuse what is there.
    assert Sandboxes(tmp_path).create("A", "F", "e") not in (first, second, other)


@pytest.mark.parametrize("part", ["", ".", "..", "a/b", "/etc", "a\0b"])
def test_a_name_cannot_lead_out(tmp_path: Path, part: str) -> None:
    for ids in ((part, "F", "e"), ("A", part, "e"), ("A", "F", part)):
        with pytest.raises(ValueError, match="cannot be part"):
            Sandboxes(tmp_path).create(*ids)
    assert list(tmp_path.iterdir()) == []
