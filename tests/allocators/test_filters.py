from __future__ import annotations

import pytest

from allocators import AllocatorError, DRFAllocator

WHOLE = {"cpus": 4000, "mem": 8_000_000}


@pytest.fixture
def allocator():
    allocator = DRFAllocator()
    allocator.add_agent("a", WHOLE)
    allocator.set_framework("f", ["r"])
    return allocator


def who(decision):
    return [grant.framework for grant in decision.grants]


def decline(allocator, decision, refuse, now):
    for grant in decision.grants:
        allocator.release(grant.agent, grant.framework, grant.role, grant.amounts, refuse=refuse, now=now)


def test_declined_goes_to_the_next_at_once_and_then_to_nobody(allocator):
    allocator.set_framework("g", ["r"])
    seen = []
    for _ in range(3):
        decision = allocator.allocate(1.0)
        seen += who(decision)
        decline(allocator, decision, 5.0, 1.0)
    assert seen == ["f", "g"]
    assert decision.next_expiry == 6.0
    assert allocator.explain("f", "a", 1.0) == ["role r: refused for 5 s more"]


def test_filter_ends_at_its_time(allocator):
    decline(allocator, allocator.allocate(1.0), 5.0, 1.0)
    assert allocator.next_expiry() == 6.0
    assert allocator.allocate(5.999, full=True).grants == []
    decision = allocator.allocate(6.0)
    assert who(decision) == ["f"]
    assert decision.next_expiry is None


def test_only_what_is_contained_is_hidden(allocator):
    allocator.allocate(0.0)
    allocator.release("a", "f", "r", {"cpus": 3000, "mem": 1_000_000}, refuse=60.0, now=0.0)
    assert allocator.allocate(0.0).grants == []
    allocator.release("a", "f", "r", {"mem": 500})  # now more than was refused
    [grant] = allocator.allocate(1.0).grants
    assert grant.amounts == {"cpus": 3000, "mem": 1_000_500}
    allocator.release("a", "f", "r", {"cpus": 2000})
    assert allocator.allocate(1.0).grants == []  # contained in what was refused at first


def test_new_resource_name_is_not_contained_in_an_old_refusal(allocator):
    decline(allocator, allocator.allocate(0.0), 60.0, 0.0)
    allocator.update_agent("a", total={**WHOLE, "gpus": 1000})
    [grant] = allocator.allocate(1.0).grants
    assert grant.amounts == {**WHOLE, "gpus": 1000}


def test_filter_is_of_one_role_and_one_agent(allocator):
    allocator.set_framework("f", ["r", "s"])
    allocator.add_agent("b", WHOLE)
    first = allocator.allocate(0.0)
    decline(allocator, first, 60.0, 0.0)
    second = allocator.allocate(0.0)
    pairs = [{(grant.agent, grant.role) for grant in decision.grants} for decision in (first, second)]
    assert pairs[0] | pairs[1] == {(agent, role) for agent in "ab" for role in "rs"}
    decline(allocator, second, 60.0, 0.0)
    assert allocator.allocate(0.0).grants == []
    assert allocator.explain("f", "a", 0.0) == [
        "role r: refused for 60 s more",
        "role s: refused for 60 s more",
    ]
    assert allocator.explain("f", "a", 60.0) == []


def test_revive_clears_filters(allocator):
    decline(allocator, allocator.allocate(0.0), 60.0, 0.0)
    assert allocator.allocate(0.0).grants == []
    allocator.revive("f", ["r"])
    assert allocator.next_expiry() is None
    assert who(allocator.allocate(0.0)) == ["f"]


def test_refuse_zero_is_left_out_once(allocator):
    decline(allocator, allocator.allocate(0.0), 0.0, 0.0)
    assert allocator.explain("f", "a", 0.0) == ["role r: declined just now"]
    assert allocator.allocate(0.0).grants == []
    assert allocator.explain("f", "a", 0.0) == []
    assert who(allocator.allocate(0.0)) == ["f"]


def test_refuse_zero_goes_to_another(allocator):
    decision = allocator.allocate(0.0)
    allocator.set_framework("g", ["r"])
    seen = []
    for _ in range(4):
        seen += who(decision)
        decline(allocator, decision, 0.0, 0.0)
        decision = allocator.allocate(0.0)
    assert seen == ["f", "g", "f", "g"]


def test_ended_task_comes_back_at_once(allocator):
    decline(allocator, allocator.allocate(0.0), None, 0.0)
    assert who(allocator.allocate(0.0)) == ["f"]


def test_revive_undoes_refuse_zero(allocator):
    decline(allocator, allocator.allocate(0.0), 0.0, 0.0)
    allocator.revive("f")
    assert who(allocator.allocate(0.0)) == ["f"]


