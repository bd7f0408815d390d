"""`placing.place` compiled by numba: the same result, and best-fit without a look at every server each time.

Imported only where it is used: numba is optional, takes half a second to load, and ten or more to compile this once.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .placing import Instance, Runs

__all__ = ["place_compiled"]

Function = TypeVar("Function", bound=Callable[..., Any])
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Index = tuple[Integers, Integers, Integers, Integers, Floats, Floats, Integers]
"""Servers in blocks of like shape, see `_arrange`."""

BLOCK = 32
"""How many servers a block has."""
OUTWARDS = 1e-12
"""By which part bounds of a shape are widened, more than rounding can have made them too narrow."""
NEARLY = 1e-9
"""Blocks whose bound on the distance is above the best by no more than this part are looked at."""


def compiled(function: Function) -> Function:
    """Have numba compile a function when it is first called, and keep the result on disk."""
    return cast(Function, njit(cache=True)(function))


def place_compiled(instance: Instance, scales: Integers) -> Runs:
    """Place by best-fit with these `scales` (resources,), or by first-fit if there are none."""
    return _place(
        np.ascontiguousarray(instance.kinds),
        np.ascontiguousarray(instance.demands),
        np.array(instance.servers, order="C"),
        np.ascontiguousarray(instance.denominators),
        np.ascontiguousarray(instance.limits),
        np.ascontiguousarray(scales),
    )


@compiled
def _fits(demand: Integers, free: Integers, server: int) -> bool:
    for resource in range(demand.size):  # noqa: SIM110 - numba knows no all()
        if demand[resource] > free[server, resource]:
            return False
    return True


@compiled
def _distance(demand: Integers, free: Integers, server: int, scales: Integers, first: int) -> float:
    """How far the shapes are from each other, -1 if the task does not fit."""
    total, main = 0, free[server, first]
    for resource in range(demand.size):
        left = free[server, resource]
        if demand[resource] > left:
            return -1.0
        total += scales[resource] * abs(demand[resource] * main - left * demand[first])
    return float(total / main)


@compiled
def _arrange(free: Integers, least: Integers, firsts: Integers) -> Index:
    """Sort the servers by shape into blocks; those with less free than `least` (resources,) are left out.

    Returns `order`, the servers; `ends`, for each place there the next one whose server has other amounts free, or
    where the block ends; `places`, where in `order` each server is; `lowest` server of each block;
    `low` and `high` (firsts, blocks, resources), the bounds of what is free divided by what is of the resource
    in `firsts`; and `most` (blocks, resources), bounds of what is free.
    """
    left = np.array([server for server in range(len(free)) if _fits(least, free, server)], np.int64)
    width = free.shape[1]
    main = firsts[0]
    others = [resource for resource in range(width) if resource != main]
    order = left[np.argsort(free[left, main], kind="mergesort")]
    # Strips of equal numbers by one ratio, each sorted by another.
    strips = 1 if len(others) < 2 else int(np.sqrt(len(order) / BLOCK)) + 1
    for resource in others[2:] + others[:1]:
        order = order[np.argsort(free[order, resource] / np.maximum(free[order, main], 1), kind="mergesort")]
    size = len(order) // strips + 1
    if len(others) > 1:
        for start in range(0, len(order), size):
            strip = order[start : start + size]
            keys = free[strip, others[1]] / np.maximum(free[strip, main], 1)
            order[start : start + size] = strip[np.argsort(keys, kind="mergesort")]
    blocks = (len(order) + BLOCK - 1) // BLOCK
    ends, places = np.zeros(len(order), np.int64), np.full(len(free), -1, np.int64)
    lowest = np.full(blocks, len(free))
    low = np.full((len(firsts), blocks, width), np.inf)
    high = np.full((len(firsts), blocks, width), -np.inf)
    most = np.zeros((blocks, width), np.int64)
    for place in range(len(order) - 1, -1, -1):
        server, block = order[place], place // BLOCK
        places[server] = place
        ends[place] = place + 1
        if (place + 1) % BLOCK and place + 1 < len(order) and (free[server] == free[order[place + 1]]).all():
            ends[place] = ends[place + 1]
        lowest[block] = min(lowest[block], server)
        most[block] = np.maximum(most[block], free[server])
        _widen(low, high, block, free[server], firsts)
    return order, ends, places, lowest, low, high, most


@compiled
def _widen(low: Floats, high: Floats, block: int, free: Integers, firsts: Integers) -> None:
    """Have a block's bounds of shape take in that of one of its servers."""
    for number in range(len(firsts)):
        main = free[firsts[number]]
        if main > 0:
            for resource in range(free.size):
                ratio = free[resource] / main
                low[number, block, resource] = min(low[number, block, resource], ratio * (1 - OUTWARDS))
                high[number, block, resource] = max(high[number, block, resource], ratio * (1 + OUTWARDS))


