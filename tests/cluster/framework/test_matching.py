"""Which tasks go to which offers."""

from __future__ import annotations

from typing import Any

from cluster.framework import TaskQueue
from cluster.messages import CommandInfo, ExecutorInfo, Offer, TaskInfo
from cluster.resources import Resources

EXECUTOR = ExecutorInfo("group", resources=Resources.parse("cpus:0.5"))


def offer(offer_id: str, resources: str, **fields: Any) -> Offer:
    return Offer(offer_id, "F", f"agent-of-{offer_id}", "host", Resources.parse(resources), **fields)


def task(task_id: str, resources: str = "cpus:1", **fields: Any) -> TaskInfo:
    return TaskInfo(task_id, Resources.parse(resources), command=CommandInfo("true"), **fields)


def placed(queue: TaskQueue, *offers: Offer) -> dict[str, list[str]]:
    return {offer: [each.task_id for each in tasks] for offer, tasks in queue.match(offers).items()}


def test_tasks_are_spread_over_the_offers() -> None:
    queue = TaskQueue()
    for name in "abcde":
        queue.add(task(name))
    assert placed(queue, offer("x", "cpus:2"), offer("y", "cpus:2")) == {"x": ["a", "c"], "y": ["b", "d"]}
    assert len(queue) == 1


def test_a_group_goes_to_one_offer_or_waits() -> None:
    queue = TaskQueue()
    queue.add_group([task("a"), task("b")], EXECUTOR)
    assert placed(queue, offer("x", "cpus:2"), offer("y", "cpus:2.4")) == {}
    assert len(queue) == 2
    assert placed(queue, offer("x", "cpus:2"), offer("y", "cpus:2.5")) == {"y": ["a", "b"]}
    assert len(queue) == 0


def test_a_group_and_a_single_task_share_an_offer() -> None:
    queue = TaskQueue()
    queue.add(task("single"))
    queue.add_group([task("a"), task("b")], EXECUTOR)
    assert placed(queue, offer("x", "cpus:3.5")) == {"x": ["single", "a", "b"]}


def test_a_constraint_holds_for_a_group() -> None:
    queue = TaskQueue()
    queue.add_group([task("a")], EXECUTOR, lambda each: each.id == "y")
    assert placed(queue, offer("x", "cpus:9")) == {}
    assert placed(queue, offer("x", "cpus:9"), offer("y", "cpus:9")) == {"y": ["a"]}


def test_a_task_that_is_taken_out_takes_its_group_along() -> None:
    queue = TaskQueue()
    queue.add_group([task("a"), task("b")], EXECUTOR)
    queue.add(task("c"))
    assert queue.remove("b") == task("b")
    assert len(queue) == 1
    assert queue.remove("a") is None
    assert placed(queue, offer("x", "cpus:9")) == {"x": ["c"]}


def test_revocable_tasks_go_to_what_is_revocable_only() -> None:
    queue = TaskQueue()
    queue.add(task("r", revocable=True))
    queue.add(task("s"))
    assert placed(queue, offer("x", "cpus:5")) == {"x": ["s"]}
    queue.add(task("s"))
    both = offer("y", "cpus:1", revocable=Resources.parse("cpus:1"))
    assert placed(queue, both) == {"y": ["r", "s"]}


def test_an_executor_is_paid_for_once() -> None:
    shared = ExecutorInfo("e", CommandInfo("run"), Resources.parse("cpus:1"))
    queue = TaskQueue()
    for name in "abc":
        queue.add(TaskInfo(name, Resources.parse("cpus:1"), executor=shared))
    assert placed(queue, offer("x", "cpus:3")) == {"x": ["a", "b"]}
    assert queue.match([offer("y", "cpus:1")]) == {}
    assert queue.match([offer("y", "cpus:1")], lambda agent, executor: executor == "e") != {}


def test_the_executor_of_a_revocable_task_takes_what_lasts() -> None:
    shared = ExecutorInfo("e", CommandInfo("run"), Resources.parse("cpus:1"))
    queue = TaskQueue()
    queue.add(TaskInfo("a", Resources.parse("cpus:2"), executor=shared, revocable=True))
    assert placed(queue, offer("x", "cpus:0.5", revocable=Resources.parse("cpus:9"))) == {}
    assert placed(queue, offer("x", "cpus:1", revocable=Resources.parse("cpus:2"))) == {"x": ["a"]}
