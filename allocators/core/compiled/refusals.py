"""Filters: records by agent, by client and by their ends; and a bit for every client that an agent is hidden from."""

from __future__ import annotations

import numpy as np

from .ledger import refund
from .options import compiled
from .parts import contained
from .state import CHECKED, DEAD, FIRST, HEAP_LENGTH, RECORD, RECORD_FREE, SLICE, SPARE, State

__all__ = [
    "add_record",
    "all_free",
    "check",
    "drop_record",
    "expire",
    "forgive",
    "give_all",
    "queue_down",
    "refuse",
    "tidy_queue",
]


@compiled
def all_free(s, a, row):
    """The most that anybody could be offered of the agent."""
    for c in range(row.shape[0]):
        row[c] = max(0, s.free[a, c])
    part = s.agent[SLICE, a]
    while part >= 0:
        for c in range(row.shape[0]):
            row[c] += max(0, s.part_amount[0, part, c])
        part = s.part[1, part]


@compiled
def check(s, a):
    """Have the agent's bits right for what is free now."""
    row = s.work[SPARE]
    all_free(s, a, row)
    if s.agent[CHECKED, a]:
        same = True
        for c in range(row.shape[0]):
            same = same and row[c] == s.checked[a, c]
        if same:
            return
    for c in range(row.shape[0]):
        s.checked[a, c] = row[c]
    s.agent[CHECKED, a] = 1
    for word in range(s.hidden.shape[1]):
        s.hidden[a, word] = 0
    record = s.agent[RECORD, a]
    while record >= 0:
        if contained(row, s.record_amount[record]):
            client = s.record[0, record]
            s.hidden[a, client >> 6] |= np.uint64(1) << np.uint64(client & 63)
        record = s.record[2, record]


@compiled
def drop_record(s, record):
    """Take a filter out; its place is free when the queue comes to it."""
    client, a = s.record[0, record], s.record[1, record]
    after, before = s.record[2, record], s.record[3, record]
    if before >= 0:
        s.record[2, before] = after
    else:
        s.agent[RECORD, a] = after
    if after >= 0:
        s.record[3, after] = before
    after, before = s.record[4, record], s.record[5, record]
    if before >= 0:
        s.record[4, before] = after
    else:
        s.node[FIRST, client] = after
    if after >= 0:
        s.record[5, after] = before
    s.record[0, record] = -1
    s.agent[CHECKED, a] = 0


@compiled
def queue_down(s, at, length):
    """Let a record sink to its place in the queue."""
    item = s.queue[at]
    while True:
        child = 2 * at + 1
        if child >= length:
            break
        if child + 1 < length and s.until[s.queue[child + 1]] < s.until[s.queue[child]]:
            child += 1
        if s.until[s.queue[child]] >= s.until[item]:
            break
        s.queue[at] = s.queue[child]
        at = child
    s.queue[at] = item


@compiled
def expire(now, agents, *arrays):
    """Drop the filters that ended; their agents go into `agents` (with repeats). Return how many there are.

    It stops when `agents` is full: then there may be more.
    """
    s = State(*arrays)
    found = 0
    while s.scalar[HEAP_LENGTH] > 0 and found < agents.shape[0]:
        record = s.queue[0]
        if s.record[0, record] >= 0:
            if s.until[record] > now:
                break
            agents[found] = s.record[1, record]
            found += 1
            drop_record(s, record)
        else:
            s.scalar[DEAD] -= 1
        s.record[2, record] = s.scalar[RECORD_FREE]
        s.scalar[RECORD_FREE] = record
        s.scalar[HEAP_LENGTH] -= 1
        if s.scalar[HEAP_LENGTH] > 0:
            s.queue[0] = s.queue[s.scalar[HEAP_LENGTH]]
            queue_down(s, 0, s.scalar[HEAP_LENGTH])
    return found


