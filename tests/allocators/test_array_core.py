"""The compiled engine by its own interface: numbers for names, arrays for what is given."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from allocators.core import NO_LIMIT, ROOT, UNRESERVED, PlainCore

arrays = pytest.importorskip("allocators.core.arrays", reason="numba is not installed")

SHAPES = [[24_000, 4_096_000, 32_000_000], [8000, 65_536_000, 5000], [1000, 1_024_000, 0]]


def cluster(core, agents, clients, roles=1, limits=()):
    """Agents of three shapes; clients in some roles; limits in cpus by role."""
    for column in range(3):
        core.add_column(counted=column < 2)
    core.set_minimum([[(0, 10)], [(1, 32_000)]])
    groups = []
    for number in range(roles):
        role = core.add_node(ROOT, f"r{number}", f"r{number}")
        groups.append(core.add_node(role, ".", f"r{number}"))
        if number < len(limits):
            core.set_quota(role, [0, 0, 0], [limits[number], NO_LIMIT, NO_LIMIT])
    leaves = []
    for number in range(clients):
        leaf = core.add_node(groups[number % roles], f"f{number:04}", f"r{number % roles}", f"f{number:04}")
        core.set_client(leaf, active=True, minimum=None, revocable=False)
        leaves.append(leaf)
    for number in range(agents):
        core.add_agent(list(SHAPES[number % 3]))
    return core, leaves


def same(one, other):
    return [(g.agent, g.client, g.parts) for g in one] == [(g.agent, g.client, g.parts) for g in other]


@pytest.mark.parametrize(("roles", "limits"), [(1, ()), (7, ()), (7, (40_000, 9000, 0))])
def test_a_large_pass_is_that_of_the_plain_engine(roles, limits):
    order = np.random.default_rng(1).permutation(600)
    plain, _ = cluster(PlainCore(), 600, 70, roles, limits)
    fast, _ = cluster(arrays.ArrayCore(), 600, 70, roles, limits)
    assert same(plain.run(order), fast.run(order))
    assert plain.offerable() == list(fast.offerable())
    assert same(plain.run(order), fast.run(order))
    assert not fast.run(order)


@pytest.mark.parametrize("limits", [(), (60_000, 30_000)])
def test_a_turn_is_a_return_and_a_pass(limits):
    random = Random(3)
    one, _ = cluster(arrays.ArrayCore(), 90, 20, 3, limits)
    two, _ = cluster(arrays.ArrayCore(), 90, 20, 3, limits)
    order = np.arange(90)
    assert same(one.run(order), two.run(order))
    for _ in range(300):
        agent = random.choice([agent for agent in range(90) if one.held(agent)])
        (client, part), row = random.choice(sorted(one.held(agent).items()))
        part_of_it = [random.randrange(amount + 1) for amount in row] if random.random() < 0.5 else row
        if not any(part_of_it):
            continue
        given = one.turn(agent, client, part, np.array(part_of_it, np.int64))
        two.give(agent, client, part, part_of_it)
        expected = two.run(list(dict.fromkeys([*(g.agent for g in given), *two.offerable()])))
        assert same(given, expected)
        assert not one.run(one.offerable())
    for agent in range(90):
        assert one.held(agent) == two.held(agent)
        assert one.free(agent) == two.free(agent)


def test_what_a_pass_gave_can_be_read_in_every_way():
    core, leaves = cluster(arrays.ArrayCore(), 5, 2)
    given = core.run(np.arange(5))
    assert len(given) == 5
    assert [given[number].agent for number in range(5)] == [g.agent for g in given] == [0, 1, 2, 3, 4]
    assert given[-1] == given[4] == list(given)[4]
    assert [each.client for each in given[1:3]] == given.clients[1:3].tolist()
    assert set(given.clients.tolist()) == set(leaves)
    assert given.rows.tolist() == [SHAPES[number % 3] for number in range(5)]
    assert set(given.parts.tolist()) == {UNRESERVED}
    with pytest.raises(IndexError):
        given[5]


@pytest.mark.parametrize("roles", [1, 4])
def test_a_storm_of_declines_ends_when_everybody_has_declined_everything(roles):
    agents, clients = 40, 30
    fast, leaves = cluster(arrays.ArrayCore(), agents, clients, roles)
    plain, _ = cluster(PlainCore(), agents, clients, roles)
    seen = set()
    order = np.arange(agents)
    while given := fast.run(order):
        assert same(given, plain.run(order))
        offered = {(g.agent, g.client) for g in given}
        assert not offered & seen
        seen |= offered
        fast.give_all(given, until=100.0)
        for each in given:
            for part, row in each.parts:
                plain.give(each.agent, each.client, part, row)
                plain.refuse(each.agent, each.client, row, 100.0)
    assert seen == {(agent, leaf) for agent in range(agents) for leaf in leaves}
    assert fast.next_expiry() == plain.next_expiry() == 100.0
    assert not plain.run(order)
    fast.forgive(leaves[3])
    assert {g.client for g in fast.run(order)} == {leaves[3]}
    assert set(fast.expire(100.0)) == set(range(agents))
    assert fast.next_expiry() is None


def test_revived_filters_do_not_pile_up():
    core, (leaf, _) = cluster(arrays.ArrayCore(), 1, 2)
    for turn in range(2000):
        core.refuse(0, leaf, SHAPES[0], 1e6 + turn)
        core.forgive(leaf)
    assert core._s.record.shape[1] < 300
    assert core.next_expiry() is None


def test_a_change_in_one_file_of_the_kernel_compiles_all_of_it_anew():
    from allocators.core.compiled import options, passes, walk

    for function in (passes.run, walk.following):
        assert function._cache._cache_file._source_stamp == options.STAMP
