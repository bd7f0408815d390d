"""Frameworks of every temper, all on the library; where that is too polite, its driver is made rude."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from actors import UPID, Message
from cluster.election import Detector
from cluster.framework import Framework, FrameworkEndedError, SchedulerDriver, TaskHandle
from cluster.framework.reconciling import Verdict
from cluster.messages import (
    Accept,
    Capability,
    CommandInfo,
    ExecutorInfo,
    FrameworkInfo,
    KillPolicy,
    Launch,
    LaunchGroup,
    Offer,
    Reconcile,
    Reserve,
    TaskInfo,
    TaskState,
    TaskStatus,
    Unreserve,
)
from cluster.resources import Resources

from .machine import task_text

if TYPE_CHECKING:
    from .checker import Checker
    from .plan import FrameworkPlan

__all__ = ["TEMPER_CLASSES", "Client", "Driver", "make_driver"]

FOREVER = 1e7
EXECUTOR = Resources.of(cpus=0.1, mem=32)


class Driver(SchedulerDriver):
    """The library's driver; what it is told to launch is first on the framework's disk."""

    framework: Client

    def call(self, message: Message) -> bool:
        if isinstance(message, Accept):
            for operation in message.operations:
                for task in operation.tasks if isinstance(operation, Launch | LaunchGroup) else ():
                    self.framework.write_down(task)
        return super().call(message)


class DuplicatingDriver(Driver):
    """Says everything twice, sometimes the second time a while later."""

    def send(self, to: UPID, message: Message) -> None:
        super().send(to, message)
        if self.framework.rng.random() < 0.7:
            super().send(to, message)
        else:
            self.after(self.framework.rng.uniform(0, 3), super().send, to, message)


def make_driver(framework: Client, info: FrameworkInfo, detector: Detector) -> SchedulerDriver:
    """What the library's constructor is replaced by: the temper's own, and a seed."""
    return framework.driver_class(framework, info, detector, seed=framework.rng.getrandbits(32))


class Client(Framework):
    """What they have in common: a disk, tasks that they remember, an end.

    `disk` has `id`, and `open`: the tasks asked for whose end is not known. After a crash the next of its kind
    subscribes with the id, and asks after them.
    """

    driver_class: type[Driver] = Driver
    uses_queue = False
    """Whether tasks are submitted, and the library sees to them."""

    def __init__(self, plan: FrameworkPlan, disk: dict[str, Any], rng: Random, checker: Checker) -> None:
        super().__init__(
            plan.name,
            roles=plan.roles,
            user="user",
            framework_id=disk.get("id", ""),
            failover_timeout=plan.failover_timeout,
        )
        disk["lives"] = disk.get("lives", 0) + 1
        self._prefix = str(disk["lives"])
        self._made = 0
        able = (
            (plan.partition_aware, Capability.PARTITION_AWARE),
            (plan.killing_state, Capability.TASK_KILLING_STATE),
            (plan.temper == "revocable", Capability.REVOCABLE_RESOURCES),
        )
        self._info = FrameworkInfo(
            plan.name,
            "user",
            disk.get("id", ""),
            plan.roles,
            plan.failover_timeout,
            "host",
            principal=plan.principal,
            capabilities=tuple(capability for can, capability in able if can),
        )
        self.plan = plan
        self.disk = disk
        self.rng = rng
        self.checker = checker
        self.draining = False
        self.open: dict[str, TaskInfo] = disk.setdefault("open", {})
        self.where: dict[str, str] = disk.setdefault("where", {})

    # The disk, and the checker.

    def write_down(self, task: TaskInfo) -> None:
        """Before a task is asked for."""
        self.open[task.task_id] = task
        self.disk["asked"] = self.disk.get("asked", 0) + 1
        self.checker.asked(self.id, task)

    def _note_status(self, status: TaskStatus) -> Verdict:
        verdict = super()._note_status(status)
        # What the library keeps to itself, answers from before a launch say, nobody was told.
        if verdict is Verdict.NEVER_LAUNCHED and status.state is not TaskState.DROPPED:
            self.checker.taken_for_unlaunched(self.id, status)
        elif verdict in (Verdict.FOLLOW, Verdict.NEVER_LAUNCHED):
            self.checker.told(self.id, status, self)
            if status.state.terminal or status.state is TaskState.UNKNOWN:
                # Of what nobody knows nothing more can be heard.
                self.open.pop(status.task_id, None)
        return verdict

    def submit(self, *arguments: Any, **named: Any) -> TaskHandle:
        """One that is killed before it was ever launched ends in its handle alone: no master has told of it."""
        handle = super().submit(*arguments, **named)
        self._callback(self._heed_end(handle))
        return handle

    async def _heed_end(self, handle: TaskHandle) -> None:
        with contextlib.suppress(FrameworkEndedError):
            status = await handle
            if status.uuid or "killed" not in status.message:
                return
            self.open.pop(handle.task_id, None)

    def on_subscribed(self, again: bool) -> None:
        self.disk["id"] = self.id
        super().on_subscribed(again)

    @property
    def wanted(self) -> int:
        """How many tasks it would still ask for now: in all its lives so many, a few at a time."""
        asked = self.disk.get("asked", 0)
        by_now = 3 + int(3 * self.checker.now() / self.plan.pace)
        return 0 if self.draining else min(self.plan.tasks, by_now) - asked

    async def registered(self) -> None:
        """First of all: what became of what an earlier life asked for."""
        self.ask_after(self.open)
        self._callback(self._ask_again())
        await self.work()

    async def _ask_again(self) -> None:
        """As Mesos advises: a master may not know yet, or know no more than that an agent is unreachable."""
        while True:
            await asyncio.sleep(60)
            self.ask_after(task_id for task_id in self.open if task_id not in self._handles)

    async def reregistered(self) -> None:
        """The library asks after what was submitted; the rest is ours."""
        self.ask_after(task_id for task_id in self.open if task_id not in self._handles)

    async def agent_lost(self, agent_id: str, text: str) -> None:
        """What ran there is not told one by one by a master that never knew of it."""
        mine = [
            task_id for task_id, where in self.where.items() if where == agent_id and task_id in self.open
        ]
        self.ask_after(task_id for task_id in mine if task_id not in self._handles)

    def ask_after(self, task_ids: Iterable[str]) -> None:
        """Reconcile by hand, and say where the tasks were."""
        ids = tuple(task_ids)
        if ids:
            self._call(Reconcile(self.id, ids, {id_: self.where[id_] for id_ in ids if id_ in self.where}))

    def launch(self, offers: Any, tasks: Iterable[TaskInfo], **named: Any) -> None:
        """Remember where."""
        tasks = tuple(tasks)
        first = offers if isinstance(offers, Offer) else offers[0]
        self.where.update((task.task_id, first.agent_id) for task in tasks)
        super().launch(offers, tasks, **named)

    async def work(self) -> None:
        """What it does beside answering offers."""

    async def drain(self) -> None:
        """Ask for nothing more, and end what would not end by itself; as often as it takes."""
        self.draining = True
        if not self.uses_queue:
            self.suppress()
        while True:
            for task_id, task in list(self.open.items()):
                if self.must_be_ended(task):
                    self.kill(task_id)
            await asyncio.sleep(10)

    def must_be_ended(self, task: TaskInfo) -> bool:
        """Whether only a kill ends it."""
        return "forever" in task.labels

    @property
    def unheard(self) -> list[str]:
        """Tasks whose end it has not been told."""
        return list(self.open)

    # Tasks.

    def make_task(self, offer: Offer | None = None, **fields: Any) -> TaskInfo:
        """A task of random size and length."""
        self._made += 1
        rng = self.rng
        forever = rng.random() < 0.15
        seconds = (
            FOREVER if forever else rng.choice((rng.uniform(0, 1), rng.uniform(1, 10), rng.uniform(10, 60)))
        )
        status = rng.choice((0, 0, 0, 1))
        text = task_text(round(seconds, 3), status, stubborn=rng.random() < 0.2)
        fields.setdefault("command", CommandInfo(text) if "executor" not in fields else None)
        if "executor" in fields:
            fields["data"] = text.encode()
        fields.setdefault(
            "resources", Resources.of(cpus=rng.choice((0.1, 0.5, 1.0, 1.5)), mem=rng.choice((32, 128, 256)))
        )
        return TaskInfo(
            f"{self.plan.name}-{self._prefix}-{self._made}",
            name="t",
            kill_policy=KillPolicy(rng.choice((0.0, 1.0, 3.0))),
            labels={"forever": "1"} if forever else {},
            **fields,
        )


class Polite(Client):
    """Submits tasks in batches, and lets the library do the rest."""

    uses_queue = True

    async def work(self) -> None:
        while not self.draining:
            for _ in range(min(self.rng.randint(1, 5), self.wanted - self.waiting)):
                self.submit(self.make_task())
            await asyncio.sleep(self.rng.uniform(0, 2 * self.plan.pace))


class Killing(Polite):
    """Polite, but changes its mind, twice at times, and asks what became of it."""

    async def work(self) -> None:
        work = asyncio.ensure_future(super().work())
        try:
            while not self.draining:
                await asyncio.sleep(self.rng.expovariate(1 / self.plan.pace))
                tasks = list(self._handles) or list(self.open)
                for _ in range(self.rng.randint(0, 2) if tasks else 0):
                    task_id = self.rng.choice(tasks)
                    if task_id in self._handles or task_id in self.open:
                        self.kill(task_id, self.rng.choice((None, 0.0, 5.0)))
                if self.rng.random() < 0.3:
                    self.reconcile(*(tasks if self.rng.random() < 0.5 else ()))
        finally:
            work.cancel()


class Executing(Polite):
    """Polite, with executors of its own."""

    def make_task(self, offer: Offer | None = None, **fields: Any) -> TaskInfo:
        if self.rng.random() < 0.8:
            number = self.rng.randint(1, 2)
            fields["executor"] = ExecutorInfo(
                f"x{number}", CommandInfo("run"), Resources.of(cpus=0.1, mem=32)
            )
        return super().make_task(offer, **fields)


class Greedy(Client):
    """Takes all it is offered, as long as it wants tasks at all."""

    async def offers(self, offers: Sequence[Offer]) -> None:
        for offer in offers:
            tasks, left = [], offer.resources
            while len(tasks) < self.wanted:
                task = self.make_task()
                if not left.contains(task.resources):
                    break
                left -= task.resources
                tasks.append(task)
            if tasks:
                self.launch(offer, tasks, refuse_seconds=self.rng.choice((None, 0.0)))


class Slow(Greedy):
    """Answers late, sometimes too late."""

    async def offers(self, offers: Sequence[Offer]) -> None:
        await asyncio.sleep(self.rng.choice((self.rng.uniform(0, 3), self.rng.uniform(3, 40))))
        await super().offers(offers)


class Forgetful(Greedy):
    """Acknowledges late, or only the second time."""

    explicit_acknowledgements = True

    async def status(self, status: TaskStatus) -> None:
        if self.rng.random() < 0.5:
            await asyncio.sleep(self.rng.expovariate(0.2))
        self.acknowledge(status)


class Grouping(Greedy):
    """Launches groups; of a group that loses a member nothing may be left."""

    async def offers(self, offers: Sequence[Offer]) -> None:
        for offer in offers:
            number = min(self.rng.randint(1, 3), self.wanted)
            tasks = [self.make_task() for _ in range(number)]
            needed = sum((task.resources for task in tasks), EXECUTOR)
            if not tasks or not offer.resources.contains(needed):
                continue
            self.disk["groups"] = self.disk.get("groups", 0) + 1
            executor = ExecutorInfo(f"g{self.disk['groups']}", resources=EXECUTOR)
            self.where.update((task.task_id, offer.agent_id) for task in tasks)
            self._held.pop(offer.id, None)
            self._call(Accept(self.id, (offer.id,), (LaunchGroup(executor, tuple(tasks)),)))


class Silent(Client):
    """Never answers, until it wants nothing more at all."""

    async def offers(self, offers: Sequence[Offer]) -> None:
        if not self.draining:
            self.hold(*offers)


class Declining(Client):
    """Wants nothing, and says so, each time with another patience; suppresses and revives for no reason."""

    async def offers(self, offers: Sequence[Offer]) -> None:
        for offer in offers:
            self.decline(offer, refuse_seconds=self.rng.choice((None, 0.0, 0.5, 60.0, -1.0)))

    async def work(self) -> None:
        while not self.draining:
            await asyncio.sleep(self.rng.expovariate(1 / self.plan.pace))
            self.rng.choice((self.suppress, self.revive))(*self.rng.choice(((), self.plan.roles[:1])))


class Duplicating(Greedy):
    """Says everything twice."""

    driver_class = DuplicatingDriver


class Overreaching(Greedy):
    """Asks for what it was not offered, for what cannot be, for the same twice, on offers that it no longer has."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._old: list[Offer] = []

    async def offers(self, offers: Sequence[Offer]) -> None:
        self._old = [*self._old, *offers][-20:]
        for offer in offers:
            if self.wanted <= 0:
                return
            choice = self.rng.randint(0, 6)
            task = self.make_task()
            if choice == 0:
                much = offer.resources + Resources.of(cpus=0.001)
                self.launch(offer, [self.make_task(resources=much), task])
            elif choice == 1:
                self.launch(
                    offer,
                    [self.make_task(resources=Resources()), self.make_task(command=CommandInfo("")), task],
                )
            elif choice == 2:
                self.launch(self.rng.choice(self._old), [task])
            elif choice == 3:
                self.launch([offer, offer], [task])
            elif choice == 4:
                self.launch([offer, self.rng.choice(self._old)], [task])
            elif choice == 5:
                self.launch(offer, [self.make_task(resources=Resources.of(gpus=1)), task])
            else:
                await super().offers([offer])


