"""A walk over the children of a node in their order; the heap stays as it is, so nobody need be put back."""

from __future__ import annotations

import numpy as np

from .options import compiled, within
from .siblings import less
from .state import (
    CHECKED,
    CLIENT,
    FRONT,
    GROUP,
    KEY,
    KIND,
    LAST,
    LENGTH,
    MODE,
    PARENT,
    RECORD,
    START,
    VISITED,
)

__all__ = ["begin", "following", "front_down", "hidden_here", "open_to", "seek"]

FEW = 4
"""So many entries of a heap are walked over one by one; then the next one that nothing hides is sought by its bit, and
after that those that are left are sorted out at once."""

STEPPING, SOUGHT, SORTED = range(3)


@within
def begin(s, node):
    """Start a walk over the node's children."""
    s.node[VISITED, node] = 0
    s.node[MODE, node] = STEPPING
    s.node[LAST, node] = -1
    if s.node[LENGTH, node] > 0:
        s.node[FRONT, node] = 1
        s.front[s.node[START, node]] = 0
    else:
        s.node[FRONT, node] = 0


@within
def front_down(s, start, length, at):
    """Let an entry of the sorted-out rest sink to its place."""
    item = s.front[start + at]
    while True:
        child = 2 * at + 1
        if child >= length:
            break
        if child + 1 < length and less(s, s.front[start + child + 1], s.front[start + child]):
            child += 1
        if not less(s, s.front[start + child], item):
            break
        s.front[start + at] = s.front[start + child]
        at = child
    s.front[start + at] = item


@within
def hidden_here(s, a, node):
    """Whether the agent's bits say that there is nothing for the client."""
    word, bit = node >> 6, np.uint64(1) << np.uint64(node & 63)
    if s.agent[RECORD, a] >= 0 or s.agent[CHECKED, a] == 2:
        if word < s.hidden.shape[1] and s.hidden[a, word] & bit:
            return True
    return word < s.excluded.shape[1] and (s.excluded[a, word] & bit) != np.uint64(0)


@within
def open_to(s, a, word):
    """The clients of one word of bits that the agent's bits leave."""
    left = s.ready[word]
    if word < s.hidden.shape[1] and s.agent[CHECKED, a]:
        left &= ~s.hidden[a, word]
    if word < s.excluded.shape[1]:
        left &= ~s.excluded[a, word]
    return left


@compiled
def seek(s, a, group):
    """The first client of a group after the last one in the walk that nothing hides, or -1.

    By the bits, not by the heap: where many are hidden they are the ones in front, for they get nothing.
    """
    last, best = s.node[LAST, group], -1
    bound = np.inf
    for word in range(s.ready.shape[0]):
        left = open_to(s, a, word)
        client = 64 * word
        while left != np.uint64(0):
            if left & np.uint64(1) and s.number[KEY, client] <= bound and s.node[PARENT, client] == group:
                if less(s, last, client) and (best < 0 or less(s, client, best)):
                    best = client
                    bound = s.number[KEY, client]
            left >>= np.uint64(1)
            client += 1
    return best


@within
def following(s, a, node):
    """The next child in the walk, or -1."""
    start, front = s.node[START, node], s.node[FRONT, node]
    if front == 0:
        return -1
    if s.node[MODE, node] == STEPPING and s.node[VISITED, node] >= FEW:
        s.node[MODE, node] = SOUGHT
        if s.node[KIND, node] == GROUP:
            child = seek(s, a, node)
            s.node[LAST, node] = child
            if child < 0:
                s.node[FRONT, node] = 0
            return child
    if s.node[MODE, node] == SOUGHT:
        last = s.node[LAST, node]
        front = 0
        for at in range(s.node[LENGTH, node]):
            child = s.heap[start + at]
            if not (s.node[KIND, child] == CLIENT and hidden_here(s, a, child)) and less(s, last, child):
                s.front[start + front] = child
                front += 1
        for at in range(front // 2 - 1, -1, -1):
            front_down(s, start, front, at)
        s.node[MODE, node] = SORTED
        if front == 0:
            s.node[FRONT, node] = 0
            return -1
    if s.node[MODE, node] == SORTED:
        child = s.front[start]
        front -= 1
        s.front[start] = s.front[start + front]
        front_down(s, start, front, 0)
        s.node[FRONT, node] = front
        return child
    at = 0
    for other in range(1, front):
        if less(s, s.heap[start + s.front[start + other]], s.heap[start + s.front[start + at]]):
            at = other
    place = s.front[start + at]
    front -= 1
    s.front[start + at] = s.front[start + front]
    # No more can be in front than have been taken out, plus one: there is room in the heap's own places.
    for below in (2 * place + 1, 2 * place + 2):
        if below < s.node[LENGTH, node]:
            s.front[start + front] = below
            front += 1
    s.node[FRONT, node] = front
    s.node[VISITED, node] += 1
    s.node[LAST, node] = s.heap[start + place]
    return s.heap[start + place]
