"""Validation of what comes in; every function returns a clean value or raises `AllocatorError`."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from allocators.errors import AllocatorError

MAX_AMOUNT = 2**53 - 1
"""Largest amount of one resource, in thousandths, of an agent or of the cluster.

Up to here a quotient of two amounts is one correctly rounded float, so that two ways to compute a share agree
bit for bit, and no sum in an int64 array overflows.
"""


def check_name(value: object, what: str) -> str:
    """Return `value` if it is a non-empty string; `what` names it in the error."""
    if not isinstance(value, str) or not value:
        raise AllocatorError(f"{what} must be a non-empty string, not {value!r}")
    return value


def check_role(value: object) -> str:
    """Return `value` if it is a role name by Mesos's rules: `*`, or path components joined by single slashes.

    A component is not empty, `.`, `..` or (in a path) `*`, does not start with `-` and holds no white space.
    """
    role = check_name(value, "role")
    if role == "*":
        return role
    for part in role.split("/"):
        if not part:
            raise AllocatorError(f"role {role!r}: empty path component")
        if part in {".", "..", "*"} or part.startswith("-"):
            raise AllocatorError(f"role {role!r}: component {part!r} is not allowed")
        if any(char.isspace() or not char.isprintable() for char in part):
            raise AllocatorError(f"role {role!r}: white space and control characters are not allowed")
    return role


def check_roles(value: Collection[str], what: str) -> list[str]:
    """Return the role names in `value` as a list: each valid, none twice, and not one bare string."""
    if isinstance(value, str) or not isinstance(value, Collection):
        raise AllocatorError(f"{what} must be a collection of role names, not {value!r}")
    roles = [check_role(role) for role in value]
    if len(set(roles)) != len(roles):
        raise AllocatorError(f"{what} name a role twice: {roles!r}")
    return roles


def check_amounts(value: Mapping[str, int], where: str) -> dict[str, int]:
    """Return a copy of `value`, resource name to thousandths: integers from 0 to `MAX_AMOUNT`, not bool."""
    if not isinstance(value, Mapping):
        raise AllocatorError(f"{where}: amounts must be a mapping of name to thousandths, not {value!r}")
    amounts: dict[str, int] = {}
    for name, amount in value.items():
        check_name(name, f"{where}: resource")
        if not isinstance(amount, int) or isinstance(amount, bool):
            raise AllocatorError(f"{where}: {name} must be an integer of thousandths, not {amount!r}")
        if not 0 <= amount <= MAX_AMOUNT:
            raise AllocatorError(f"{where}: {name} must be from 0 to {MAX_AMOUNT} thousandths, not {amount}")
        amounts[name] = int(amount)
    return amounts


def check_holdings(
    agent: str, allocated: Mapping[tuple[str, str], Mapping[str, int]]
) -> dict[tuple[str, str], dict[str, int]]:
    """Return a copy of `allocated`, (framework, role) to amounts; their sum stays below `MAX_AMOUNT`, too."""
    if not isinstance(allocated, Mapping):
        raise AllocatorError(f"agent {agent!r}: allocated must be a mapping, not {allocated!r}")
    holdings: dict[tuple[str, str], dict[str, int]] = {}
    sums: dict[str, int] = {}
    for client, amounts in allocated.items():
        if not isinstance(client, tuple) or len(client) != 2:
            raise AllocatorError(f"agent {agent!r}: allocated to {client!r}, not to a (framework, role)")
        framework = check_name(client[0], f"agent {agent!r}: framework")
        where = f"agent {agent!r}: allocated to framework {framework!r} in role {client[1]!r}"
        holdings[framework, check_role(client[1])] = used = check_amounts(amounts, where)
        for name, amount in used.items():
            sums[name] = sums.get(name, 0) + amount
            if sums[name] > MAX_AMOUNT:
                raise AllocatorError(f"{where}: {name} would be above {MAX_AMOUNT} in sum")
    return holdings


def check_reservations(
    value: Mapping[str, Mapping[str, int]], total: Mapping[str, int], where: str
) -> dict[str, dict[str, int]]:
    """Return a copy of `value`, role to amounts, which together are within `total`; nothing is reserved for `*`."""
    if not isinstance(value, Mapping):
        raise AllocatorError(f"{where}: reservations must be a mapping of roles, not {value!r}")
    reserved: dict[str, dict[str, int]] = {}
    sums: dict[str, int] = {}
    for role, amounts in value.items():
        if check_role(role) == "*":
            raise AllocatorError(f"{where}: nothing can be reserved for role '*', which is everybody's")
        reserved[role] = check_amounts(amounts, f"{where}: reserved for {role!r}")
        for name, amount in reserved[role].items():
            sums[name] = sums.get(name, 0) + amount
            if sums[name] > total.get(name, 0):
                raise AllocatorError(
                    f"{where}: {sums[name]} thousandths of {name} reserved, of {total.get(name, 0)}"
                )
    return reserved


def check_attributes(value: Mapping[str, str | float], where: str) -> dict[str, str | float]:
    """Return a copy of `value`, attribute name to text or number."""
    if not isinstance(value, Mapping):
        raise AllocatorError(f"{where}: attributes must be a mapping, not {value!r}")
    attributes: dict[str, str | float] = {}
    for name, said in value.items():
        check_name(name, f"{where}: attribute")
        what = f"{where}: attribute {name!r}, if it is no text,"
        attributes[name] = said if isinstance(said, str) else check_number(said, what)
    return attributes


def check_window(
    value: tuple[float, float | None] | tuple[()], where: str
) -> tuple[float, float] | tuple[()]:
    """Return (start, end) in seconds of a (start, duration), or () as it is."""
    if not isinstance(value, tuple) or len(value) not in {0, 2}:
        raise AllocatorError(f"{where}: unavailability is (start, duration) or (), not {value!r}")
    if not value:
        return ()
    start = check_time(value[0], f"{where}: unavailability: start")
    if value[1] is None:
        return start, math.inf
    duration = check_time(value[1], f"{where}: unavailability: duration", least=0.0)
    return start, check_time(start + duration, f"{where}: unavailability: end")


def check_priority(value: int, where: str) -> int:
    """Return `value` if it is an integer."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise AllocatorError(f"{where}: priority must be an integer, not {value!r}")
    return value


