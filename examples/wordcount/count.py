"""The work itself, which knows of no cluster: map counts names in files, reduce adds counts up."""

import io
import keyword
import tokenize
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["count_files", "merge", "partition"]


def count_files(files: Iterable[Path]) -> Counter[str]:
    """Count the identifiers in source files: names that are no keywords, outside of strings and comments.

    What does not parse (the standard library has such files, for its own tests) counts up to the error.
    """
    counts: Counter[str] = Counter()
    for path in files:
        readline = io.BytesIO(path.read_bytes()).readline
        try:
            for token in tokenize.tokenize(readline):
                if token.type == tokenize.NAME and not keyword.iskeyword(token.string):
                    counts[token.string] += 1
        except (SyntaxError, tokenize.TokenError, UnicodeDecodeError):
            continue
    return counts


def partition(counts: Counter[str], parts: int) -> list[dict[str, int]]:
    """Split counts by a hash of the name that is the same on every machine, so that a name has one reducer."""
    pieces: list[dict[str, int]] = [{} for _ in range(parts)]
    for name, count in counts.items():
        pieces[zlib.crc32(name.encode()) % parts][name] = count
    return pieces


def merge(pieces: Sequence[dict[str, int]]) -> Counter[str]:
    """Add counts up."""
    total: Counter[str] = Counter()
    for piece in pieces:
        total.update(piece)
    return total
