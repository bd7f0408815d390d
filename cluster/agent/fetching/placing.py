"""From files that have come to what the sandbox is to hold. For threads."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster.messages.uris import URI

from .archives import extract
from .errors import CauseError, fetch_error, sandbox_error
from .files import chunks
from .limits import Budget, Limits
from .threads import Stop
from .tree import Tree

__all__ = ["Fetched", "place"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that has come. One of the cache's is copied, another moved."""

    uri: URI
    path: Path
    cached: bool


def place(stop: Stop, fetched: Sequence[Fetched], root: Path, limits: Limits) -> None:
    """Put all below `root`, archives extracted. FetchError if one cannot be, or would be elsewhere."""
    tree, budget = Tree(root, stop), Budget(limits)
    for file in fetched:
        try:
            _place(file, tree, budget, stop)
        except (CauseError, OSError) as error:
            raise fetch_error(file.uri, error) from error
    try:
        tree.finish()
    except (CauseError, OSError) as error:
        raise sandbox_error([file.uri for file in fetched if file.uri.archive()], error) from error


def _place(file: Fetched, tree: Tree, budget: Budget, stop: Stop) -> None:
    uri = file.uri
    parts = tuple(uri.result().split("/"))
    mode = 0o755 if uri.executable else 0o644
    if kind := uri.archive():
        extract(kind, uri.target(), file.path, parts, tree, budget, stop)
        if not file.cached:
            # Room for the next one.
            file.path.unlink()
    elif file.cached:
        tree.file(parts, mode, _contents(file.path, stop))
    else:
        tree.adopt(parts, mode, file.path)


def _contents(path: Path, stop: Stop) -> Iterator[bytes]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for data in chunks(fd):
            stop.check()
            yield data
    finally:
        os.close(fd)
