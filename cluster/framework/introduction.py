"""How a framework introduces itself: the FrameworkInfo, from what is convenient to write."""

from __future__ import annotations

import getpass
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import msgspec

from cluster.messages import AttributeConstraint, Capability, FrameworkInfo
from cluster.resources import Resources

__all__ = ["Changes", "changed", "this_user"]

Constraints = Sequence[AttributeConstraint | Sequence[AttributeConstraint]]
MinOffer = Resources | str | Sequence[Resources | str]


class Changes(TypedDict, total=False):
    """What a framework can change of itself while it runs: see `Framework`."""

    name: str
    roles: Sequence[str]
    failover_timeout: float
    webui_url: str
    labels: Mapping[str, str]
    min_offer: MinOffer
    constraints: Constraints
    hold_after: float | None
    partition_aware: bool
    task_killing: bool
    revocable: bool


_CAPABILITIES = {
    "partition_aware": Capability.PARTITION_AWARE,
    "task_killing": Capability.TASK_KILLING_STATE,
    "revocable": Capability.REVOCABLE_RESOURCES,
}


def changed(info: FrameworkInfo, changes: Changes) -> FrameworkInfo:
    """Return the info with these changes. ValueError naming what cannot be, TypeError for what there is not."""
    fields: dict[str, Any] = {}
    capabilities = set(info.capabilities)
    for name, value in changes.items():
        if name not in Changes.__annotations__:
            raise TypeError(f"update: a framework has no {name!r}, only {', '.join(Changes.__annotations__)}")
        if name in _CAPABILITIES:
            (capabilities.add if value else capabilities.discard)(_CAPABILITIES[name])
        else:
            fields[name] = _FIELDS.get(name, lambda given: given)(value)
    fields["capabilities"] = tuple(sorted(capabilities))
    return msgspec.structs.replace(info, **fields)


def _roles(value: Sequence[str]) -> tuple[str, ...]:
    if isinstance(value, str):
        raise TypeError(f"roles is the text {value!r}, not a sequence of roles")
    if not value:
        raise ValueError("roles is empty")
    return tuple(value)


def _seconds(name: str, value: float) -> float:
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} is {value}, not a number of seconds from 0")
    return float(value)


def _min_offer(value: MinOffer) -> tuple[Resources, ...]:
    alternatives = [value] if isinstance(value, Resources | str) else list(value)
    parsed = tuple(each if isinstance(each, Resources) else Resources.parse(each) for each in alternatives)
    if not all(parsed):
        raise ValueError("min_offer has an alternative without resources")
    return parsed


def _constraints(value: Constraints) -> tuple[tuple[AttributeConstraint, ...], ...]:
    """Groups of constraints; a single group may be written without its brackets."""
    singles = tuple(each for each in value if isinstance(each, AttributeConstraint))
    groups = tuple(tuple(each) for each in value if not isinstance(each, AttributeConstraint))
    if singles and groups:
        raise TypeError("constraints has single constraints beside groups of them")
    return (singles,) if singles else groups


_FIELDS: dict[str, Any] = {
    "roles": _roles,
    "failover_timeout": lambda value: _seconds("failover_timeout", value),
    "labels": dict,
    "min_offer": _min_offer,
    "constraints": _constraints,
    "hold_after": lambda value: None if value is None else _seconds("hold_after", value),
}


def this_user() -> str:
    """Whoever runs this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # A container may run under a uid that has no name.
        return ""
