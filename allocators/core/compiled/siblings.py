"""The order of siblings: a binary heap of the active children of every node."""

from __future__ import annotations

from .options import compiled, within
from .state import (
    ACTIVE,
    ALLOCATED,
    COUNT,
    KEY,
    LENGTH,
    PARENT,
    POSITION,
    RANK,
    ROOT,
    STALE,
    START,
    WEIGHT,
    State,
)

__all__ = ["enter_heaps", "leave_heap", "less", "rebuild", "renew_key", "sift_down", "sift_up"]


@within
def less(s, one, other):
    """Whether a node comes before another in its parent's order."""
    a, b = s.number[KEY, one], s.number[KEY, other]
    if a != b:
        return a < b
    m, n = s.node[COUNT, one], s.node[COUNT, other]
    if m != n:
        return m < n
    return s.node[RANK, one] < s.node[RANK, other]


@within
def sift_down(s, start, length, at):
    """Let the entry sink to its place."""
    item = s.heap[start + at]
    while True:
        child = 2 * at + 1
        if child >= length:
            break
        if child + 1 < length and less(s, s.heap[start + child + 1], s.heap[start + child]):
            child += 1
        if not less(s, s.heap[start + child], item):
            break
        s.heap[start + at] = s.heap[start + child]
        s.node[POSITION, s.heap[start + at]] = at
        at = child
    s.heap[start + at] = item
    s.node[POSITION, item] = at


@within
def sift_up(s, start, at):
    """Let the entry rise to its place."""
    item = s.heap[start + at]
    while at > 0:
        above = (at - 1) // 2
        if not less(s, item, s.heap[start + above]):
            break
        s.heap[start + at] = s.heap[start + above]
        s.node[POSITION, s.heap[start + at]] = at
        at = above
    s.heap[start + at] = item
    s.node[POSITION, item] = at


@within
def renew_key(s, node):
    """Bring a node to its place after its amounts or its count changed."""
    if s.scalar[STALE]:
        return
    best = 0.0
    for c in range(s.totals.shape[0]):
        part = s.amount[ALLOCATED, node, c] / s.totals[c]
        best = max(best, part)
    s.number[KEY, node] = best / s.number[WEIGHT, node]
    at = s.node[POSITION, node]
    if at >= 0:
        parent = s.node[PARENT, node]
        start, length = s.node[START, parent], s.node[LENGTH, parent]
        sift_up(s, start, at)
        sift_down(s, start, length, s.node[POSITION, node])


@compiled
def leave_heap(s, node):
    """Take a node out of its parent's heap."""
    at = s.node[POSITION, node]
    if at < 0:
        return
    parent = s.node[PARENT, node]
    start = s.node[START, parent]
    s.node[LENGTH, parent] -= 1
    length = s.node[LENGTH, parent]
    s.node[POSITION, node] = -1
    if at < length:
        last = s.heap[start + length]
        s.heap[start + at] = last
        s.node[POSITION, last] = at
        sift_up(s, start, at)
        sift_down(s, start, length, s.node[POSITION, last])


@compiled
def enter_heaps(s, node):
    """Put a node and those above it back into the heaps that they left."""
    if s.scalar[STALE]:
        return
    while node != ROOT:
        if s.node[POSITION, node] < 0 and s.node[ACTIVE, node] > 0:
            parent = s.node[PARENT, node]
            start, length = s.node[START, parent], s.node[LENGTH, parent]
            s.heap[start + length] = node
            s.node[LENGTH, parent] = length + 1
            sift_up(s, start, length)
        node = s.node[PARENT, node]


@compiled
def rebuild(*arrays):
    """Make all heaps anew, with everybody in them who is active."""
    s = State(*arrays)
    s.scalar[STALE] = 0
    nodes = s.node.shape[1]
    s.node[LENGTH] = 0
    s.node[POSITION] = -1
    for n in range(1, nodes):
        if s.node[PARENT, n] >= 0:
            best = 0.0
            for c in range(s.totals.shape[0]):
                best = max(best, s.amount[ALLOCATED, n, c] / s.totals[c])
            s.number[KEY, n] = best / s.number[WEIGHT, n]
            if s.node[ACTIVE, n] > 0:
                s.node[LENGTH, s.node[PARENT, n]] += 1
    start = 0
    for n in range(nodes):
        s.node[START, n] = start
        start += s.node[LENGTH, n]
        s.node[LENGTH, n] = 0
    for n in range(1, nodes):
        if s.node[PARENT, n] >= 0 and s.node[ACTIVE, n] > 0:
            parent = s.node[PARENT, n]
            s.heap[s.node[START, parent] + s.node[LENGTH, parent]] = n
            s.node[POSITION, n] = s.node[LENGTH, parent]
            s.node[LENGTH, parent] += 1
    for n in range(nodes):
        length = s.node[LENGTH, n]
        for at in range(length // 2 - 1, -1, -1):
            sift_down(s, s.node[START, n], length, at)
