"""What operators may ask for in JSON, and what is wrong with a body that is none of it."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from cluster.master.validation import role_problem
from cluster.registry import Quota, Window
from cluster.resources import ResourceError, Resources

__all__ = [
    "USUAL_RESOURCES",
    "AgentBody",
    "BodyError",
    "DrainBody",
    "MachinesBody",
    "QuotaBody",
    "ReserveBody",
    "ScheduleBody",
    "WindowBody",
    "meant_by",
    "read",
    "strange_name",
    "weights",
]

B = TypeVar("B")

MOST_SHOWN = 80
USUAL_RESOURCES = ("cpus", "gpus", "mem", "disk", "ports")
"""Names that may be meant, whether an agent has them yet or not."""

WHERE = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


class BodyError(ValueError):
    """A body that is not what was asked for; the text names the field and its value."""


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """A body; a field that it does not have is an error."""


class QuotaBody(Body, frozen=True):
    """Set a role's quota. What is not given stays as it is; `""` is no guarantee, or no limit.

    `force`: also of resources that no agent has, as they may be misspelt.
    """

    role: str
    guarantee: str | None = None
    limit: str | None = None
    priority: Annotated[int, Meta(ge=-(2**31), lt=2**31)] | None = None
    force: bool = False

    def applied(self, old: Quota) -> Quota:
        """The quota that results. BodyError."""
        _check_role(self.role)
        if self.guarantee is None and self.limit is None and self.priority is None:
            raise BodyError("none of guarantee, limit and priority is given")
        new = Quota(
            old.guarantee if self.guarantee is None else resources("guarantee", self.guarantee),
            old.limit if self.limit is None else resources("limit", self.limit),
            old.priority if self.priority is None else self.priority,
        )
        most = new.limit.amounts()
        for name, least in new.guarantee.amounts().items():
            if least > most.get(name, least):
                raise BodyError(
                    f"guarantee of {name} is above its limit: guarantee {new.guarantee}, limit {new.limit}"
                )
        return new


class ReserveBody(Body, frozen=True):
    """Reserve resources of an agent for a role, or end that."""

    agent: str
    role: str
    resources: str

    def parsed(self) -> Resources:
        """The resources. BodyError, also for a role that nothing can be reserved for."""
        _check_role(self.role)
        if self.role == "*":
            raise BodyError("role is '*', everybody's: nothing can be reserved for it")
        found = resources("resources", self.resources)
        if not found:
            raise BodyError(f"resources is {self.resources!r}, which is nothing")
        return found


class AgentBody(Body, frozen=True):
    """Something is to happen to an agent."""

    agent: str


class DrainBody(Body, frozen=True):
    """Drain an agent. `max_grace_period` (seconds) cuts its tasks' own short; `mark_gone` once it is empty."""

    agent: str
    max_grace_period: Annotated[float, Meta(ge=0)] | None = None
    mark_gone: bool = False


class MachinesBody(Body, frozen=True):
    """Machines, by hostname or agent id."""

    machines: Annotated[tuple[str, ...], Meta(min_length=1)]


class WindowBody(Body, frozen=True):
    """When machines are planned to be down, for how many seconds; None: without end.

    `start` is in seconds since the epoch, or a time with its offset from UTC by ISO 8601. `id` and `down` are as
    GET shows them, so that what was got can be changed and sent back.
    """

    machines: Annotated[tuple[str, ...], Meta(min_length=1)]
    start: float | str
    duration: float | None = None
    id: str = ""
    down: bool | None = None