class Reserving(Greedy):
    """Reserves some of what it is offered, for its role or one near it, uses it, and lets it go again."""

    async def offers(self, offers: Sequence[Offer]) -> None:
        for offer in offers:
            choice = self.rng.randint(0, 3)
            if choice == 0 or self.wanted <= 0:
                await super().offers([offer])
                continue
            some = Resources.of(cpus=self.rng.choice((0.5, 1.0)), mem=64)
            own = self.rng.choice((offer.role, offer.role, f"{offer.role}/below", "eng"))
            reserve = Reserve(some, own, "reserve" if self.rng.random() < 0.5 else "")
            unreserve = Unreserve(some, own, "unreserve" if self.rng.random() < 0.5 else "")
            task = self.make_task(resources=some)
            launch = Launch((task,))
            self.where[task.task_id] = offer.agent_id
            self.accept(
                offer,
                self.rng.choice(
                    (
                        (reserve, launch),
                        (launch, reserve),
                        (reserve, launch, unreserve),
                        (unreserve, launch),
                    )
                ),
                refuse_seconds=self.rng.choice((None, 0.0)),
            )


class Updating(Greedy):
    """Changes its roles, and how much it must be offered."""

    async def work(self) -> None:
        while not self.draining:
            await asyncio.sleep(self.rng.expovariate(1 / self.plan.pace))
            roles = self.rng.choice((("*",), ("eng", "ops"), ("ops",), self.plan.roles))
            least = self.rng.choice(((), (), "cpus:1", ["cpus:4", "mem:1024"]))
            self.update(roles=roles, min_offer=least)


class Revocable(Polite):
    """Runs some of its tasks on what may be taken back."""

    def make_task(self, offer: Offer | None = None, **fields: Any) -> TaskInfo:
        if self.rng.random() < 0.5:
            fields["revocable"] = True
            fields["resources"] = Resources.of(cpus=self.rng.choice((0.1, 1.0)))
        return super().make_task(offer, **fields)


TEMPER_CLASSES: dict[str, type[Client]] = {
    "polite": Polite,
    "greedy": Greedy,
    "grouping": Grouping,
    "slow": Slow,
    "silent": Silent,
    "declining": Declining,
    "duplicating": Duplicating,
    "overreaching": Overreaching,
    "killing": Killing,
    "executing": Executing,
    "forgetful": Forgetful,
    "reserving": Reserving,
    "updating": Updating,
    "revocable": Revocable,
}
