"""What is free and who holds what."""

from __future__ import annotations

from .options import compiled, within
from .parts import unmet
from .siblings import enter_heaps, renew_key
from .state import (
    ALLOCATED,
    BELOW,
    BORROWED,
    COUNT,
    GUARANTEES,
    HELD,
    HELD_FREE,
    HELD_USED,
    IDLE,
    IDLE_AT,
    NEED,
    ON,
    PARENT,
    QUOTAS,
    ROOT,
    SLICE,
    UNUSED,
    WIDENED,
    State,
)

__all__ = [
    "charge",
    "move",
    "offerable",
    "place",
    "refund",
    "renew_needs",
    "settle",
    "shift",
    "take",
    "use_reserved",
]


@compiled
def renew_needs(s, node):
    """Bring up to date what must be kept free for guarantees, from a node upwards."""
    while node != ROOT:
        parent = s.node[PARENT, node]
        for c in range(s.totals.shape[0]):
            need = max(unmet(s, node, c), s.amount[BELOW, node, c])
            s.amount[BELOW, parent, c] += need - s.amount[NEED, node, c]
            s.amount[NEED, node, c] = need
        node = parent


@within
def offerable(s, a):
    """Whether there is anything to give."""
    if not s.agent[ON, a]:
        return False
    for c in range(s.totals.shape[0]):
        if s.free[a, c] > 0:
            return True
    part = s.agent[SLICE, a]
    while part >= 0:
        for c in range(s.totals.shape[0]):
            if s.part_amount[0, part, c] > 0:
                return True
        part = s.part[1, part]
    return False


@within
def settle(s, a):
    """Put the agent among those with anything to give, or take it out."""
    at = s.agent[IDLE_AT, a]
    if offerable(s, a):
        if at < 0:
            s.agent[IDLE_AT, a] = s.scalar[IDLE]
            s.idle[s.scalar[IDLE]] = a
            s.scalar[IDLE] += 1
    elif at >= 0:
        s.scalar[IDLE] -= 1
        last = s.idle[s.scalar[IDLE]]
        s.idle[at] = last
        s.agent[IDLE_AT, last] = at
        s.agent[IDLE_AT, a] = -1


@within
def move(s, a, c, amount):
    """Add to what is free and not reserved."""
    was = s.free[a, c]
    s.free[a, c] = was + amount
    if s.agent[ON, a]:
        s.headroom[c] += max(0, was + amount) - max(0, was)


@compiled
def shift(a, row, *arrays):
    """Add `row` to what is free and not reserved on an agent."""
    s = State(*arrays)
    for c in range(row.shape[0]):
        move(s, a, c, row[c])
    settle(s, a)


@compiled
def use_reserved(s, a, client, role, row, sign):
    """A client takes (1) or returns (-1) what is reserved for a role."""
    part = s.agent[SLICE, a]
    while s.part[0, part] != role:
        part = s.part[1, part]
    columns = s.totals.shape[0]
    for c in range(columns):
        s.part_amount[0, part, c] -= sign * row[c]
    node = client
    while node != role:
        for c in range(columns):
            s.amount[BORROWED, node, c] += sign * row[c]
        node = s.node[PARENT, node]
    while node != ROOT:
        for c in range(columns):
            s.amount[UNUSED, node, c] -= sign * row[c]
        node = s.node[PARENT, node]


@within
def charge(s, a, client, role, row):
    """Write down that the client holds more; the order of siblings is not touched yet."""
    columns = s.totals.shape[0]
    held = s.agent[HELD, a]
    while held >= 0 and not (s.held[0, held] == client and s.held[1, held] == role):
        held = s.held[2, held]
    if held < 0:
        held = s.scalar[HELD_FREE]
        s.scalar[HELD_FREE] = s.held[2, held]
        s.scalar[HELD_USED] += 1
        s.held[0, held] = client
        s.held[1, held] = role
        s.held[2, held] = s.agent[HELD, a]
        s.agent[HELD, a] = held
        for c in range(columns):
            s.held_amount[held, c] = 0
    for c in range(columns):
        s.held_amount[held, c] += row[c]
    node = client
    while node != ROOT:
        for c in range(columns):
            s.amount[ALLOCATED, node, c] += row[c]
        node = s.node[PARENT, node]
    if role < 0:
        for c in range(columns):
            move(s, a, c, -row[c])
    else:
        use_reserved(s, a, client, role, row, 1)
    if s.scalar[GUARANTEES]:
        renew_needs(s, client)


@within
def refund(s, a, client, role, row):
    """Write down that the client holds less, and bring it to its place; nothing happens if it holds nothing there."""
    columns = s.totals.shape[0]
    before, held = -1, s.agent[HELD, a]
    while held >= 0 and not (s.held[0, held] == client and s.held[1, held] == role):
        before, held = held, s.held[2, held]
    if held < 0:
        return
    some = False
    for c in range(columns):
        s.held_amount[held, c] -= row[c]
        some = some or s.held_amount[held, c] != 0
    if not some:
        if before < 0:
            s.agent[HELD, a] = s.held[2, held]
        else:
            s.held[2, before] = s.held[2, held]
        s.held[2, held] = s.scalar[HELD_FREE]
        s.scalar[HELD_FREE] = held
        s.scalar[HELD_USED] -= 1
    node = client
    while node != ROOT:
        for c in range(columns):
            s.amount[ALLOCATED, node, c] -= row[c]
        node = s.node[PARENT, node]
    if role < 0:
        for c in range(columns):
            move(s, a, c, row[c])
    else:
        use_reserved(s, a, client, role, row, -1)
    if s.scalar[GUARANTEES]:
        renew_needs(s, client)
    node = client
    while node != ROOT:
        renew_key(s, node)
        node = s.node[PARENT, node]
    if s.scalar[QUOTAS]:
        s.scalar[WIDENED] = 1
        enter_heaps(s, client)
    settle(s, a)


@within
def place(s, client, counts):
    """Bring a client that was charged to its place, and those above it."""
    node = client
    while node != ROOT:
        s.node[COUNT, node] += counts
        renew_key(s, node)
        node = s.node[PARENT, node]


@compiled
def take(a, client, role, row, counts, *arrays):
    """See `Core.take`."""
    s = State(*arrays)
    charge(s, a, client, role, row)
    place(s, client, counts)
    if s.scalar[GUARANTEES]:
        s.scalar[WIDENED] = 1
    settle(s, a)