def check_minimum(value: Sequence[Mapping[str, int]], where: str) -> list[dict[str, int]]:
    """Return the alternatives of a minimum offer; each is a mapping of name to thousandths."""
    if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
        raise AllocatorError(f"{where}: a minimum is a sequence of alternatives, not {value!r}")
    return [check_amounts(alternative, f"{where}: minimum") for alternative in value]


def check_weight(value: float, where: str) -> float:
    """Return `value` as a float if it is a finite number above zero."""
    weight = check_number(value, f"{where}: weight")
    if not weight > 0:
        raise AllocatorError(f"{where}: weight must be above zero, not {value!r}")
    return weight


def check_time(value: float, what: str, *, least: float = -math.inf) -> float:
    """Return `value` as a float if it is a finite number of seconds, not below `least`."""
    seconds = check_number(value, what)
    if seconds < least:
        raise AllocatorError(f"{what} must not be below {least:g}, not {value!r}")
    return seconds


def check_flag(value: object, what: str) -> bool:
    """Return `value` if it is a bool."""
    if not isinstance(value, bool):
        raise AllocatorError(f"{what} must be True or False, not {value!r}")
    return value


def check_number(value: float, what: str) -> float:
    """Return `value` as a float if it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise AllocatorError(f"{what} must be a number, not {value!r}")
    try:
        number = float(value)
    except OverflowError:
        raise AllocatorError(f"{what} is too large for a float: {value!r}") from None
    if not math.isfinite(number):
        raise AllocatorError(f"{what} must be finite, not {value!r}")
    return number
