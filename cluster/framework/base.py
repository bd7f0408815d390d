"""Framework: the base class of schedulers."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import uuid
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from typing import Any

from actors import ActorSystem
from cluster.election import detector_for
from cluster.messages import (
    FrameworkFailure,
    FrameworkInfo,
    InverseOffer,
    Offer,
    TaskStatus,
    UpdateOperation,
)

from .driver import SchedulerDriver
from .introduction import Constraints, MinOffer, changed, this_user
from .matching import Queue
from .reconciling import Verdict
from .submitting import FrameworkEndedError, Submitting
from .tasks import TaskBook

__all__ = ["Framework", "FrameworkEndedError"]

log = logging.getLogger("ostrom.framework")

TEARDOWN_PATIENCE = 60.0
"""Seconds for which a framework that ends without a master waits for one, to end its tasks."""


class Framework(Submitting):
    """A scheduler. Subclass it and override the callbacks that matter; then `await run(master)`.

    The simple way is to `submit` tasks and await them: offers are matched, declined, suppressed and revived
    for you. The full way is to override `offers` and to `launch` and `decline` yourself; what a call of
    `offers` leaves unused is declined when it returns.

    >>> class Hello(Framework):
    ...     async def registered(self):
    ...         print((await self.submit("echo hello", cpus=0.1, mem=32)).state)
    ...         self.stop()

    Callbacks are coroutines, each a task of its own, begun in the order of what they tell. One may wait as
    long as it likes, also for what only a later callback brings. One that raises ends the framework, and
    `run` raises the same.

    `failover_timeout`: seconds that its tasks live on without it. `partition_aware`: a task whose agent cannot be
    reached is TASK_UNREACHABLE, and may come back; else it is TASK_LOST, for ever. A submitted one may be unreachable
    for `unreachable_timeout` seconds (None: for ever), then it counts as failed, and is killed should it come back.
    `task_killing`: TASK_KILLING is told. `revocable`: offers have what may be taken back. `min_offer`: an offer holds
    at least this, or one of these. `constraints`: which agents can be used, all of a group of AttributeConstraint or
    one of several groups. `hold_after`: seconds of waiting for `min_offer` until an agent is kept free for it.
    `queue`: what keeps and places submitted tasks (default: a TaskQueue). With a `seed` all that is left to chance,
    ids and delays, is repeatable. ValueError or TypeError for what cannot be.
    """

    def __init__(
        self,
        name: str = "",
        *,
        roles: Sequence[str] = ("*",),
        user: str = "",
        framework_id: str = "",
        failover_timeout: float = 0.0,
        partition_aware: bool = False,
        unreachable_timeout: float | None = None,
        task_killing: bool = False,
        revocable: bool = False,
        min_offer: MinOffer = (),
        constraints: Constraints = (),
        hold_after: float | None = None,
        principal: str = "",
        webui_url: str = "",
        labels: Mapping[str, str] | None = None,
        queue: Queue | None = None,
        seed: int | None = None,
    ) -> None:
        if unreachable_timeout is not None and not unreachable_timeout >= 0:
            raise ValueError(f"unreachable_timeout is {unreachable_timeout}, not a number of seconds from 0")
        self._info = changed(
            FrameworkInfo(
                name or type(self).__name__,
                user or this_user(),
                framework_id,
                hostname=socket.gethostname(),
                principal=principal,
            ),
            {
                "roles": roles,
                "failover_timeout": failover_timeout,
                "webui_url": webui_url,
                "labels": labels or {},
                "min_offer": min_offer,
                "constraints": constraints,
                "hold_after": hold_after,
                "partition_aware": partition_aware,
                "task_killing": task_killing,
                "revocable": revocable,
            },
        )
        self._rng = random.Random(seed)  # noqa: S311 - delays and names, no secrets
        self._prefix = uuid.uuid4().hex[:8] if seed is None else f"{self._rng.getrandbits(32):08x}"
        self._driver: SchedulerDriver | None = None
        self._held: dict[str, Offer] = {}
        self._book = TaskBook(queue, unreachable_timeout)
        self._handles = self._book.handles
        self._callbacks: set[asyncio.Task[None]] = set()
        self._executors: set[tuple[str, str]] = set()
        self._suppressed: set[str] = set()
        self._by_hand: dict[str, str] = {}
        self._ended: asyncio.Future[None] | None = None
        self._outcome: BaseException | None = None
        self._ending = False

    def stop(self, *, failover: bool = False) -> None:
        """End: `run` returns. Tasks that still run are killed, unless a successor is to take over.

        Without a master `run` first waits for one, for a minute or the failover timeout, whichever is shorter.
        """
        self._end(None, teardown=not failover)

    def fail(self, error: BaseException) -> None:
        """End with an error: `run` raises it.

        Tasks that still run are killed, unless there is a failover timeout: then they are left to a successor.
        """
        self._end(error, teardown=self.info.failover_timeout == 0)

    def _end(self, error: BaseException | None, *, teardown: bool) -> None:
        if self._ended is None or self._ended.done() or self._ending:
            return
        self._outcome = error
        self._ending = True
        if teardown and self._driver is not None and not self._driver.teardown():
            patience = min(self.info.failover_timeout, TEARDOWN_PATIENCE)
            if patience > 0:
                log.info("%s ends as soon as there is a master, or in %g s", self._info.name, patience)
                self._book.fail(FrameworkEndedError("the framework has ended"))
                self._driver.after(patience, self._end_now)
                return
        self._end_now()

    def _end_now(self) -> None:
        if self._ended is None or self._ended.done():
            return
        if self._outcome is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(self._outcome)

    # Running.

    async def run(self, master: Any, *, system: ActorSystem | None = None) -> None:
        """Be the framework until `stop`: `master` is HOST:PORT (or a UPID, or a Detector).

        Raises what a callback raised, and FrameworkRefusedError if the master refuses. To cancel it
        is to `stop`.
        """
        if self._ended is not None:
            raise FrameworkEndedError("a framework runs once")
        ended = self._ended = asyncio.get_running_loop().create_future()
        detector = master if hasattr(master, "watch") else detector_for(master)
        if system is not None:
            await self._run(system, detector, ended)
            return
        here = asyncio.ensure_future(detector.on_this_machine())
        try:
            await asyncio.wait([here, ended], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            detector.close()
            raise
        finally:
            here.cancel()
        if ended.done():
            detector.close()
            await ended
            return
        host = "127.0.0.1" if here.result() else "0.0.0.0"  # noqa: S104 - the master answers
        async with ActorSystem(host) as own:
            await self._run(own, detector, ended)

    async def _run(self, system: ActorSystem, detector: Any, ended: asyncio.Future[None]) -> None:
        self._driver = SchedulerDriver(self, self._info, detector)
        upid = system.spawn(self._driver)
        try:
            await ended
        except asyncio.CancelledError:
            self._driver.teardown()
            raise
        finally:
            for task in list(self._callbacks):
                if task is not asyncio.current_task():
                    task.cancel()
            await asyncio.gather(*self._callbacks, return_exceptions=True)
            self._book.fail(FrameworkEndedError("the framework has ended"))
            system.terminate(upid, drain=True)
            await system.wait(upid)

    def _callback(self, coroutine: Coroutine[Any, Any, None]) -> None:
        if self._ending:
            coroutine.close()
            return
        task = asyncio.get_running_loop().create_task(coroutine)
        self._callbacks.add(task)
        task.add_done_callback(self._called)

    def _called(self, task: asyncio.Task[None]) -> None:
        self._callbacks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a callback of %s raised, the framework ends", self._info.name, exc_info=error)
            self.fail(error)

    async def offers(self, offers: Sequence[Offer]) -> None:
        """Resources are offered. By default tasks that were submitted are matched to them."""
        self._place(offers)

    # From the driver.

    def randomness(self) -> random.Random:
        """Where delays come from."""
        return self._rng

    def suppressed_roles(self) -> tuple[str, ...]:
        """The roles that want no offers."""
        return tuple(sorted(self._suppressed))

    def launched_tasks(self) -> Iterator[tuple[str, str]]:
        """The tasks that were launched and have not ended, each with its agent."""
        yield from self._book.launched()
        yield from self._by_hand.items()

    def next_deadline(self) -> float | None:
        """When to call `on_time`."""
        return self._book.next_deadline()

    def on_time(self, now: float) -> None:
        """That time has come: tasks that were unreachable for too long are given up."""
        for task_id in self._book.overdue(now):
            self.kill(task_id)

    def on_subscribed(self, again: bool) -> None:
        """A master has taken the framework."""
        self._callback(self.reregistered() if again else self.registered())
        launched = dict(self.launched_tasks())
        if launched and self._driver is not None:
            self._driver.reconcile(launched)

    def on_disconnected(self) -> None:
        """There is no master: all offers are void."""
        self._held.clear()
        # An executor may end meanwhile, and nobody hear of it.
        self._executors.clear()
        self._callback(self.disconnected())

    def on_refused(self, error: BaseException) -> None:
        """The master will not have the framework: there is nothing to tear down."""
        self._end(error, teardown=False)
        self._end_now()

    def on_torn_down(self) -> None:
        """The master has been told that the framework has ended."""
        self._end_now()

    def on_offers(self, offers: Sequence[Offer]) -> None:
        """Offers came."""
        for offer in offers:
            self._held[offer.id] = offer
        self._callback(self._offers(offers))

    async def _offers(self, offers: Sequence[Offer]) -> None:
        await self.offers(offers)
        unused = [offer for offer in offers if offer.id in self._held]
        self.decline(*unused)

    def on_rescinded(self, offer_id: str) -> None:
        """An offer is void."""
        self._held.pop(offer_id, None)
        self._callback(self.rescinded(offer_id))

    def on_inverse_offers(self, inverse_offers: Sequence[InverseOffer]) -> None:
        """Machines are planned to be down."""
        self._callback(self.inverse_offers(inverse_offers))

    def on_inverse_rescinded(self, inverse_offer_id: str) -> None:
        """A plan was dropped."""
        self._callback(self.inverse_rescinded(inverse_offer_id))

    def on_operation(self, update: UpdateOperation) -> None:
        """What became of an operation."""
        self._callback(self.operation(update))

    def on_status(self, status: TaskStatus) -> None:
        """A task has a new state. What only concerns the library is not told."""
        if self._note_status(status) is Verdict.FOLLOW:
            self._callback(self.status(status))

    def on_status_again(self, status: TaskStatus) -> None:
        """A status that was told, and not acknowledged."""
        self._callback(self.status(status))

    def on_message(self, agent_id: str, executor_id: str, data: bytes) -> None:
        """An executor has sent something."""
        self._callback(self.message(agent_id, executor_id, data))

    def on_failure(self, message: FrameworkFailure) -> None:
        """An agent or an executor is gone."""
        if message.executor_id:
            self._executors.discard((message.agent_id, message.executor_id))
            self._callback(self.executor_lost(message.agent_id, message.executor_id, message.message))
        else:
            self._executors = {key for key in self._executors if key[0] != message.agent_id}
            self._callback(self.agent_lost(message.agent_id, message.message))
            # A master that never saw the agent cannot tell what became of each of its tasks, unless it is asked.
            for task_id, agent_id in self.launched_tasks():
                if agent_id == message.agent_id and self._driver is not None:
                    self._driver.ask_again(task_id, agent_id)
