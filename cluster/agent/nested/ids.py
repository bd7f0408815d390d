"""The ids of nested containers, as Mesos has them: each has a parent, up to that of an executor or a task."""

from __future__ import annotations

import re

__all__ = ["ContainerPath", "lasting_id", "passing_id", "path_of", "path_problem"]

ContainerPath = tuple[str, ...]
"""The values from the outermost container's on. One of its own alone is a standalone container's, or a run's."""

VALUE = re.compile(r"[A-Za-z0-9_-]+")
LASTING = "nested."
PASSING = "session."
MOST = 200 - len(PASSING)
"""Characters that isolation takes for an id; those of a path are joined by dots, which no value has."""


def path_problem(path: ContainerPath) -> str | None:
    """What is wrong with an id, if anything is: Mesos forbids dots, blanks and slashes in its values."""
    for value in path:
        if not VALUE.fullmatch(value):
            return f"{value[:80]!r} does not consist of letters, digits, - and _"
    if (length := len(".".join(path))) > MOST:
        return f"it has {length} characters with those of its parents, and can have {MOST}"
    return None


def lasting_id(path: ContainerPath) -> str:
    """The name in the records of isolation of one that outlives its agent's process."""
    return LASTING + ".".join(path)


def passing_id(path: ContainerPath) -> str:
    """The name of one that does not."""
    return PASSING + ".".join(path)


def path_of(name: str) -> ContainerPath | None:
    """The path of one that outlives its agent's process; None if the name is of something else."""
    return tuple(name.removeprefix(LASTING).split(".")) if name.startswith(LASTING) else None
