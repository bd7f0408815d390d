"""The input: source files that every machine has, in pieces of about the same size."""

import heapq
import sysconfig
from collections.abc import Sequence
from pathlib import Path

__all__ = ["source_files", "split"]

NOT_STANDARD = {"site-packages", "dist-packages", "__pycache__"}


def source_files(every: int = 1) -> list[Path]:
    """Return the source files of the standard library, or every so many of them."""
    root = Path(sysconfig.get_paths()["stdlib"])
    files = (
        path for path in root.rglob("*.py") if not NOT_STANDARD.intersection(path.relative_to(root).parts)
    )
    return sorted(path for path in files if path.is_file())[::every]


def split(files: Sequence[Path], pieces: int) -> list[list[Path]]:
    """Deal files out so that the pieces have about the same number of bytes: the largest first, to the emptiest."""
    heap = [(0, number) for number in range(pieces)]
    chunks: list[list[Path]] = [[] for _ in range(pieces)]
    for size, path in sorted(((path.stat().st_size, path) for path in files), reverse=True):
        total, number = heapq.heappop(heap)
        chunks[number].append(path)
        heapq.heappush(heap, (total + size, number))
    return [chunk for chunk in chunks if chunk]
