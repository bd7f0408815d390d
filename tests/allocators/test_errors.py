from __future__ import annotations

import numpy as np
import pytest

from allocators import MAX_AMOUNT, AllocatorError, DRFAllocator


@pytest.fixture
def allocator():
    allocator = DRFAllocator()
    allocator.add_agent("a", {"cpus": 4000, "mem": 8_000_000}, {("old", "ops"): {"cpus": 1000}})
    allocator.add_agent("b", {"cpus": 4000, "ports": 7000})
    allocator.set_framework("f", ["eng/dev", "eng"], suppressed=["eng"])
    allocator.set_framework("g", ["eng"], min_offer=[{"cpus": 2000}])
    allocator.set_role("eng", weight=2.0)
    for grant in allocator.allocate(0.0).grants:
        allocator.release(grant.agent, grant.framework, grant.role, {"cpus": 500}, refuse=9.0, now=0.0)
    return allocator


def state(allocator):
    agents = {name: (allocator.total(name), allocator.free(name), allocator.allocated(name)) for name in "ab"}
    reasons = [allocator.explain(framework, agent, 0.0) for framework in ("old", "f", "g") for agent in "ab"]
    inside = (
        (dict(allocator.columns.of), dict(allocator.columns.revocable), dict(allocator.roles.nodes)),
        set(allocator.dirty),
        allocator.all_dirty,
        {name: repr(value) for name, value in allocator.frameworks.items()},
    )
    return agents, allocator.shares(), allocator.role_shares(), allocator.next_expiry(), reasons, inside


