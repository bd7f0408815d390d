"""Why an agent is not offered to a framework, from the code that decides."""

from __future__ import annotations

import math
from collections.abc import Collection

from allocators.books import Books
from allocators.core import Reason
from allocators.frameworks import Framework
from allocators.holds import Holds
from allocators.roles import above
from allocators.windows import Windows

__all__ = ["why_not"]


def why_not(
    books: Books,
    framework: str,
    state: Framework,
    agent: int,
    inactive: Collection[int],
    windows: Windows,
    holds: Holds,
    now: float,
) -> list[str]:
    """Return one reason a line, those of a role beginning with its name; [] if there is none."""
    reasons = []
    if not state.registered:
        reasons.append("the framework is not registered")
    elif not state.active:
        reasons.append("the framework is inactive")
    elif not state.roles:
        reasons.append("the framework is in no role")
    if agent in inactive:
        reasons.append("the agent is inactive")
    if windows.within(agent):
        _, end = windows.window(agent) or (now, math.inf)
        reasons.append(
            "the agent is in maintenance" + ("" if end == math.inf else f" for {_seconds(end - now)} more")
        )
    name = books.agent_names[agent]
    nothing = not books.free(name) and not any(free > 0 for free in books.core.free(agent))
    if nothing:
        reasons.append("nothing is free on the agent")
    by_role = {role: _of_role(books, state, role, agent, windows, holds, now) for role in sorted(state.roles)}
    if by_role and all(by_role.values()):
        first = next(iter(by_role.values()))
        for reason in [each for each in first if all(each in found for found in by_role.values())]:
            # Of the agent, whatever the role.
            if reason.startswith(("too small", "nothing")):
                reasons += [] if nothing else [reason]
                by_role = {
                    role: [each for each in found if each != reason] for role, found in by_role.items()
                }
        for role, found in by_role.items():
            reasons += [f"role {role}: {reason}" for reason in found]
    return reasons


def _of_role(
    books: Books, state: Framework, role: str, agent: int, windows: Windows, holds: Holds, now: float
) -> list[str]:
    client = state.clients[role]
    reasons = ["suppressed"] if role in state.suppressed else []
    holder = holds.client_on(agent)
    if holder is not None and holder != client:
        other = books.roles.clients[holder][0]
        reasons.append(f"held for framework {other} for {_seconds(holds.until(agent) - now)} more")
    elif holder is not None:
        reasons.append(f"held for it until it is enough, for {_seconds(holds.until(agent) - now)} more")
    reason, _ = books.core.offer(agent, client)
    name, columns = books.agent_names[agent], books.columns
    match reason:
        case Reason.NONE | Reason.NOTHING_FREE:
            if reason is Reason.NOTHING_FREE and holder is None:
                reasons.append("nothing is free for it")
        case Reason.LEFT_OUT:
            reasons.append("declined just now")
        case Reason.EXCLUDED if state.constraints is not None:
            if windows.too_soon(agent, state.constraints.available_for):
                start, _ = windows.window(agent) or (math.nan, math.nan)
                reasons.append(f"maintenance begins in {_seconds(start - now)}, sooner than it can use")
            said = state.constraints.why_not(name, books.attributes[agent])
            if said is not None:
                reasons.append(said)
        case Reason.TOO_SMALL:
            there = columns.amounts(
                [sum(column) for column in zip(*_rows(books, agent, client), strict=True)]
            )
            reasons.append(f"too small for the minimum offer: {there}")
        case Reason.LIMIT | Reason.GUARANTEES:
            reasons.append(_quota(books, role, reason))
        case Reason.REFUSED:
            row = [sum(column) for column in zip(*_rows(books, agent, client), strict=True)]
            until = books.core.hidden_until(agent, client, row)
            reasons.append("refused" if until is None else f"refused for {_seconds(until - now)} more")
    return reasons


def _seconds(seconds: float) -> str:
    # Whole ones: agents that were refused in one turn have the same reason.
    return f"{round(seconds) if seconds >= 1 else round(seconds, 1):g} s"


def _rows(books: Books, agent: int, client: int) -> list[list[int]]:
    return [row for _, row in books.core.available(agent, client)] or [books.core.free(agent)]


def _quota(books: Books, role: str, reason: Reason) -> str:
    if reason is Reason.GUARANTEES:
        return "what is free is kept for the guarantees of other roles"
    for path in above(role):
        settings = books.roles.settings.get(path)
        if settings is not None and settings.limit:
            room, _ = books.core.room(books.roles.nodes[path])
            full = [name for name in settings.limit if room[books.columns.of[name]] <= 0]
            if full:
                whose = "" if path == role else f"role {path} is "
                return f"{whose}at its limit of {', '.join(full)}"
    return "more than the limit of its role, or of a role above it, leaves"
