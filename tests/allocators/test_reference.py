from __future__ import annotations

from importlib.util import find_spec

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from allocators.constraints import OfferConstraints
from tests.allocators.events import (
    AGENTS,
    FRAMEWORKS,
    KINDS,
    MINIMUMS,
    ROLES,
    History,
    check_expiry,
    check_rebuilt,
    check_state,
    seeded,
)
from tests.allocators.long_run import play
from tests.allocators.reference import REVOCABLE, UNRESERVED, under

pytestmark = pytest.mark.usefixtures("untraced")

ENGINES = ["plain", "numba"]
NAMES = ["cpus", "mem", "gpus", "ports"]
NO_NUMBA = pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")

engines = pytest.mark.parametrize(
    "engine", [pytest.param(engine, marks=NO_NUMBA) if engine == "numba" else engine for engine in ENGINES]
)


def check_same(history, seed, rounds, most_steps):
    """Play some rounds; return how many grants there were, all the same."""
    granted = 0
    for _ in range(rounds):
        for _ in range(history.random.randrange(1, most_steps)):
            history.step()
        history.wait()
        fast, slow = history.allocate(full=history.random.random() < 0.1)
        assert fast == slow, f"seed {seed}"
        check_expiry(history)
        granted += len(fast)
    check_state(history)
    return granted


@engines
@pytest.mark.parametrize("block", range(6))
def test_same_grants_as_reference_in_long_histories(engine, block):
    granted = 0
    for seed in range(block * 60, block * 60 + 60):
        granted += check_same(History(seeded(seed), engine), seed, rounds=25, most_steps=4)
    assert granted > 300


@engines
@pytest.mark.parametrize("block", range(10))
def test_same_grants_as_reference_in_many_clusters(engine, block):
    granted = 0
    for seed in range(100_000 + block * 500, 100_000 + block * 500 + 500):
        history = History(seeded(seed), engine)
        history.start()
        granted += check_same(history, seed, rounds=2, most_steps=6)
    assert granted > 300


@engines
@pytest.mark.parametrize("kind", [None, *KINDS])
def test_same_grants_as_reference_with_one_feature(engine, kind):
    for seed in range(20):
        history = History(seeded(30_000 + seed), engine, kinds=[kind] if kind else [])
        history.start()
        check_same(history, seed, rounds=20, most_steps=4)


@engines
@pytest.mark.parametrize("roles", [["r"], ["r/s"], ["*", *"abcd", "a/x", "a/y", "b/x"]], ids=len)
@pytest.mark.parametrize("kinds", [[], ["reservations", "constraints"], KINDS], ids=["none", "some", "all"])
def test_same_grants_as_reference_in_large_clusters(engine, roles, kinds):
    """Here the engines take other ways than in small ones."""
    agents = [f"n{number}" for number in range(75)]
    frameworks = [f"f{number}" for number in range(40)]
    for seed in range(2):
        history = History(
            seeded(80_000 + seed),
            engine,
            kinds=kinds,
            agents=agents,
            frameworks=frameworks,
            roles=roles,
            minimums=MINIMUMS if seed else [[]],
        )
        history.most = len(agents)
        history.start()
        check_same(history, seed, rounds=3, most_steps=60)


@engines
@pytest.mark.parametrize("roles", [["r"], [f"{top}/r{n}" for top in "ab" for n in range(8)]], ids=len)
@pytest.mark.parametrize(
    "kinds", [[], ["limits"], [kind for kind in KINDS if kind != "revocable"], KINDS], ids=len
)
def test_same_grants_as_reference_in_crowded_roles(engine, roles, kinds):
    """So many who refuse for long, or have no room, that engines go over to other ways of passing them over."""
    for seed in range(1 if roles[1:] else 2):
        history = History(
            seeded(90_000 + seed),
            engine,
            kinds=kinds,
            agents=AGENTS,
            frameworks=[f"f{number}" for number in range(16 if roles[1:] else 60)],
            roles=roles,
            minimums=[[], [{"cpus": 2000, "mem": 40_000}]],
            refusals=[None, 0.0, 100.0, 100.0, 100.0, 100.0],
        )
        for _ in range(2 if roles[1:] and kinds else 0):
            for role in [*roles, *"ab"]:
                history.set_role(role)
        for framework in history.frameworks:
            history.set_framework(framework)
        for rounds in range(3):
            for _ in range(8 if roles[1:] else 12):
                for _ in range(len(history.slow.held)):
                    history.release()
                check_same(history, seed, rounds=1, most_steps=3)
            for framework, state in history.slow.frameworks.items():
                if rounds == 1:
                    history.both("revive", framework, sorted(state["roles"]))


