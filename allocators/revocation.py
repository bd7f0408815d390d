"""What to take from whom, so that those below their guarantee get what they want (Mesos, NSDI 2011, section 4.3).

Only from those above theirs, and never so much that they fall below. Roles have guarantees; a role without one is
guaranteed nothing.
"""

from __future__ import annotations

from operator import add, sub

from allocators.books import Books
from allocators.core import UNRESERVED, Reason
from allocators.interface import Revocation
from allocators.roles import above

__all__ = ["revocations"]

Plan = list[tuple[int, list[int]]]
"""(client, row) to take from."""


def revocations(books: Books) -> list[Revocation]:
    """Return the fewest amounts on one agent for each framework that lacks some of its role's guarantee.

    A framework is helped towards one offer of its smallest size (its own minimum, else the allocator's), if no
    agent can make it one now, and only with what its guarantee lacks. Those most above theirs give first. Nothing
    changes here: whoever asks kills tasks or not, and then releases. Time is O(agents * holders) for each such
    framework.
    """
    core = books.core
    found: list[Revocation] = []
    moved: dict[int, list[int]] = {}  # by node, what the plans so far take from it (negative: give it)
    used: set[int] = set()  # agents with a plan already
    clients = [
        (core.share(client), framework, role, client)
        for framework, state in books.frameworks.items()
        for role, client in state.clients.items()
        if role in state.ready()
    ]
    for _, framework, role, client in sorted(clients):
        path = _nodes(books, role)
        lacks = _less(core.claims(client), [max(0, -least) for least in _moved(books, path, moved)])
        if not any(lacks) or any(
            core.offer(agent, client)[0] is Reason.NONE and core.is_active(agent)
            for agent in books.agents.values()
        ):
            continue
        plans = []
        state = books.frameworks[framework]
        for alternative in state.min_offer or books.min_allocatable:
            need = books.columns.row(alternative)
            for name, agent in books.agents.items():
                plan = None if agent in used else _plan(books, agent, client, need, lacks, path, moved)
                if plan:
                    plans.append((len(plan), sum(sum(row) for _, row in plan), name, agent, plan))
        if not plans:
            continue
        _, _, name, agent, plan = min(plans, key=lambda each: each[:3])
        used.add(agent)
        for victim, row in plan:
            owner, its_role = books.roles.clients[victim]
            found.append(Revocation(name, owner, its_role, books.columns.amounts(row), (framework, role)))
            _move(moved, _nodes(books, its_role), row)
            _move(moved, path, [-amount for amount in row])
    return found


def _move(moved: dict[int, list[int]], nodes: list[int], row: list[int]) -> None:
    for node in nodes:
        moved[node] = list(map(add, moved[node], row)) if node in moved else row


def _moved(books: Books, path: list[int], moved: dict[int, list[int]]) -> list[int]:
    """The least that the plans so far take from a role of the path: what is below zero, they give to all of them."""
    zeros = [0] * len(books.columns.names)
    return [min(column) for column in zip(*(moved.get(node, zeros) for node in path), strict=True)]


def _less(row: list[int], other: list[int]) -> list[int]:
    return [max(0, amount - less) for amount, less in zip(row, other, strict=True)]


def _nodes(books: Books, role: str) -> list[int]:
    return [books.roles.nodes[each] for each in above(role)]


def _plan(
    books: Books,
    agent: int,
    client: int,
    need: list[int],
    lacks: list[int],
    path: list[int],
    moved: dict[int, list[int]],
) -> Plan | None:
    """What to take on one agent; None if it cannot be enough."""
    core = books.core
    if not core.is_active(agent) or core.offer(agent, client)[0] in (Reason.EXCLUDED, Reason.REFUSED):
        return None
    for node in path:
        room = list(map(add, core.room(node)[0], moved.get(node, [0] * len(need))))
        if any(least > most for least, most in zip(need, room, strict=True)):
            return None  # its limits would not let it have that
    missing = list(need)
    for _, row in core.available(agent, client):
        missing = list(map(sub, missing, row))
    missing = [max(0, amount) for amount in missing]
    # What is over-committed must be freed before anything is there.
    missing = [
        amount + max(0, -free) if amount else 0
        for amount, free in zip(missing, core.free(agent), strict=True)
    ]
    if not any(missing) or any(amount > most for amount, most in zip(missing, lacks, strict=True)):
        return None
    victims = []
    for (victim, part), row in books.known(agent).items():
        if part != UNRESERVED or victim == client:
            continue
        over = row
        for node in _nodes(books, books.roles.clients[victim][1]):
            if node not in path:
                gone = [max(0, amount) for amount in moved.get(node, [0] * len(row))]
                surplus = list(map(sub, core.room(node)[1], gone))
                over = [max(0, min(have, more)) for have, more in zip(over, surplus, strict=True)]
        victims.append((core.share(victim), victim, over))
    plan: Plan = []
    locally: dict[int, list[int]] = {}
    for _, victim, over in sorted(victims, reverse=True):
        for node in _nodes(books, books.roles.clients[victim][1]):
            if node not in path and node in locally:
                gone = [max(0, amount) for amount in moved.get(node, [0] * len(over))]
                gone = list(map(add, gone, locally[node]))
                surplus = list(map(sub, core.room(node)[1], gone))
                over = [max(0, min(have, more)) for have, more in zip(over, surplus, strict=True)]
        row = [min(amount, most) for amount, most in zip(missing, over, strict=True)]
        if any(row):
            plan.append((victim, row))
            missing = list(map(sub, missing, row))
            for node in _nodes(books, books.roles.clients[victim][1]):
                locally[node] = list(map(add, locally[node], row)) if node in locally else row
        if not any(missing):
            return plan
    return None