def test_longest_of_several_refusals_holds(allocator):
    allocator.allocate(0.0)
    allocator.release("a", "f", "r", {"cpus": 1000}, refuse=10.0, now=0.0)
    allocator.release("a", "f", "r", {"cpus": 2000}, refuse=5.0, now=0.0)
    assert allocator.next_expiry() == 5.0
    assert who(allocator.allocate(0.0)) == ["f"]  # 3 cpus are in neither
    allocator.release("a", "f", "r", {"cpus": 1000}, now=0.0)
    assert allocator.allocate(6.0).grants == []
    assert allocator.explain("f", "a", 6.0) == ["role r: refused for 4 s more"]
    assert who(allocator.allocate(10.0)) == ["f"]


def test_suppress_and_revive(allocator):
    allocator.suppress("f")
    assert allocator.allocate(0.0, full=True).grants == []
    assert allocator.explain("f", "a", 0.0) == ["role r: suppressed"]
    allocator.revive("f")
    assert who(allocator.allocate(0.0)) == ["f"]


def test_suppress_one_role_of_two(allocator):
    allocator.set_framework("f", ["r", "s"])
    allocator.suppress("f", ["r"])
    [grant] = allocator.allocate(0.0).grants
    assert grant.role == "s"


def test_set_framework_without_suppression_revives(allocator):
    decline(allocator, allocator.allocate(0.0), 60.0, 0.0)
    allocator.set_framework("f", ["r"])
    assert allocator.allocate(0.0).grants == []  # an update that changes nothing keeps the filter
    allocator.set_framework("f", ["r"], suppressed=["r"])
    assert allocator.allocate(0.0).grants == []
    allocator.set_framework("f", ["r"])
    assert who(allocator.allocate(0.0)) == ["f"]


def test_inactive_framework_keeps_charge_and_loses_filters(allocator):
    allocator.allocate(0.0)
    allocator.release("a", "f", "r", {"cpus": 1000}, refuse=60.0, now=0.0)
    allocator.set_framework("f", ["r"], active=False)
    assert allocator.shares()["f", "r"] == 1.0
    assert allocator.next_expiry() is None
    assert allocator.allocate(0.0, full=True).grants == []
    assert allocator.explain("f", "a", 0.0) == ["the framework is inactive"]
    allocator.set_framework("f", ["r"])
    assert who(allocator.allocate(0.0)) == ["f"]


def test_agent_removed_while_offered(allocator):
    decline(allocator, allocator.allocate(0.0), 60.0, 0.0)
    allocator.remove_agent("a")
    assert allocator.next_expiry() is None
    with pytest.raises(AllocatorError, match="agent 'a' is unknown"):
        allocator.release("a", "f", "r", {"cpus": 1})
    allocator.add_agent("b", WHOLE)  # the same row of the table
    assert who(allocator.allocate(0.0)) == ["f"]


def test_explain_agent_and_free(allocator):
    allocator.update_agent("a", active=False)
    assert allocator.explain("f", "a", 0.0) == ["the agent is inactive"]
    allocator.set_framework("f", [])
    assert allocator.explain("f", "a", 0.0) == ["the framework is in no role", "the agent is inactive"]


def test_many_revived_filters_do_not_pile_up(allocator):
    allocator.add_agent("b", WHOLE)
    allocator.set_framework("g", ["s"])
    grants = {grant.framework: grant for grant in allocator.allocate(0.0).grants}
    other = grants["g"]  # a filter that stays, and ends before all that are revived away
    allocator.release(other.agent, "g", "s", {"cpus": 1}, refuse=1.0, now=0.0)
    allocator.suppress("g")
    mine = grants["f"]
    for turn in range(500):
        allocator.release(mine.agent, "f", "r", {"cpus": 10}, refuse=1e6 + turn, now=0.0)
        assert allocator.allocate(0.0).next_expiry == 1.0
        allocator.revive("f")
        assert [grant.agent for grant in allocator.allocate(0.0).grants] == [mine.agent]
    assert len(allocator.core._filters._queue) < 200
    assert allocator.allocate(1.0).next_expiry is None
    assert allocator.core._filters._at == {}


@pytest.mark.parametrize("engine", ["plain", "numba"])
def test_a_filter_takes_the_place_of_weaker_ones(engine):
    pytest.importorskip("numba")
    allocator = DRFAllocator(engine=engine)
    allocator.add_agent("a", WHOLE)
    allocator.set_framework("f", ["r"])
    for turn in range(300):
        [grant] = allocator.allocate(float(turn)).grants
        allocator.release("a", "f", "r", {"cpus": 100 + turn}, refuse=1e6, now=float(turn))
        assert allocator.allocate(float(turn)).grants == []
        allocator.release("a", "f", "r", {"cpus": grant.amounts["cpus"] - 100 - turn}, now=float(turn))
        rest = {name: amount for name, amount in grant.amounts.items() if name != "cpus"}
        allocator.release("a", "f", "r", rest, now=float(turn))
    if engine == "plain":
        assert len(allocator.core._filters._queue) < 200
    else:
        assert allocator.core._s.record.shape[1] < 300
