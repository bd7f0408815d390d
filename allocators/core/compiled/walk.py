"""A walk over the children of a node in their order; the heap stays as it is, so nobody need be put back."""

from __future__ import annotations

import numpy as np

from .options import within
from .siblings import less
from .state import CHECKED, CLIENT, FRONT, KIND, LAST, LENGTH, MODE, RECORD, START, VISITED

__all__ = ["begin", "following", "front_down", "hidden_here"]

FEW = 24
"""So many entries of a heap are walked over one by one; then those that are left are sorted out at once."""


@within
def begin(s, node):
    """Start a walk over the node's children."""
    s.node[VISITED, node] = 0
    s.node[MODE, node] = 0
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
def following(s, a, node):
    """The next child in the walk, or -1."""
    start, front = s.node[START, node], s.node[FRONT, node]
    if front == 0:
        return -1
    if s.node[MODE, node] == 0 and s.node[VISITED, node] >= FEW:
        last = s.node[LAST, node]
        front = 0
        for at in range(s.node[LENGTH, node]):
            child = s.heap[start + at]
            if less(s, last, child) and not (s.node[KIND, child] == CLIENT and hidden_here(s, a, child)):
                s.front[start + front] = child
                front += 1
        for at in range(front // 2 - 1, -1, -1):
            front_down(s, start, front, at)
        s.node[MODE, node] = 1
        if front == 0:
            s.node[FRONT, node] = 0
            return -1
    if s.node[MODE, node] == 1:
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
