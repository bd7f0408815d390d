"""The pass over agents: what makes it fast is in `serve`."""

from __future__ import annotations

import numpy as np

from .ledger import charge, offerable, place, refund, settle
from .options import compiled, within
from .parts import claims, decide, reaches, unmet
from .refusals import check
from .siblings import leave_heap
from .state import (
    ALLOCATED,
    BELOW,
    CHECKED,
    CLIENT,
    FIRST,
    GUARANTEES,
    HELD_USED,
    IDLE,
    IDLE_AT,
    KIND,
    LENGTH,
    LIMIT,
    LIMITED,
    MINIMA,
    NEED,
    NO_LIMIT,
    NUMBER,
    OUT,
    OWN_MINIMA,
    PARENT,
    POSITION,
    PRUNE,
    QUOTAS,
    RECORD,
    ROOT,
    SLICE,
    SPARE,
    SURPLUS,
    TWINS,
    UNUSED,
    WIDENED,
    State,
)
from .walk import begin, following, hidden_here, open_to

__all__ = ["any_candidate", "is_full", "lacks", "lacks_any", "needs_any", "run", "serve"]


@compiled
def lacks(s, a, client):
    """Whether the client lacks some of a guarantee that is free on the agent."""
    for c in range(s.totals.shape[0]):
        if s.free[a, c] > 0 and claims(s, client, c)[0] > 0:
            return True
    return False


@compiled
def needs_any(s, node):
    """Whether anything must be kept free for the role and those below it."""
    for c in range(s.totals.shape[0]):
        if s.amount[NEED, node, c] > 0:
            return True
    return False


@compiled
def lacks_any(s, node):
    """Whether the role lacks any of its own guarantee."""
    for c in range(s.totals.shape[0]):
        if unmet(s, node, c) > 0:
            return True
    return False


@compiled
def is_full(s, node):
    """Whether the role's limit leaves less than the smallest offer of anybody, and nothing is reserved for it."""
    columns = s.totals.shape[0]
    for c in range(columns):
        if s.amount[UNUSED, node, c] > 0:
            return False
    row = s.work[SURPLUS]
    for c in range(columns):
        row[c] = s.cluster[c]
        if s.amount[LIMIT, node, c] != NO_LIMIT:
            left = s.amount[LIMIT, node, c] - s.amount[ALLOCATED, node, c] - s.amount[UNUSED, node, c]
            row[c] = min(row[c], max(0, left))
    for m in range(s.scalar[MINIMA]):
        if reaches(s, row, m):
            return False
    return True


@compiled
def any_candidate(s, a):
    """Whether there is a client that the agent's bits leave."""
    for word in range(s.ready.shape[0]):
        if open_to(s, a, word) != np.uint64(0):
            return True
    return False


@within
def serve(s, a, stage):
    """Give out what is free on one agent; in stage 1 only to those who lack some of their guarantee."""
    if s.agent[IDLE_AT, a] < 0:
        return
    columns = s.totals.shape[0]
    plain = s.agent[SLICE, a] < 0
    filtered = s.agent[RECORD, a] >= 0
    if filtered and s.agent[CHECKED, a] != 2:
        check(s, a)
    if (filtered or s.agent[CHECKED, a] == 2 or s.excluded.shape[1]) and not any_candidate(s, a):
        return
    row = s.work[SPARE]
    if plain and not s.scalar[OWN_MINIMA]:
        for c in range(columns):
            row[c] = max(0, s.free[a, c])
        if not reaches(s, row, 0):
            return
    needy = stage == 1
    if not needy and plain and s.scalar[GUARANTEES]:
        # Who lacks nothing gets nothing, if what is kept for others leaves less than the smallest offer.
        for c in range(columns):
            row[c] = s.headroom[c] - s.amount[BELOW, ROOT, c]
            if s.scalar[TWINS] and s.twin[c] >= 0:
                row[c] = NO_LIMIT
            row[c] = max(0, row[c])
        needy = True
        for m in range(s.scalar[MINIMA]):
            if reaches(s, row, m):
                needy = False
                break
        if needy:
            some = False
            for c in range(columns):
                some = some or s.amount[BELOW, ROOT, c] > 0
            if not some:
                return
    prune = s.scalar[PRUNE]
    known = plain and not s.scalar[QUOTAS] and not s.scalar[TWINS]
    first = s.scalar[OUT]
    drop = -1  # a list through LAST of nodes to leave their heaps
    begin(s, ROOT)
    node = ROOT
    lacking = 0  # how deep below a role that lacks something: all below count as needy then
    done = False
    while not done:
        child = following(s, a, node)
        if child < 0:
            if node == ROOT:
                break
            if lacking:
                lacking -= 1
            node = s.node[PARENT, node]
            continue
        if s.node[KIND, child] != CLIENT:
            if prune and s.node[POSITION, child] >= 0:
                empty = s.node[LENGTH, child] == 0
                if empty or (s.node[LIMITED, child] and is_full(s, child)):
                    s.node[FIRST, child] = drop
                    drop = child
                    continue
            if needy:
                if lacking:
                    lacking += 1
                elif lacks_any(s, child):
                    lacking = 1
                elif not needs_any(s, child):
                    continue
            node = child
            begin(s, node)
            continue
        if (filtered or s.excluded.shape[1] or s.agent[CHECKED, a] == 2) and hidden_here(s, a, child):
            continue
        if stage == 1 and not lacks(s, a, child):
            continue
        count, _ = decide(s, a, child, s.scalar[OUT], known)
        if count:
            for n in range(s.scalar[OUT], s.scalar[OUT] + count):
                charge(s, a, child, s.out[2, n], s.out_amount[n])
            s.scalar[OUT] += count
            done = not offerable(s, a)
    n = first
    while n < s.scalar[OUT]:
        client = s.out[1, n]
        place(s, client, 1)
        while n < s.scalar[OUT] and s.out[1, n] == client:
            n += 1
    while drop >= 0:
        after = s.node[FIRST, drop]
        s.node[FIRST, drop] = -1
        leave_heap(s, drop)
        drop = after
    settle(s, a)


@compiled
def run(order, number, first, margin, a, client, role, row, *arrays):
    """Serve the first `number` agents in this order: first those who lack guarantees, then all.

    It begins at `first` of these 2 * number turns, and returns where it stopped, before the end if room ran out.
    `margin` is the most that one agent may add to the output. With an agent `a` from 0 on, the client first returns
    what it holds there, and the agents to serve are put into `order`: that one, or with quotas all that have
    anything to give, for somebody may have more of them now. If that are more than there is room for, it returns -1.
    """
    s = State(*arrays)
    if a >= 0:
        refund(s, a, client, role, row)
        s.scalar[OUT] = 0
        number = 1
        order[0] = a
        if s.scalar[QUOTAS]:
            number = s.scalar[IDLE]
            if number > order.shape[0]:
                return -1
            for n in range(number):
                order[n] = s.idle[n]
            s.scalar[WIDENED] = 0
    s.scalar[NUMBER] = number
    if first == 0:
        lacking = False
        for c in range(s.totals.shape[0]):
            lacking = lacking or s.amount[BELOW, ROOT, c] > 0
        if not lacking:
            first = number
    for n in range(first, 2 * number):
        if s.scalar[OUT] + margin > s.out.shape[1] or s.scalar[HELD_USED] + margin > s.held.shape[1]:
            return n
        serve(s, order[n % number], 1 if n < number else 2)
    return 2 * number
