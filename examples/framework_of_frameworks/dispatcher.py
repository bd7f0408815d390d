"""The dispatcher: a framework whose tasks are engines, each a framework of its own."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

import aiohttp
import msgspec

from actors import RefusedError
from cluster import ExecutorInfo, Framework, Offer, Resources, TaskInfo, TaskStatus, python_command

from . import rules
from .rules import Entry, Request, State
from .store import Store

__all__ = ["Dispatcher"]

log = logging.getLogger("examples.dispatcher")

PROCESS = Resources.of(cpus=0.1, mem=64)
TASK = Resources.of(cpus=0.1, mem=32)
FAILOVER_TIMEOUT = 86400.0
LOOK_AGAIN = 10.0
"""Seconds after which the master is asked once more what became of engines, and to end what is left of them."""


class Dispatcher(Framework):
    """Launches an engine for each request, at most `at_once`, and owns their life. `master` is HOST:PORT.

    What is decided is saved before it is done, and what is heard before it is acknowledged: whoever takes over
    with the same store goes on where this one was.
    """

    explicit_acknowledgements = True

    def __init__(self, store: Store, master: str, at_once: int = 4) -> None:
        known, timeout = store.framework_id, FAILOVER_TIMEOUT
        super().__init__("dispatcher", roles=("dispatcher",), framework_id=known, failover_timeout=timeout)
        self._store = store
        self._master = master
        self._at_once = at_once
        self._changed = asyncio.Event()

    def entries(self) -> list[Entry]:
        """Every request, oldest first."""
        return list(self._store.entries.values())

    def request(self, request: Request) -> Entry:
        """Take a request. RefusedError if the id is that of another one."""
        entry = self._store.entries.get(request.id, Entry(request))
        if entry.request != request:
            raise RefusedError(f"request.id: {request.id!r} is the id of another request")
        self._save(entry)
        return entry

    def cancel(self, request_id: str) -> Entry:
        """End a request and all that runs for it. RefusedError if there is none."""
        if request_id not in self._store.entries:
            raise RefusedError(f"id: there is no request {request_id[:100]!r}")
        entry = rules.cancelled(self._store.entries[request_id])
        self._save(entry)
        if entry.state is State.CANCELLING:
            # An engine that is told to end ends its framework; one that does not is killed by the agent.
            self.shutdown_executor(entry.agent_id, entry.task_id)
        return entry

    async def registered(self) -> None:
        """Take over what runs; then, for ever, see to what is left of engines and to what waits."""
        self._store.name(self.id)
        async with aiohttp.ClientSession() as http:
            while True:
                if running := [entry.task_id for entry in self.entries() if entry.state.running]:
                    self.reconcile(*running)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_AGAIN):
                        await self._look_after(http)

    async def _look_after(self, http: aiohttp.ClientSession) -> None:
        while True:
            self._changed.clear()
            for entry in self.entries():
                if entry.engine and not entry.state.running:
                    await self._end_engine(http, entry)
            if rules.launchable(self.entries(), self._at_once):
                self.revive()
            await self._changed.wait()

    async def _end_engine(self, http: aiohttp.ClientSession, entry: Entry) -> None:
        """End what an engine may have left: its framework, and with that its tasks.

        Only then is it tried again: from now on the master refuses that engine, should it still run somewhere.
        """
        try:
            query = {"framework": entry.engine}
            async with http.post(f"http://{self._master}/ostrom/teardown", params=query) as response:
                # 404: it has ended its framework itself, or had not begun.
                if response.status != 404:
                    response.raise_for_status()
        except aiohttp.ClientError as error:
            log.warning("%s is not ended yet: %s", entry.engine, error)
        else:
            # As it is now: it may have been cancelled meanwhile.
            self._save(msgspec.structs.replace(self._store.entries[entry.request.id], engine=""))

    async def offers(self, offers: Sequence[Offer]) -> None:
        """Launch what waits."""
        for offer in offers:
            left, tasks = offer.resources, []
            for entry in rules.launchable(self.entries(), self._at_once):
                if not left.contains(PROCESS + TASK):
                    break
                left -= PROCESS + TASK
                entry = rules.launched(entry, self.id, offer.agent_id)
                self._save(entry)
                command = python_command(f"{__package__}.engine", environment={"OSTROM_MASTER": self._master})
                executor = ExecutorInfo(entry.task_id, command, PROCESS)
                tasks.append(
                    TaskInfo(entry.task_id, TASK, executor=executor, data=msgspec.json.encode(entry))
                )
            if tasks:
                self.launch(offer, tasks)
        if not rules.launchable(self.entries(), self._at_once):
            self.suppress()

    async def status(self, status: TaskStatus) -> None:
        """What became of an engine; one that is not wanted, or not any more, is ended."""
        entry = self._store.entries.get(status.task_id.rpartition(".")[0])
        if entry is not None and entry.state.running and entry.task_id == status.task_id:
            entry = rules.told(entry, status)
            self._save(entry)
        if entry is None or entry.task_id != status.task_id or entry.state is not State.RUNNING:
            # Also when its task is over: its process would wait for another.
            self.shutdown_executor(status.agent_id, status.task_id)
        self.acknowledge(status)

    def _save(self, entry: Entry) -> None:
        if entry != self._store.entries.get(entry.request.id):
            self._store.save(entry)
            log.info("%s: %s", entry.task_id, entry.state)
            self._changed.set()