NAN, INF = float("nan"), float("inf")
CASES = {
    "duplicate agent": (lambda a: a.add_agent("a", {"cpus": 1}), "agent 'a' is already there"),
    "empty agent": (lambda a: a.add_agent("", {}), "agent must be"),
    "agent no string": (lambda a: a.add_agent(3, {}), "agent must be"),
    "float amount": (lambda a: a.add_agent("c", {"new": 1, "cpus": 1.5}), "'c': cpus must be an integer"),
    "numpy amount": (lambda a: a.add_agent("c", {"cpus": np.float64(2)}), "cpus must be an integer"),
    "bool amount": (lambda a: a.add_agent("c", {"cpus": True}), "cpus must be an integer.*True"),
    "negative amount": (lambda a: a.add_agent("c", {"cpus": -1}), "cpus must be from 0"),
    "huge amount": (lambda a: a.add_agent("c", {"cpus": MAX_AMOUNT + 1}), "cpus must be from 0"),
    "huge cluster": (lambda a: a.add_agent("c", {"cpus": MAX_AMOUNT}), "cpus of the cluster"),
    "amounts no mapping": (lambda a: a.add_agent("c", [("cpus", 1)]), "must be a mapping"),
    "resource no string": (lambda a: a.add_agent("c", {1: 1}), "resource must be"),
    "resource empty": (lambda a: a.add_agent("c", {"": 1}), "resource must be"),
    "allocated negative": (lambda a: a.add_agent("c", {"new": 1}, {("f", "r"): {"cpus": -1}}), "'f' in role"),
    "allocated bad role": (lambda a: a.add_agent("c", {"new": 1}, {("f", "a//b"): {}}), "a//b"),
    "allocated bad key": (lambda a: a.add_agent("c", {"new": 1}, {"f": {}}), r"not to a \(framework, role\)"),
    "allocated no mapping": (lambda a: a.add_agent("c", {"new": 1}, ["f"]), "allocated must be"),
    "allocated sum": (
        lambda a: a.add_agent("c", {}, {("f", "r"): {"x": MAX_AMOUNT}, ("g", "r"): {"x": 1}}),
        "in sum",
    ),
    "update unknown": (lambda a: a.update_agent("zz", total={"new": 1}), "agent 'zz' is unknown"),
    "update negative": (lambda a: a.update_agent("a", total={"cpus": -1}, active=False), "cpus must be"),
    "update active": (lambda a: a.update_agent("a", total={"cpus": 1}, active=1), "active must be"),
    "remove unknown agent": (lambda a: a.remove_agent("zz"), "agent 'zz' is unknown"),
    "unhashable agent": (lambda a: a.remove_agent([]), "agent must be"),
    "roles a string": (lambda a: a.set_framework("h", "eng"), "collection of role names"),
    "roles twice": (lambda a: a.set_framework("h", ["x", "x"]), "name a role twice"),
    "suppressed elsewhere": (lambda a: a.set_framework("h", ["x"], suppressed=["y"]), r"\['y'\]"),
    "minimum negative": (lambda a: a.set_framework("h", ["x"], min_offer=[{"cpus": -1}]), "minimum"),
    "minimum a mapping": (lambda a: a.set_framework("h", ["x"], min_offer={"cpus": 1}), "alternatives"),
    "framework active": (lambda a: a.set_framework("h", ["x"], active="yes"), "active must be"),
    "framework empty": (lambda a: a.set_framework("", ["x"]), "framework must be"),
    "remove unknown framework": (lambda a: a.remove_framework("zz"), "framework 'zz' is unknown"),
    "weight nan": (lambda a: a.set_role("eng", weight=NAN), "role 'eng': weight"),
    "weight inf": (lambda a: a.set_role("eng", weight=INF), "weight must be finite"),
    "weight zero": (lambda a: a.set_role("eng", weight=0.0), "weight must be above zero"),
    "weight negative": (lambda a: a.set_role("new", weight=-1.0), "weight must be above zero"),
    "weight bool": (lambda a: a.set_role("new", weight=True), "weight must be a number"),
    "weight huge": (lambda a: a.set_role("new", weight=10**400), "too large"),
    "release unknown agent": (lambda a: a.release("zz", "g", "eng", {}), "agent 'zz'"),
    "release unknown framework": (lambda a: a.release("a", "zz", "eng", {}), "framework 'zz'"),
    "release unknown role": (lambda a: a.release("a", "g", "zz", {}), "role 'zz': it holds nothing"),
    "release too much": (lambda a: a.release("a", "old", "ops", {"cpus": 1001}), "1001.*cpus.*holds 1000"),
    "release new name": (lambda a: a.release("a", "old", "ops", {"cpus": 1, "new": 1}), "new.*holds 0"),
    "release negative": (lambda a: a.release("a", "old", "ops", {"cpus": -1}), "cpus must be from 0"),
    "release bool": (lambda a: a.release("a", "old", "ops", {"cpus": True}), "cpus must be an integer"),
    "refuse nan": (lambda a: a.release("a", "old", "ops", {"cpus": 1}, refuse=NAN), "refuse must be finite"),
    "refuse negative": (lambda a: a.release("a", "old", "ops", {"cpus": 1}, refuse=-1.0), "refuse must not"),
    "refuse inf": (lambda a: a.release("a", "old", "ops", {"cpus": 1}, refuse=INF), "refuse must be finite"),
    "release now": (lambda a: a.release("a", "old", "ops", {"cpus": 1}, now=NAN), "now must be finite"),
    "suppress unknown": (lambda a: a.suppress("zz"), "framework 'zz'"),
    "suppress role": (lambda a: a.suppress("g", ["eng", "zz"]), r"'g' is not in roles \['zz'\]"),
    "revive role": (lambda a: a.revive("f", ["eng", "zz"]), r"'f' is not in roles \['zz'\]"),
    "revive string": (lambda a: a.revive("f", "eng"), "collection of role names"),
    "allocate nan": (lambda a: a.allocate(NAN), "now must be finite"),
    "allocate none": (lambda a: a.allocate(None), "now must be a number"),
    "allocate full": (lambda a: a.allocate(0.0, full=1), "full must be"),
    "explain framework": (lambda a: a.explain("zz", "a", 0.0), "framework 'zz'"),
    "explain agent": (lambda a: a.explain("f", "zz", 0.0), "agent 'zz'"),
    "free": (lambda a: a.free("zz"), "agent 'zz'"),
    "total": (lambda a: a.total("zz"), "agent 'zz'"),
    "allocated": (lambda a: a.allocated("zz"), "agent 'zz'"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_changes_nothing(allocator, name):
    call, text = CASES[name]
    before = state(allocator)
    with pytest.raises(AllocatorError, match=text):
        call(allocator)
    assert state(allocator) == before


BAD_ROLES = [
    "",
    "a//b",
    "/a",
    "a/",
    ".",
    "..",
    "a/..",
    "a/./b",
    "-a",
    "a/-b",
    "a b",
    "a\tb",
    "a/*",
    "\x08",
    7,
]


@pytest.mark.parametrize("role", BAD_ROLES)
def test_bad_role_names(allocator, role):
    before = state(allocator)
    for call in (
        lambda: allocator.set_role(role),
        lambda: allocator.set_framework("h", ["ok", role]),
        lambda: allocator.release("a", "f", role, {}),
        lambda: allocator.suppress("f", [role]),
    ):
        with pytest.raises(AllocatorError, match="role"):
            call()
    assert state(allocator) == before


@pytest.mark.parametrize("role", ["*", "a", "a/b/c", "a.b", "...", "a-b", "ünï", "a_1"])
def test_good_role_names(allocator, role):
    allocator.set_framework("h", [role])
    assert ("h", role) in allocator.shares()


@pytest.mark.parametrize(
    "options",
    [
        {"rng": 7},
        {"min_allocatable": {"cpus": 1}},
        {"min_allocatable": [{"cpus": 0.5}]},
        {"exclude_from_share": "ports"},
        {"exclude_from_share": [1]},
    ],
)
def test_bad_options(options):
    with pytest.raises(AllocatorError):
        DRFAllocator(**options)


def test_error_is_a_value_error():
    assert issubclass(AllocatorError, ValueError)


def test_deep_roles_need_no_stack(allocator):
    role = "/".join(["x"] * 3000)
    allocator.set_framework("h", [role])
    allocator.remove_framework("g")
    allocator.add_agent("c", {"cpus": 1000})
    assert ("c", "h") in [(grant.agent, grant.framework) for grant in allocator.allocate(0.0).grants]
    allocator.remove_framework("h")


def test_caller_may_change_its_mappings_later():
    allocator = DRFAllocator()
    total = {"cpus": 1000}
    allocator.add_agent("a", total)
    total["cpus"] = 0
    allocator.set_framework("f", ["r"])
    [grant] = allocator.allocate(0.0).grants
    grant.amounts["cpus"] = 5
    allocator.allocated("a")["f", "r"]["cpus"] = 7
    assert allocator.allocated("a") == {("f", "r"): {"cpus": 1000}}
