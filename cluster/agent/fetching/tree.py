"""A directory that archives are extracted to, and nothing but below it. For threads."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from .errors import CauseError
from .files import write_file
from .threads import Stop

__all__ = ["Parts", "Tree", "parts_of"]

Parts = tuple[str, ...]
Kind = Literal["file", "directory", "link"]

MAX_DEPTH = 200


def parts_of(name: str) -> Parts:
    """The path of a member, empty for the archive's top. CauseError if it could lead out of the tree."""
    if name.startswith("/"):
        raise CauseError(f"member {name!r} has an absolute path")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise CauseError(f"member {name!r} would be outside of the sandbox")
    if "\0" in name:
        raise CauseError(f"member {name!r} has a NUL in its name")
    if len(parts) > MAX_DEPTH:
        raise CauseError(f"member {name[:80]!r}... is more than {MAX_DEPTH} directories deep")
    return parts


class Tree:
    """What the archives of one task become.

    Symbolic links are made at the end, when nothing is written any more: so there is none that something could
    be written through. What is in the tree is known from what was put there, and nobody else writes to it.
    Only then can be seen where they lead; the name of `root` must be one that nobody guesses, else a link out of it
    and in again would be taken for one that stays inside. A later file takes the place of an earlier one, as `tar`
    does; a directory's place nothing else takes.
    """

    def __init__(self, root: Path, stop: Stop) -> None:
        self.root = root
        self._stop = stop
        self._kinds: dict[Parts, Kind] = {(): "directory"}
        self._links: dict[Parts, str] = {}

    def _path(self, parts: Parts) -> Path:
        return self.root.joinpath(*parts)

    def _above(self, parts: Parts) -> None:
        """Have the directories that something is to be in."""
        for length in range(1, len(parts)):
            self.directory(parts[:length])

    def directory(self, parts: Parts) -> None:
        """Have a directory, and those above it."""
        kind = self._kinds.get(parts)
        if kind == "directory":
            return
        if kind is not None:
            raise CauseError(f"member {'/'.join(parts)!r} is a {kind} and a directory")
        self._above(parts)
        self._path(parts).mkdir(mode=0o755)
        self._kinds[parts] = "directory"

    def _clear(self, parts: Parts, kind: Kind) -> None:
        """Make room for a file or a link."""
        self._stop.check()
        self._above(parts)
        known = self._kinds.get(parts)
        if known == "directory":
            raise CauseError(f"member {'/'.join(parts)!r} is a {kind} and a directory")
        if known == "file":
            self._path(parts).unlink()
        self._links.pop(parts, None)
        self._kinds[parts] = kind

    def file(self, parts: Parts, mode: int, pieces: Iterable[bytes]) -> None:
        """Write a file."""
        self._clear(parts, "file")
        write_file(self._path(parts), mode, pieces)

    def adopt(self, parts: Parts, mode: int, path: Path) -> None:
        """Move a file here."""
        self._clear(parts, "file")
        path.chmod(mode)
        path.rename(self._path(parts))

    def hard_link(self, parts: Parts, target: Parts) -> None:
        """A second name for a file, or for a symbolic link, that is in the tree already."""
        kind = self._kinds.get(target)
        if parts == target or kind not in ("file", "link"):
            raise CauseError(
                f"member {'/'.join(parts)!r} links to {'/'.join(target)!r}, which is no file before it"
            )
        text = self._links.get(target)
        self._clear(parts, kind)
        if text is not None:
            self._links[parts] = text
        else:
            os.link(self._path(target), self._path(parts), follow_symlinks=False)

    def symbolic_link(self, parts: Parts, target: str) -> None:
        """A symbolic link, to be made at the end."""
        if not target or "\0" in target:
            raise CauseError(f"member {'/'.join(parts)!r} is a link to {target!r}")
        if target.startswith("/"):
            raise CauseError(f"member {'/'.join(parts)!r} is a link to the absolute path {target!r}")
        self._clear(parts, "link")
        self._links[parts] = target

    def finish(self) -> None:
        """Make the symbolic links. CauseError if one, by way of others, leads out of the tree."""
        for parts, target in self._links.items():
            self._stop.check()
            self._path(parts).symlink_to(target)
        root = os.path.realpath(self.root)
        for parts, target in self._links.items():
            self._stop.check()
            real = os.path.realpath(self._path(parts))
            if real != root and not real.startswith(root + os.sep):
                raise CauseError(f"member {'/'.join(parts)!r} is a link out of the sandbox, to {target!r}")