@compiled
def _closest(
    demand: Integers, free: Integers, scales: Integers, number: int, first: int, index: Index, bounds: Floats
) -> int:
    """The server of least distance, of those the first; -1 if the task fits on none. `bounds` (blocks,) is room."""
    order, ends, _, lowest, low, high, most = index
    nearest = -1
    for block in range(len(lowest)):
        bounds[block] = 0.0
        for resource in range(demand.size):
            if most[block, resource] < demand[resource]:
                bounds[block] = np.inf
                break
            above = low[number, block, resource] * demand[first] - demand[resource]
            below = demand[resource] - high[number, block, resource] * demand[first]
            bounds[block] += scales[resource] * max(0.0, above, below)
        if bounds[block] < np.inf and (nearest < 0 or bounds[block] < bounds[nearest]):
            nearest = block
    best, chosen = np.inf, -1
    for turn in range(-1, len(lowest)):
        block = nearest if turn < 0 else turn
        if block < 0 or bounds[block] > best * (1 + NEARLY) or bounds[block] == np.inf or turn == nearest:
            continue
        if best == 0.0 and lowest[block] > chosen:
            continue
        place, end = block * BLOCK, min(len(order), (block + 1) * BLOCK)
        while place < end:
            server = order[place]
            distance = _distance(demand, free, server, scales, first)
            if distance >= 0 and (distance < best or (distance == best and server < chosen)):
                best, chosen = distance, server
            place = ends[place]
    return chosen


@compiled
def _place(
    kinds: Integers,
    demands: Integers,
    free: Integers,
    denominators: Integers,
    limits: Integers,
    scales: Integers,
) -> Runs:
    width = free.shape[1]
    run = np.full(kinds.size, -1, np.int64)
    users, servers, tasks = [0][:0], [0][:0], [0][:0]
    cursor = np.zeros(len(demands), np.int64)
    firsts = np.array([_first(demands[kind]) for kind in range(len(demands))], np.int64)
    mains = np.unique(firsts)
    least = np.array([demands[:, resource].min() for resource in range(width)], np.int64)
    # One resource has no shape: all servers are the same, and the first is the best.
    best = scales.size > 1
    index = _arrange(free, least, mains)
    bounds = np.empty(len(free) // BLOCK + 1)
    placed = 0
    queue = [(0.0, 0, user) for user in range(kinds.size) if limits[user] > 0]
    while len(queue) > 0:
        _, count, user = queue[0]
        kind = kinds[user]
        demand = demands[kind]
        if best:
            first = firsts[kind]
            server = _closest(demand, free, scales, np.searchsorted(mains, first), first, index, bounds)
        else:
            server = cursor[kind]
            while server < len(free) and not _fits(demand, free, server):
                server += 1
            cursor[kind] = server
        if server < 0 or server == len(free):
            heapq.heappop(queue)
            continue
        placed += 1
        count += 1
        for resource in range(demand.size):
            free[server, resource] -= demand[resource]
        if best:
            if placed % (len(free) // 10 + 1) == 0:
                index = _arrange(free, least, mains)
            else:
                _, ends, places, _, low, high, _ = index
                ends[places[server]] = places[server] + 1
                _widen(low, high, places[server] // BLOCK, free[server], mains)
        if run[user] >= 0 and servers[run[user]] == server:
            tasks[run[user]] += 1
        else:
            run[user] = len(users)
            users.append(user)
            servers.append(server)
            tasks.append(1)
        if count == limits[user]:
            heapq.heappop(queue)
            continue
        share = 0.0
        for resource in range(demand.size):
            share = max(share, count * demand[resource] / denominators[user, resource])
        heapq.heapreplace(queue, (share, count, user))
    return np.array(users), np.array(servers), np.array(tasks)


@compiled
def _first(demand: Integers) -> int:
    """The first resource of which something is demanded."""
    first = 0
    while demand[first] == 0:
        first += 1
    return first
