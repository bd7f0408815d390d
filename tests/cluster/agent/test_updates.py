"""Status updates: in order for each task, again until acknowledged."""

from __future__ import annotations

from cluster.agent.updates import StatusUpdates
from cluster.messages import TaskState, TaskStatus


def status(uuid: str, state: TaskState = TaskState.RUNNING, task_id: str = "t") -> TaskStatus:
    return TaskStatus(task_id, state, uuid=uuid)


def test_one_update_of_a_task_is_under_way_at_a_time() -> None:
    updates = StatusUpdates()
    first = updates.add("F", status("1"), 0.0)
    assert first is not None
    assert updates.add("F", status("2", TaskState.FINISHED), 0.0) is None
    assert updates.add("F", status("3", task_id="other"), 0.0) is not None
    assert updates.acknowledge("F", "t", "nonsense", 0.0) is None
    assert updates.acknowledge("F", "t", "2", 0.0) is None
    following = updates.acknowledge("F", "t", "1", 0.0)
    assert following is not None
    assert following.status.uuid == "2"
    assert updates.acknowledge("F", "t", "2", 0.0) is None
    assert not updates.pending("F", "t")
    assert updates.pending("F", "other")


def test_retries_double_from_ten_seconds_to_ten_minutes() -> None:
    updates = StatusUpdates()
    updates.add("F", status("1"), 0.0)
    due = []
    for _ in range(9):
        moment = updates.next_due()
        assert moment is not None
        assert updates.due(moment - 0.001) == []
        assert [update.status.uuid for update in updates.due(moment)] == ["1"]
        due.append(moment)
    gaps = [later - earlier for earlier, later in zip([0.0, *due], due, strict=False)]
    assert gaps == [10, 20, 40, 80, 160, 320, 600, 600, 600]


def test_a_new_master_is_sent_the_first_of_each_task() -> None:
    updates = StatusUpdates()
    for number in ("1", "2"):
        updates.add("F", status(number), 0.0)
    updates.add("G", status("3"), 0.0)
    assert [update.status.uuid for update in updates.resend(5.0)] == ["1", "3"]
    assert updates.next_due() == 15.0


def test_what_an_earlier_life_had_is_sent_again_in_order() -> None:
    updates = StatusUpdates()
    updates.add("F", status("1"), 0.0)
    updates.add("F", status("2"), 0.0)
    later = StatusUpdates()
    later.restore("F", "t", updates.stream("F", "t"))
    assert later.tasks() == [("F", "t")]
    assert later.seen("F", "t", "2")
    assert not later.seen("F", "t", "3")
    assert [update.status.uuid for update in later.resend(5.0)] == ["1"]
    following = later.acknowledge("F", "t", "1", 5.0)
    assert following is not None
    assert following.status.uuid == "2"
