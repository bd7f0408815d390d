"""Sums of what is used and offered, as operators are shown them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cluster import messages as m
from cluster.happenings import ExecutorSeen, TaskSeen
from cluster.resources import MAX_SCALAR, Resources, sum_resources
from cluster.v1 import json
from cluster.v1.translate.operator_resources import (
    Tally,
    offered,
    offered_slowly,
    shown_resources,
    used,
    used_slowly,
)
from cluster.v1.translate.resources import Quantities, read_resources
from tests.cluster.v1.translate.ours import scalars


def seen(resources: Resources, holds: bool = True, **fields: Any) -> TaskSeen:
    info = m.TaskInfo("t", resources, command=m.CommandInfo("true"), revocable=fields.pop("revocable", False))
    status = m.TaskStatus("t", m.TaskState.RUNNING)
    return TaskSeen("F", fields.pop("role", "eng"), "A", info, status, fields.pop("reserved", {}), holds)


@given(st.lists(st.builds(Resources, scalars), max_size=5))
def test_what_tasks_hold_together(each: list[Resources]) -> None:
    tasks = [seen(resources) for resources in each]
    written = used(tasks, ()).written()
    assert read_resources(written, "") == Quantities(sum_resources(each))
    assert tuple(step for step in used_slowly(tasks, ()) if step is not None) == written


def test_whose_they_are() -> None:
    two = Resources.of(cpus=2)
    tally = used(
        [
            seen(two, reserved={"eng": Resources.of(cpus=1)}),
            seen(two, role="ops"),
            seen(two, revocable=True),
            seen(two, holds=False),
        ],
        [ExecutorSeen("F", "ops", "A", m.ExecutorInfo("e", None, Resources.of(mem=5)), {})],
    )
    found = {
        (
            each.allocation_info.role if each.allocation_info else None,
            each.role,
            each.revocable is not None,
            each.name,
        ): each.scalar.value
        for each in tally.written()
        if each.scalar is not None
    }
    assert found == {
        ("eng", "*", False, "cpus"): 1,
        ("eng", "eng", False, "cpus"): 1,
        ("eng", "*", True, "cpus"): 2,
        ("ops", "*", False, "cpus"): 2,
        ("ops", "*", False, "mem"): 5,
    }


def test_the_same_ports_of_several_agents() -> None:
    tally = Tally()
    for text in ("ports:[1-3,7-9];zones:{a,b}", "ports:[2-4];zones:{b,c}", "ports:[5-5]"):
        tally.add("eng", Resources.parse(text), {})
    ports, zones = tally.written()
    assert ports.ranges is not None
    assert [(each.begin, each.end) for each in ports.ranges.range] == [(1, 5), (7, 9)]
    assert zones.set is not None
    assert zones.set.item == ("a", "b", "c")


def test_more_than_one_quantity_may_hold() -> None:
    tally = Tally()
    for _ in range(3):
        tally.add("eng", Resources({"cpus": MAX_SCALAR}), {})
    (cpus,) = tally.written()
    assert cpus.scalar is not None
    assert cpus.scalar.value == 3 * MAX_SCALAR / 1000


def test_offers() -> None:
    offers = [
        m.Offer(
            f"O{number}",
            "F",
            "A",
            "host",
            Resources.of(cpus=2),
            role="eng",
            reserved={"eng": Resources.of(cpus=1)},
            revocable=Resources.of(cpus=4),
        )
        for number in range(30)
    ]
    written = offered(offers).written()
    assert [(each.role, each.scalar.value, each.revocable is None) for each in written if each.scalar] == [
        ("*", 30, True),
        ("*", 120, False),
        ("eng", 30, True),
    ]
    assert tuple(each for each in offered_slowly(offers) if each is not None) == written
    assert next(offered_slowly(offers)) is None


def test_what_is_reserved_is_written_in_both_formats() -> None:
    written = shown_resources(Resources.of(cpus=3), {"eng": Resources.of(cpus=1)}, Resources.of(mem=2))
    assert [json.encode(each) for each in written] == [
        b'{"name":"cpus","type":"SCALAR","scalar":{"value":2.0},"role":"*"}',
        b'{"name":"cpus","type":"SCALAR","scalar":{"value":1.0},"role":"eng","reservation":{},'
        b'"reservations":[{"type":"DYNAMIC","role":"eng"}]}',
        b'{"name":"mem","type":"SCALAR","scalar":{"value":2.0},"role":"*","revocable":{}}',
    ]
