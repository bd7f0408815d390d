from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocators import DRFAllocator
from tests.allocators.events import AGENTS, FRAMEWORKS, History, seeded


def positive(amounts):
    return {name: amount for name, amount in amounts.items() if amount}


def check_state(history):
    fast, slow = history.fast, history.slow
    for agent in slow.agents:
        held = {key[1:]: positive(amounts) for key, amounts in slow.held.items() if key[0] == agent}
        assert fast.allocated(agent) == held
        left = slow.free(agent)
        assert fast.free(agent) == {name: amount for name, amount in left.items() if amount > 0}
        # Conservation; what is free is cut at zero where an agent is over-committed.
        for name, whole in fast.total(agent).items():
            used = sum(amounts.get(name, 0) for amounts in fast.allocated(agent).values())
            assert fast.free(agent).get(name, 0) == max(0, whole - used)
    for (framework, role), share in fast.shares().items():
        assert share == slow.share(lambda f, r, client=(framework, role): (f, r) == client)
    # Filters that a later one makes pointless are dropped, so the first expiry may be a later one.
    ends = {until for *_, until in slow.filters}
    assert fast.next_expiry() in (ends or {None})


@pytest.mark.parametrize("block", range(12))
def test_same_grants_as_reference(block):
    granted = 0
    for seed in range(block * 60, block * 60 + 60):
        history = History(seeded(seed))
        for _ in range(25):
            for _ in range(history.random.randrange(1, 4)):
                history.step()
            history.wait()
            fast, slow = history.allocate(full=history.random.random() < 0.1)
            assert fast == slow, f"seed {seed}"
            granted += len(fast)
        check_state(history)
    assert granted > 700


def test_event_path_leaves_nothing_for_a_full_pass():
    for seed in range(150):
        history = History(seeded(10_000 + seed))
        for _ in range(20):
            history.step()
            history.wait()
            history.allocate()
            history.allocate()  # who declined for 0 s is considered again here
            assert history.fast.allocate(history.now, full=True).grants == [], f"seed {seed}"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.integers(1, 30))
def test_state_after_random_events(random, steps):
    history = History(random)
    for _ in range(steps):
        history.step()
        if random.random() < 0.4:
            history.wait()
            fast, slow = history.allocate()
            assert fast == slow
        check_state(history)


def test_explain_agrees_with_what_is_granted():
    for seed in range(100):
        history = History(seeded(20_000 + seed))
        for _ in range(25):
            history.step()
            history.wait()
            asked = [(f, a) for f in sorted(history.slow.frameworks) for a in sorted(history.slow.agents)]
            history.fast.allocate(history.now)  # drops what is only left out once, in both
            history.slow.allocate([], history.now)
            history.slow.held = {
                (agent, *client): amounts
                for agent in history.slow.agents
                for client, amounts in history.fast.allocated(agent).items()
            }
            for framework, agent in asked:
                free = {n: v for n, v in history.slow.free(agent).items() if v > 0}
                may = history.slow.agents[agent]["active"] and any(
                    history.slow.may(framework, role)
                    and history.slow.eligible(agent, framework, role, free)
                    and free
                    for role in history.slow.frameworks[framework]["roles"]
                )
                reasons = history.fast.explain(framework, agent, history.now)
                assert bool(may) == (reasons == []), (seed, framework, agent, reasons)


def test_same_seed_same_decisions():
    def play():
        history = History(seeded(7))
        grants = []
        for _ in range(60):
            history.step()
            grants += history.fast.allocate(history.now).grants
        return grants

    assert play() == play()


def test_everything_can_go_and_nothing_is_left():
    history = History(seeded(3))
    for _ in range(200):
        history.step()
        history.fast.allocate(history.now)
        history.slow.held = {
            (agent, *client): amounts
            for agent in history.slow.agents
            for client, amounts in history.fast.allocated(agent).items()
        }
    fast: DRFAllocator = history.fast
    for agent in AGENTS:
        if agent in history.slow.agents:
            fast.remove_agent(agent)
    for framework in FRAMEWORKS:
        if framework in history.slow.frameworks:
            fast.remove_framework(framework)
    for role in history.slow.weights:
        fast.set_role(role)
    assert fast.shares() == {}
    assert fast.role_shares() == {}
    assert fast.next_expiry() is None