@compiled
def tidy_queue(s):
    """Free the places of filters that were taken out before their end."""
    kept = 0
    for at in range(s.scalar[HEAP_LENGTH]):
        record = s.queue[at]
        if s.record[0, record] >= 0:
            s.queue[kept] = record
            kept += 1
        else:
            s.record[2, record] = s.scalar[RECORD_FREE]
            s.scalar[RECORD_FREE] = record
    s.scalar[HEAP_LENGTH] = kept
    s.scalar[DEAD] = 0
    for at in range(kept // 2 - 1, -1, -1):
        queue_down(s, at, kept)


@compiled
def tidy_if_many(s):
    """Long filters that are revived away, or replaced, must not pile up until they would have ended."""
    if s.scalar[DEAD] > 64 and 2 * s.scalar[DEAD] > s.scalar[HEAP_LENGTH]:
        tidy_queue(s)


@compiled
def add_record(s, a, client, row, until):
    """Hide from a client what is contained in `row`; its weaker and shorter filters there are dropped."""
    word, bit = client >> 6, np.uint64(1) << np.uint64(client & 63)
    if s.recorded[a, word] & bit:
        record = s.agent[RECORD, a]
        while record >= 0:
            after = s.record[2, record]
            same = s.record[0, record] == client and s.until[record] <= until
            if same and contained(s.record_amount[record], row):
                drop_record(s, record)
                s.scalar[DEAD] += 1
            record = after
        tidy_if_many(s)
    s.recorded[a, word] |= bit
    check(s, a)
    record = s.scalar[RECORD_FREE]
    s.scalar[RECORD_FREE] = s.record[2, record]
    s.record[0, record] = client
    s.record[1, record] = a
    first = s.agent[RECORD, a]
    s.record[2, record] = first
    s.record[3, record] = -1
    if first >= 0:
        s.record[3, first] = record
    s.agent[RECORD, a] = record
    first = s.node[FIRST, client]
    s.record[4, record] = first
    s.record[5, record] = -1
    if first >= 0:
        s.record[5, first] = record
    s.node[FIRST, client] = record
    for c in range(row.shape[0]):
        s.record_amount[record, c] = row[c]
    s.until[record] = until
    if contained(s.checked[a], row):
        s.hidden[a, client >> 6] |= np.uint64(1) << np.uint64(client & 63)
    at = s.scalar[HEAP_LENGTH]
    s.scalar[HEAP_LENGTH] += 1
    while at > 0 and s.until[s.queue[(at - 1) // 2]] > until:
        s.queue[at] = s.queue[(at - 1) // 2]
        at = (at - 1) // 2
    s.queue[at] = record


@compiled
def forgive(a, client, *arrays):
    """Drop all filters of a client, or with a client below 0 those on an agent."""
    s = State(*arrays)
    dropped = 0
    if client >= 0:
        while s.node[FIRST, client] >= 0:
            drop_record(s, s.node[FIRST, client])
            dropped += 1
    else:
        while s.agent[RECORD, a] >= 0:
            drop_record(s, s.agent[RECORD, a])
            dropped += 1
    s.scalar[DEAD] += dropped
    tidy_if_many(s)


@compiled
def refuse(a, client, row, until, *arrays):
    """See `Core.refuse`; without an end, the client is hidden by its bit alone, until the bits are made anew."""
    s = State(*arrays)
    if until > -np.inf:
        add_record(s, a, client, row, until)
        return
    if s.agent[CHECKED, a] != 2:
        check(s, a)
        s.agent[CHECKED, a] = 2
    s.hidden[a, client >> 6] |= np.uint64(1) << np.uint64(client & 63)


@compiled
def give_all(first, last, agents, clients, parts, rows, until, *arrays):
    """Return many holdings, refused until then if that is above 0; rows (n, R). It changes nothing that is not held.

    Return how many were done: fewer than asked if there is no room for more filters.
    """
    s = State(*arrays)
    for n in range(first, last):
        if until > 0 and s.scalar[RECORD_FREE] < 0:
            return n
        refund(s, agents[n], clients[n], parts[n], rows[n])
        if until > 0:
            add_record(s, agents[n], clients[n], rows[n], until)
    return last
