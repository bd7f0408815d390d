"""What a framework can say to a master, and what it is told, message by message."""

from __future__ import annotations

import pytest

from actors import Message
from cluster.framework import Framework
from cluster.messages import (
    Accept,
    AcceptInverseOffers,
    AttributeConstraint,
    Capability,
    CommandInfo,
    Decline,
    DeclineInverseOffers,
    ExecutorInfo,
    FrameworkInfo,
    InverseOffer,
    InverseOffers,
    Launch,
    LaunchGroup,
    OperationState,
    Rescind,
    RescindInverseOffer,
    Reserve,
    Revive,
    Subscribe,
    Suppress,
    TaskInfo,
    Unavailability,
    Unreserve,
    UpdateFramework,
    UpdateOperation,
)
from cluster.resources import Resources
from tests.cluster.framework.stage import ID, Holding, Recorder, Stage

ONE = Resources.parse("cpus:1;mem:128")


def command(task_id: str) -> TaskInfo:
    return TaskInfo(task_id, ONE, command=CommandInfo("true"))


@pytest.mark.asyncio
async def test_all_that_a_framework_says_of_itself_is_in_its_subscription(stage: Stage) -> None:
    ssd = AttributeConstraint("disk", "equals", "ssd")
    await stage.start(
        Recorder(
            "all",
            roles=("a", "b"),
            user="me",
            failover_timeout=60,
            partition_aware=True,
            task_killing=True,
            revocable=True,
            min_offer="cpus:1",
            constraints=[ssd],
            hold_after=30,
            principal="p",
            webui_url="http://x/",
            labels={"k": "v"},
        )
    )
    (subscribe,) = stage.master.take(Subscribe)
    assert subscribe.framework == FrameworkInfo(
        "all",
        "me",
        "",
        ("a", "b"),
        60.0,
        subscribe.framework.hostname,
        "p",
        "http://x/",
        {"k": "v"},
        tuple(sorted(Capability)),
        (Resources.parse("cpus:1"),),
        ((ssd,),),
        30.0,
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"roles": ()}, "roles is empty"),
        ({"failover_timeout": -1}, "failover_timeout is -1"),
        ({"failover_timeout": float("nan")}, "failover_timeout is nan"),
        ({"hold_after": float("inf")}, "hold_after is inf"),
        ({"min_offer": ["cpus:1", ""]}, "min_offer has an alternative without resources"),
        ({"unreachable_timeout": -1}, "unreachable_timeout is -1"),
    ],
)
def test_what_cannot_be_is_refused_by_name(options: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Framework("bad", **options)


def test_a_single_role_as_a_text_is_refused() -> None:
    with pytest.raises(TypeError, match="roles is the text 'eng'"):
        Framework("bad", roles="eng")


@pytest.mark.asyncio
async def test_operations_are_accepted_in_order(stage: Stage) -> None:
    framework = await stage.start(Holding(roles=("eng",)))
    await stage.offers(stage.offer(role="eng"))
    (offer,) = framework.offered
    operations = (Reserve(ONE, "eng", "r"), Launch((command("a"),)), Unreserve(ONE, "eng"))
    framework.accept(offer, operations, refuse_seconds=0)
    await stage.settle()
    (accept,) = stage.master.take(Accept)
    assert (accept.framework_id, accept.offer_ids) == (ID, (offer.id,))
    assert accept.operations == operations
    assert accept.filters.refuse_seconds == 0
    told = UpdateOperation("r", OperationState.FINISHED)
    await stage.tell(told)
    assert framework.take("operation") == [told]


@pytest.mark.asyncio
async def test_reserve_and_unreserve_name_their_operation(stage: Stage) -> None:
    framework = await stage.start(Holding())
    await stage.offers(stage.offer(role="eng"), stage.offer(role="eng"))
    one, two = framework.offered
    reserved = framework.reserve(one, "cpus:1")
    unreserved = framework.unreserve(two, ONE, "eng/dev")
    await stage.settle()
    assert [accept.operations for accept in stage.master.take(Accept)] == [
        (Reserve(Resources.parse("cpus:1"), "eng", reserved),),
        (Unreserve(ONE, "eng/dev", unreserved),),
    ]
    assert reserved != unreserved


@pytest.mark.asyncio
async def test_a_group_is_launched_with_an_executor_of_its_own(stage: Stage) -> None:
    framework = await stage.start(Holding())
    await stage.offers(stage.offer(), stage.offer())
    framework.launch_group(framework.offered[0], [command("a"), command("b")])
    mine = ExecutorInfo("mine", resources=ONE)
    framework.launch_group(framework.offered[1], [command("c")], mine)
    await stage.settle()
    first, second = (operation for accept in stage.master.take(Accept) for operation in accept.operations)
    assert isinstance(first, LaunchGroup)
    assert first.executor.command is None
    assert [task.task_id for task in first.tasks] == ["a", "b"]
    assert second == LaunchGroup(mine, (command("c"),))


@pytest.mark.asyncio
async def test_inverse_offers_are_told_and_answered(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    offers = tuple(InverseOffer(f"I{n}", ID, f"A{n}", Unavailability(5.0, 60.0)) for n in range(2))
    await stage.tell(InverseOffers(offers))
    assert framework.take("inverse_offers") == [offers]
    framework.accept_inverse(offers[0])
    framework.decline_inverse(offers[1])
    await stage.settle()
    assert stage.master.take(AcceptInverseOffers) == [AcceptInverseOffers(ID, ("I0",))]
    assert stage.master.take(DeclineInverseOffers) == [DeclineInverseOffers(ID, ("I1",))]
    await stage.tell(RescindInverseOffer("I1"))
    assert framework.take("inverse_rescinded") == ["I1"]


@pytest.mark.asyncio
async def test_an_update_changes_what_is_named_and_nothing_else(stage: Stage) -> None:
    framework = await stage.start(Recorder(roles=("a",), partition_aware=True, failover_timeout=9))
    framework.update(roles=("a", "b"), min_offer="cpus:2", task_killing=True)
    await stage.settle()
    (update,) = stage.master.take(UpdateFramework)
    assert update.framework == framework.info
    assert update.framework.id == ID
    assert update.framework.roles == ("a", "b")
    assert update.framework.failover_timeout == 9
    assert update.framework.capabilities == (Capability.PARTITION_AWARE, Capability.TASK_KILLING_STATE)
    framework.update(partition_aware=False)
    await stage.settle()
    (update,) = stage.master.take(UpdateFramework)
    assert update.framework.capabilities == (Capability.TASK_KILLING_STATE,)
    assert update.framework.min_offer == (Resources.parse("cpus:2"),)


@pytest.mark.asyncio
async def test_an_idle_framework_is_idle_in_new_roles_too(stage: Stage) -> None:
    framework = await stage.start(Recorder(roles=("a",)))
    framework.suppress()
    framework.update(roles=("b", "c"))
    await stage.settle()
    (update,) = stage.master.take(UpdateFramework)
    assert update.suppressed_roles == ("b", "c")


def test_an_update_of_what_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="a framework has no 'user'"):
        Framework("f").update(user="root")  # type: ignore[call-arg]


@pytest.mark.asyncio
async def test_what_is_not_used_is_declined_and_idle_frameworks_are_suppressed(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    handle = framework.submit(command("a"))
    await stage.settle()
    await stage.offers(stage.offer("cpus:0.5"), stage.offer())
    assert [task.task_id for task in stage.launched()] == ["a"]
    assert [decline.offer_ids for decline in stage.master.take(Decline)] == [("O1",)]
    assert stage.master.take(Suppress) == [Suppress(ID)]
    assert handle.agent_id == "A1"
    framework.submit(command("b"))
    await stage.settle()
    assert stage.master.take(Revive) == [Revive(ID)]


@pytest.mark.asyncio
async def test_a_rescinded_offer_is_not_used(stage: Stage) -> None:
    framework = await stage.start(Recorder())
    await stage.tell(Rescind("O9"))
    assert framework.take("rescinded") == ["O9"]


@pytest.mark.asyncio
async def test_a_queue_of_ones_own_places_the_tasks(stage: Stage) -> None:
    class Rising:
        """One task for each offer, the smallest id first; what it takes beside a task comes from hints."""

        def __init__(self) -> None:
            self.tasks: dict[str, tuple[TaskInfo, int]] = {}
            self.times: list[float] = []

        def __len__(self) -> int:
            return len(self.tasks)

        def add(self, task: TaskInfo, constraint: object = None, *, rank: int = 0) -> None:
            self.tasks[task.task_id] = task, rank

        def remove(self, task_id: str) -> TaskInfo | None:
            return self.tasks.pop(task_id, (None,))[0]

        def match(self, offers, *, now, runs_there):
            self.times.append(now)
            ranked = sorted(self.tasks, key=lambda each: self.tasks[each][1])
            return {
                offer.id: [self.tasks.pop(task_id)[0]] for offer, task_id in zip(offers, ranked, strict=False)
            }

        def refuse_seconds(self, now: float) -> float | None:
            return 2.5

    queue = Rising()
    framework = await stage.start(Recorder(queue=queue))
    for number, name in enumerate("abc"):
        framework.submit(command(name), hints={"rank": -number})
    with pytest.raises(ValueError, match="Rising cannot queue groups"):
        framework.submit_group([command("x")])
    await stage.offers(stage.offer(), stage.offer())
    accepts: list[Message] = stage.master.take(Accept)
    assert [accept.operations[0].tasks[0].task_id for accept in accepts] == ["c", "b"]
    assert {accept.filters.refuse_seconds for accept in accepts} == {2.5}
    assert queue.times == [stage.clock.monotonic()]
    assert framework.waiting == 1
