"""The arrays of the compiled engine: which row of which array is what."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = [
    "ACTIVE",
    "ALLOCATED",
    "BELOW",
    "BORROWED",
    "CHECKED",
    "CLIENT",
    "COUNT",
    "DEAD",
    "EXCLUDED",
    "FIRST",
    "FOR_OTHERS",
    "FRONT",
    "GROUP",
    "GUARANTEE",
    "GUARANTEES",
    "HEAP_LENGTH",
    "HELD",
    "HELD_FREE",
    "HELD_USED",
    "IDLE",
    "IDLE_AT",
    "KEY",
    "KIND",
    "LAST",
    "LEFT_OUT",
    "LENGTH",
    "LIMIT",
    "LIMITED",
    "MINIMA",
    "MINIMUM",
    "MODE",
    "NEED",
    "NONE",
    "NOTHING_FREE",
    "NO_LIMIT",
    "NUMBER",
    "ON",
    "OUT",
    "OVER_LIMIT",
    "OWN_MINIMA",
    "PARENT",
    "POSITION",
    "PRUNE",
    "QUOTAS",
    "RANK",
    "RECORD",
    "RECORD_FREE",
    "REFUSED",
    "REVOCABLE",
    "ROLE",
    "ROOM",
    "ROOT",
    "ROW",
    "SLICE",
    "SPARE",
    "STALE",
    "START",
    "SUM",
    "SURPLUS",
    "TAKEN",
    "TOO_SMALL",
    "TWINS",
    "UNUSED",
    "VISITED",
    "WEIGHT",
    "WIDENED",
    "State",
]

# Rows of `node`, integers of each node. FIRST: a client's first filter; of a role that leaves its heap, the next one.
PARENT, COUNT, RANK, KIND, ACTIVE, START, LENGTH, POSITION, MINIMUM, REVOCABLE, LIMITED = range(11)
FRONT, VISITED, MODE, LAST, FIRST = range(11, 16)

# Rows of `number`, floats of each node.
WEIGHT, KEY = range(2)

# Rows of `amount`, resources of each node.
ALLOCATED, UNUSED, BORROWED, GUARANTEE, LIMIT, NEED, BELOW = range(7)

# Rows of `agent`, integers of each agent. CHECKED: whether its bits are right for `checked`.
ON, SLICE, RECORD, HELD, IDLE_AT, CHECKED = range(6)

# Places of `scalar`.
QUOTAS, GUARANTEES, TWINS, OWN_MINIMA, MINIMA, IDLE, HELD_FREE, RECORD_FREE, HEAP_LENGTH = range(9)
OUT, WIDENED, PRUNE, STALE, DEAD, HELD_USED, NUMBER = range(9, 16)

ROOT = 0
"""The node above all roles."""

# Kinds of nodes.
ROLE, GROUP, CLIENT = range(3)

NO_LIMIT = 2**62
"""The limit where there is none."""

# Rows of `work`.
SUM, ROOM, ROW, TAKEN, SURPLUS, SPARE = range(6)

# The numbers of `Reason`.
NONE, EXCLUDED, LEFT_OUT, NOTHING_FREE, TOO_SMALL, OVER_LIMIT, FOR_OTHERS, REFUSED = range(8)


class State(NamedTuple):
    """All arrays of an `ArrayCore`: A agents, N nodes, R resources.

    Integers are int64 but where it is said; a link of -1 ends a list.
    """

    scalar: Any  # (16,)
    agent: Any  # (6, A)
    free: Any  # (A, R): not reserved, negative where over-committed
    checked: Any  # (A, R): what the bits of `hidden` are right for
    idle: Any  # (A,): the agents with anything to give, scalar[IDLE] of them
    hidden: Any  # (A, words or 0) uint64: clients whose filters hide all that there is
    recorded: Any  # (A, words or 0) uint64: clients who set a filter there; some may have ended
    excluded: Any  # (A, words or 0) uint64: clients that cannot use the agent
    ready: Any  # (words,) uint64: clients in the order
    node: Any  # (16, N)
    number: Any  # (2, N) float64
    amount: Any  # (7, N, R)
    heap: Any  # (N,): the active children of each node, from START on
    front: Any  # (N,): where an agent's walk over a heap stands, in the same places
    totals: Any  # (R,) float64: infinite where it makes no share
    cluster: Any  # (R,): the sum of all agents' totals
    twin: Any  # (R,): the column that a revocable one is a kind of, or -1
    minima: Any  # (M, K, R): alternatives; those that are not used begin with -1
    headroom: Any  # (R,)
    part: Any  # (2, S): role, next on the agent
    part_amount: Any  # (2, S, R): free, all
    held: Any  # (3, H): client, part, next on the agent
    held_amount: Any  # (H, R)
    record: Any  # (6, Q) int32: client, agent, next and last on the agent, next and last of the client
    record_amount: Any  # (Q, R)
    until: Any  # (Q,) float64
    queue: Any  # (Q,) int32: a heap of records by their ends
    out: Any  # (3, O): agent, client, part
    out_amount: Any  # (O, R)
    work: Any  # (6, R): rows to work with
