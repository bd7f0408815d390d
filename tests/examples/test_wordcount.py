"""The parts of the demo that know of no cluster."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from examples.wordcount import demo
from examples.wordcount.chunks import source_files, split
from examples.wordcount.count import count_files, merge, partition


def test_names_are_counted_but_no_keywords_strings_or_comments(tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_text("import os  # os os\nfor os in range(3):\n    print('os', os)\n")
    assert count_files([source]) == {"os": 3, "range": 1, "print": 1}


def test_a_file_that_does_not_parse_counts_up_to_its_error(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_bytes(b"good = 1\n'''never ends\n")
    binary = tmp_path / "binary.py"
    binary.write_bytes(b"\xff\xfe\x00")
    assert count_files([bad, binary]) == {"good": 1}


@given(st.dictionaries(st.text(min_size=1), st.integers(1, 1000)), st.integers(1, 9))
def test_partition_and_merge_lose_nothing(counts: dict[str, int], parts: int) -> None:
    pieces = partition(Counter(counts), parts)
    assert len(pieces) == parts
    assert merge(pieces) == Counter(counts)
    assert merge([*pieces, *pieces]) == Counter({name: 2 * count for name, count in counts.items()})


def test_chunks_hold_every_file_of_the_library_once() -> None:
    files = source_files(4)
    assert len(files) > 100
    assert sorted(path for chunk in split(files, 12) for path in chunk) == files


def test_chunks_are_of_like_size(tmp_path: Path) -> None:
    files = [tmp_path / f"{size}.py" for size in range(1, 61)]
    for size, path in enumerate(files, 1):
        path.write_bytes(b"x" * size)
    sizes = [sum(path.stat().st_size for path in chunk) for chunk in split(files, 7)]
    # What the machine's own library holds is not for a test to know: one file may be larger than a chunk.
    assert max(sizes) < 1.05 * min(sizes)


def test_wrong_counts_are_told() -> None:
    output = io.StringIO()
    assert not demo.agree(Counter(a=1, b=2), Counter(a=1, b=3, c=1), Console(file=output))
    assert "counts of 2 names differ" in output.getvalue()
    assert "b: 2 on the cluster, 3 here" in output.getvalue()


def test_the_demo_fails_when_the_counts_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(*_: object) -> Counter[str]:
        return Counter(wrong=1)

    monkeypatch.setattr(demo, "run", run)
    assert demo.main(["--quick"]) == 1