class ScheduleBody(Body, frozen=True):
    """The whole schedule, in place of the one there was."""

    windows: tuple[WindowBody, ...]

    def parsed(self, down: Collection[str]) -> dict[str, Window]:
        """The windows by id, while those machines are down: they get windows of their own. BodyError."""
        windows: dict[str, Window] = {}
        seen: dict[str, int] = {}
        for number, body in enumerate(self.windows):
            where = f"windows[{number}]"
            if body.id in windows:
                raise BodyError(f"{where}.id is {_shown(body.id)}, as another's")
            start = _moment(f"{where}.start", body.start)
            if body.duration is not None and not (body.duration > 0 and math.isfinite(start + body.duration)):
                raise BodyError(f"{where}.duration is {body.duration:g}, not a number of seconds above 0")
            for name in body.machines:
                if not name:
                    raise BodyError(f"{where}.machines: '' is no machine")
                if name in seen:
                    raise BodyError(f"{where}.machines: {name!r} is in windows[{seen[name]}] already")
                seen[name] = number
            parts = (
                [name for name in body.machines if name not in down],
                [name for name in body.machines if name in down],
            )
            if body.down is not None and parts[body.down] != list(body.machines):
                raise BodyError(
                    f"{where}.down is {body.down}, its machines are not: "
                    "that is said by /ostrom/maintenance/down and up"
                )
            for which, machines in enumerate(parts):
                if machines:
                    id_ = _free_id(body.id, which == 1 and bool(parts[0]), number, windows)
                    windows[id_] = Window(tuple(machines), start, body.duration)
        return windows


def _free_id(given: str, split: bool, number: int, taken: Collection[str]) -> str:
    id_ = (given or f"window-{number + 1}") + ("-down" if split else "")
    while id_ in taken:
        id_ += "'"
    return id_


def _moment(where: str, value: float | str) -> float:
    """Seconds since the epoch. BodyError."""
    if not isinstance(value, str):
        return float(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise BodyError(
            f"{where} is {_shown(value)}, neither seconds since the epoch nor a time by ISO 8601"
        ) from error
    if moment.tzinfo is None:
        raise BodyError(f"{where} is {_shown(value)}: its offset from UTC is missing, like Z or +02:00")
    return moment.timestamp()


def weights(body: Mapping[str, Any]) -> dict[str, float]:
    """Weights by role. BodyError."""
    if not body:
        raise BodyError("no role is named")
    found: dict[str, float] = {}
    for role, weight in body.items():
        _check_role(role)
        try:
            # A bool is an int to Python.
            number = (
                float(weight) if isinstance(weight, int | float) and not isinstance(weight, bool) else 0.0
            )
        except OverflowError:
            number = math.inf
        if not 0 < number < math.inf:
            raise BodyError(f"{role} is {_shown(weight)}, not a number above 0")
        found[role] = number
    return found


def resources(field: str, text: str) -> Resources:
    """Resources from their text. BodyError."""
    try:
        return Resources.parse(text)
    except ResourceError as error:
        raise BodyError(f"{field}: {error}") from error


def strange_name(names: Collection[str], known: Collection[str]) -> str | None:
    """What is strange about names of resources, if some are neither usual nor known."""
    for name in names:
        if name not in USUAL_RESOURCES and name not in known:
            close = meant_by(name, known)
            return f"no agent has {name!r}" + (f"; is {close!r} meant?" if close else "")
    return None


def meant_by(name: str, known: Collection[str] = ()) -> str | None:
    """The usual or known resource for which a name may be a slip, if it is none itself."""
    names = {*USUAL_RESOURCES, *known}
    return None if name in names else next(iter(get_close_matches(name, sorted(names), n=1)), None)


def _check_role(role: str) -> None:
    if problem := role_problem(role):
        raise BodyError(problem)


def read(data: bytes, type_: type[B]) -> B:
    """A body of that type. BodyError."""
    try:
        raw = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BodyError(f"the body is not JSON: {error}") from error
    try:
        return msgspec.convert(raw, type_)
    except msgspec.ValidationError as error:
        raise BodyError(_explained(str(error), raw)) from error


def _explained(text: str, raw: Any) -> str:
    """What msgspec says, with the field in front and its value behind."""
    match = WHERE.match(text)
    path = (match["path"] or "") if match else ""
    what = match["what"] if match else text
    if not path:
        return what
    value = raw
    for name, index in STEP.findall(path):
        try:
            value = value[int(index)] if index else value[name]
        except (KeyError, IndexError, TypeError):
            return f"{path.removeprefix('.')}: {what}"
    return f"{path.removeprefix('.')}: {what}, not {_shown(value)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 3] + "..."
