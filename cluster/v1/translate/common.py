"""Times, labels and refusals, which all of the translation needs."""

from __future__ import annotations

from cluster.messages import Unavailability
from cluster.v1 import types as v1
from cluster.v1.errors import RefusedError, shown

__all__ = [
    "duration_of",
    "duration_to",
    "labels_of",
    "labels_to",
    "refuse",
    "time_to",
    "unavailability_to",
]

NANOSECONDS = 10**9
MOST_NANOSECONDS = 2**63 - 1


def refuse(given: object, path: str, why: str) -> None:
    """Raise RefusedError if the field is given: neither absent nor empty."""
    if given is not None and given != () and given != {}:
        raise RefusedError(f"{path}: {why}")


def duration_of(duration: v1.DurationInfo, path: str, most: float, least: float = 0.0) -> float:
    """Seconds. RefusedError if they are not within these bounds."""
    seconds = duration.nanoseconds / NANOSECONDS
    if not least <= seconds <= most:
        raise RefusedError(f"{path} is {seconds:g} seconds, not {least:g} to {most:g}")
    return seconds


def duration_to(seconds: float) -> v1.DurationInfo:
    """Mesos's duration; the longest that there is for a longer one."""
    return v1.DurationInfo(nanoseconds=_nanoseconds(seconds))


def time_to(seconds: float) -> v1.TimeInfo:
    """Mesos's moment, of seconds since the epoch."""
    return v1.TimeInfo(nanoseconds=_nanoseconds(seconds))


def unavailability_to(unavailability: Unavailability) -> v1.Unavailability:
    """When a machine is planned to be down."""
    duration = unavailability.duration
    return v1.Unavailability(
        start=time_to(unavailability.start),
        duration=None if duration is None else duration_to(duration),
    )


def labels_of(labels: v1.Labels | None, path: str) -> dict[str, str]:
    """Labels by their key. RefusedError if a key is there twice, with different values."""
    found: dict[str, str] = {}
    for label in labels.labels if labels is not None else ():
        value = label.value or ""
        if found.setdefault(label.key, value) != value:
            raise RefusedError(f"{path}: key {shown(label.key)} has two values, and can have one")
    return found


def labels_to(labels: dict[str, str]) -> v1.Labels | None:
    """Labels as Mesos has them, or None if there are none."""
    if not labels:
        return None
    return v1.Labels(labels=tuple(v1.Label(key=key, value=value) for key, value in labels.items()))


def _nanoseconds(seconds: float) -> int:
    # Tenths of a microsecond since 1970 are all that a float holds; whole ones come back as they were.
    return min(round(seconds * NANOSECONDS), MOST_NANOSECONDS)
