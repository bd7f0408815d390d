"""What an agent would give a client: the same rules as `PlainCore`'s."""

from __future__ import annotations

import numpy as np

from .options import compiled, within
from .state import (
    ALLOCATED,
    BELOW,
    BORROWED,
    CHECKED,
    EXCLUDED,
    FOR_OTHERS,
    GUARANTEE,
    GUARANTEES,
    LIMIT,
    LIMITED,
    MINIMUM,
    NEED,
    NO_LIMIT,
    NONE,
    NOTHING_FREE,
    OVER_LIMIT,
    PARENT,
    QUOTAS,
    RECORD,
    REFUSED,
    REVOCABLE,
    ROOM,
    ROOT,
    ROW,
    SLICE,
    SUM,
    TAKEN,
    TOO_SMALL,
    TWINS,
    UNUSED,
    State,
)

__all__ = ["claims", "contained", "decide", "find_parts", "offer", "over", "reaches", "refused", "unmet"]


@within
def over(s, node, c):
    """How much the role has above its guarantee."""
    return (
        s.amount[ALLOCATED, node, c]
        + s.amount[UNUSED, node, c]
        - s.amount[BORROWED, node, c]
        - s.amount[GUARANTEE, node, c]
    )


@within
def unmet(s, node, c):
    """What the role lacks to its guarantee."""
    return max(0, -over(s, node, c)) if s.amount[GUARANTEE, node, c] else 0


@compiled
def claims(s, client, c):
    """What the client's roles lack that is not kept for others below them; and what all others need."""
    own, others, need = 0, 0, 0
    node = client
    while node != ROOT:
        others += s.amount[BELOW, node, c] - need
        own = max(own, unmet(s, node, c) - others)
        need = s.amount[NEED, node, c]
        node = s.node[PARENT, node]
    return own, others + s.amount[BELOW, ROOT, c] - need


@within
def reaches(s, row, minimum):
    """Whether a row reaches all of one alternative, or there is none."""
    some = False
    for k in range(s.minima.shape[1]):
        if s.minima[minimum, k, 0] == -1:
            break
        some = True
        enough = True
        for c in range(row.shape[0]):
            least = s.minima[minimum, k, c]
            if least > 0:
                have = row[c]
                if s.scalar[TWINS]:
                    for t in range(row.shape[0]):
                        if s.twin[t] == c:
                            have += row[t]
                if have < least:
                    enough = False
                    break
        if enough:
            return True
    return not some


@within
def contained(one, other):
    """Whether no amount of a row is above that of another."""
    for c in range(one.shape[0]):
        if one[c] > other[c]:
            return False
    return True


@within
def find_parts(s, a, client, base):
    """Put what is free on the agent for the client behind the output, by part; return how many, and the reason."""
    columns = s.totals.shape[0]
    row, room, taken, total = s.work[ROW], s.work[ROOM], s.work[TAKEN], s.work[SUM]
    revocable = s.node[REVOCABLE, client]
    for c in range(columns):
        row[c] = max(0, s.free[a, c])
        if s.scalar[TWINS] and s.twin[c] >= 0 and not revocable:
            row[c] = 0
        total[c] = 0
    reason, count = NOTHING_FREE, 0
    if s.scalar[QUOTAS] or s.agent[SLICE, a] >= 0:
        for c in range(columns):
            room[c] = NO_LIMIT
            taken[c] = 0
        node = client
        while node != ROOT:
            part = s.agent[SLICE, a]
            while part >= 0:
                if s.part[0, part] == node:
                    some = False
                    for c in range(columns):
                        there = max(0, s.part_amount[0, part, c])
                        most = min(there, max(0, room[c] - taken[c]))
                        if most < there:
                            reason = OVER_LIMIT
                        s.out_amount[base + count, c] = most
                        some = some or most > 0
                    if some:
                        for c in range(columns):
                            taken[c] += s.out_amount[base + count, c]
                        s.out[0, base + count] = a
                        s.out[1, base + count] = client
                        s.out[2, base + count] = node
                        count += 1
                part = s.part[1, part]
            if s.node[LIMITED, node]:
                for c in range(columns):
                    if s.amount[LIMIT, node, c] != NO_LIMIT:
                        left = (
                            s.amount[LIMIT, node, c]
                            - s.amount[ALLOCATED, node, c]
                            - s.amount[UNUSED, node, c]
                        )
                        room[c] = min(room[c], max(0, left) + taken[c])
            node = s.node[PARENT, node]
        if s.scalar[QUOTAS]:
            for c in range(columns):
                total[c] = taken[c]
                if row[c] > 0 and (not s.scalar[TWINS] or s.twin[c] < 0):
                    most = max(0, room[c] - taken[c])
                    if most < row[c]:
                        reason = OVER_LIMIT
                        row[c] = most
                    if s.scalar[GUARANTEES]:
                        own, others = claims(s, client, c)
                        most = max(own, s.headroom[c] - others)
                        if most < row[c]:
                            reason = FOR_OTHERS
                            row[c] = max(0, most)
        else:
            for c in range(columns):
                total[c] = taken[c]
    some = False
    for c in range(columns):
        total[c] += row[c]
        some = some or row[c] > 0
    if some:
        for c in range(columns):
            s.out_amount[base + count, c] = row[c]
        s.out[0, base + count] = a
        s.out[1, base + count] = client
        s.out[2, base + count] = -1
        count += 1
    return count, reason


@compiled
def refused(s, a, client, row):
    """Whether a filter hides this very offer."""
    record = s.agent[RECORD, a]
    while record >= 0:
        if s.record[0, record] == client and contained(row, s.record_amount[record]):
            return True
        record = s.record[2, record]
    return False


@within
def decide(s, a, client, base, known):
    """What the agent would give the client, behind the output; how many parts, and the reason if none.

    `known`: the bits have said already that no filter hides it.
    """
    word, bit = client >> 6, np.uint64(1) << np.uint64(client & 63)
    if word < s.excluded.shape[1] and s.excluded[a, word] & bit:
        return 0, EXCLUDED
    count, reason = find_parts(s, a, client, base)
    if count == 0:
        return 0, reason
    narrowed = reason != NOTHING_FREE
    if not reaches(s, s.work[SUM], s.node[MINIMUM, client]):
        return 0, reason if narrowed else TOO_SMALL
    if not known and s.agent[RECORD, a] >= 0:
        # Of all that there is the bit tells; of a part that a quota left of it, only the filters themselves.
        whole = s.agent[CHECKED, a] == 1 and word < s.hidden.shape[1]
        for c in range(s.totals.shape[0]):
            whole = whole and s.work[SUM, c] == s.checked[a, c]
        if whole:
            if s.hidden[a, word] & bit:
                return 0, REFUSED
        elif refused(s, a, client, s.work[SUM]):
            return 0, REFUSED
    return count, NONE


@compiled
def offer(a, client, whole, *arrays):
    """What the agent would give the client; see `decide`; or with `whole` all that is free there for it.

    The parts are the first of the output.
    """
    s = State(*arrays)
    if whole:
        return find_parts(s, a, client, 0)
    return decide(s, a, client, 0, False)