@engines
@pytest.mark.parametrize("start", [0.0, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("duration", [0.0, 1.0, 2.0])
def test_windows_that_pass_between_two_decisions(engine, start, duration):
    for available_for in (0.0, 2.0):
        history = History(seeded(0), engine, kinds=[])
        constraints = OfferConstraints(any_of=[[]], available_for=available_for)
        history.both("add_agent", "n1", {"cpus": 1000}, {})
        history.both("update_agent", "n1", unavailability=(start, duration))
        options = {"suppressed": [], "min_offer": [], "active": True, "constraints": constraints}
        history.both("set_framework", "f1", ["a"], **options)
        granted = []
        for history.now in (0.5, 1.5, 5.0):
            if history.now == 1.5:
                history.both("update_agent", "n1", attributes={"disk": "ssd"})
            fast, slow = history.allocate()
            assert fast == slow
            check_expiry(history)
            granted += fast
        assert len(granted) == 1


@engines
def test_event_path_leaves_nothing_for_a_full_pass(engine):
    for seed in range(150):
        history = History(seeded(10_000 + seed), engine)
        for _ in range(20):
            for _ in range(history.random.randrange(1, 4)):
                history.step()
            history.wait()
            history.allocate()
            history.allocate()  # who declined for 0 s is considered again here
            assert history.allocate(full=True) == ([], []), f"seed {seed}"


@engines
def test_state_after_random_events(engine):
    # Without shrinking: random histories do not become clearer by it, and it takes minutes.
    @settings(
        max_examples=60,
        deadline=None,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.randoms(use_true_random=False), st.integers(1, 30))
    def check(random, steps):
        history = History(random, engine)
        for _ in range(steps):
            history.step()
            if random.random() < 0.4:
                history.wait()
                fast, slow = history.allocate()
                assert fast == slow
            check_state(history)

    check()


@engines
def test_explain_agrees_with_what_is_granted(engine):
    for seed in range(120):
        history = History(seeded(20_000 + seed), engine)
        for _ in range(25):
            history.step()
            history.wait()
            check_explained(history, seed)
            history.follow()
            check_explained(history, seed)


def check_explained(history, seed):
    fast, slow, now = history.fast, history.slow, history.now
    for framework, state in slow.frameworks.items():
        for agent in slow.agents:
            may = slow.is_active(agent, now) and any(
                slow.may(framework, role) and slow.would_give(agent, framework, role, now)
                for role in state["roles"]
            )
            reasons = fast.explain(framework, agent, now)
            assert bool(may) == (reasons == []), (seed, framework, agent, reasons)


@pytest.mark.skipif(len(ENGINES) < 2, reason="one engine only")
@NO_NUMBA
def test_engines_decide_alike():
    for seed in range(40):
        histories = [History(seeded(40_000 + seed), engine) for engine in ENGINES]
        for _ in range(100):
            for history in histories:
                for _ in range(history.random.randrange(1, 5)):
                    history.step()
                history.wait()
            assert histories[0].follow() == histories[1].follow(), f"seed {seed}"
            assert histories[0].fast.next_expiry() == histories[1].fast.next_expiry(), f"seed {seed}"


@engines
def test_long_history_leaves_the_books_right(engine):
    history = play(20_000, engine)
    check_state(history)
    check_same(history, "of the long run", rounds=100, most_steps=4)


@engines
def test_rebuilt_from_the_books(engine):
    for seed in range(100):
        history = History(seeded(50_000 + seed), engine)
        for _ in range(60):
            history.step()
            history.wait()
            history.follow()
        check_rebuilt(history)


@engines
def test_same_seed_same_decisions(engine):
    def played():
        history = History(seeded(7), engine)
        grants = []
        for _ in range(60):
            history.step()
            grants += history.follow()
        return grants

    assert played() == played()


@engines
def test_everything_can_go_and_nothing_is_left(engine):
    for seed in range(20):
        history = History(seeded(seed), engine)
        for _ in range(200):
            history.step()
            history.follow()
        fast = history.fast
        for agent in AGENTS:
            if agent in history.slow.agents:
                fast.remove_agent(agent)
        for framework in FRAMEWORKS:
            if framework in history.slow.frameworks:
                fast.remove_framework(framework)
        for role in ROLES:
            fast.set_role(role, weight=1.0, guarantee={}, limit={})
        assert fast.shares() == {}
        assert fast.role_shares() == {}
        assert fast.next_expiry() is None
        assert fast.allocate(history.now, full=True).grants == []


def test_reference_keeps_its_promises():
    """Nothing is given twice, no grant exceeds a limit, guarantees are kept where they can be; one pass is enough."""
    kept = 0
    for seed in range(60):
        history = History(seeded(60_000 + seed), None)
        history.start()
        for _ in range(20):
            for _ in range(history.random.randrange(1, 4)):
                history.step()
            history.wait()
            kept += check_promises(history)
            history.allocate()  # who was left out
            assert history.allocate() == (None, [])
    assert kept > 100


def check_promises(history):
    slow, now = history.slow, history.now
    free = {agent: slow.free(agent) for agent in slow.agents}
    rooms = {(role, name): slow.room(role, name) for role in slow.limits for name in NAMES}
    guaranteed = [role for role, amounts in slow.guarantees.items() if any(amounts.values())]
    is_flat = not any(under(a, b) for a in guaranteed for b in guaranteed if a != b)
    satisfiable = [name for name in NAMES if slow.spare(name, now) >= slow.need("", name) > 0]
    _, grants = history.allocate()
    for agent, *_, amounts, reserved, revocable in grants:
        for part, names in {UNRESERVED: amounts, REVOCABLE: revocable, **reserved}.items():
            for name, amount in names.items():
                free[agent][part, name] -= amount
                assert free[agent][part, name] >= 0
    assert free == {agent: slow.free(agent) for agent in slow.agents}
    for _, _, holder, amounts, reserved, _ in grants:
        for role, name in rooms:
            if under(holder, role):
                above = [parts.get(name, 0) for owner, parts in reserved.items() if not under(owner, role)]
                rooms[role, name] -= amounts.get(name, 0) + sum(above)
                assert rooms[role, name] >= 0
    assert all(slow.room(role, name) == room for (role, name), room in rooms.items())
    if is_flat:  # a role may use its guarantee although one below it needs it all
        for name in satisfiable:
            assert slow.spare(name, now) >= slow.need("", name)
    return len(satisfiable) if is_flat and grants else 0
