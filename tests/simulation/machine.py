"""A simulated machine: what runs there lives in the machine, not in the agent's process."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Callable, Mapping
from random import Random
from typing import TYPE_CHECKING, Any

from actors import UPID
from actors.simulation import Simulation
from cluster.executor import Executor, ExecutorDriver
from cluster.messages import TaskInfo
from isolation import ContainerSpec, Exit, LaunchError

if TYPE_CHECKING:
    from .checker import Checker

__all__ = ["MachineContainerizer", "SimulatedMachine", "task_text"]

KILLED = Exit(code=None, signal=int(signal.SIGKILL), destroyed=True)
_SECONDS = re.compile(r"sleep ([0-9.]+)")
_STATUS = re.compile(r"exit ([0-9]+)")


def task_text(seconds: float, status: int = 0, *, stubborn: bool = False) -> str:
    """The command of a task that takes so long, ends so, and (`stubborn`) does not heed SIGTERM."""
    return f"{'trap true TERM; ' if stubborn else ''}sleep {seconds:g}; exit {status}"


def _read(text: str) -> tuple[float, int, bool]:
    seconds, status = _SECONDS.search(text), _STATUS.search(text)
    return (float(seconds[1]) if seconds else 1.0), (int(status[1]) if status else 0), "trap" in text


class SimulatedMachine:
    """Containers by id, each until its end has been dealt with. What starts and ends is told to the checker."""

    def __init__(
        self, name: str, simulation: Simulation, checker: Checker, rng: Random, failures: float
    ) -> None:
        self.name = name
        self.simulation = simulation
        self.checker = checker
        self.rng = rng
        self.failures = failures
        self.containers: dict[str, SimulatedContainer] = {}
        self._executors = 0

    @property
    def running(self) -> list[SimulatedContainer]:
        """What runs now."""
        return [container for container in self.containers.values() if not container.exit.done()]

    def start(self, spec: ContainerSpec) -> SimulatedContainer:
        """Run something."""
        kind = SimulatedContainer if "OSTROM_TASK_ID" in spec.env else ExecutorContainer
        container = self.containers[spec.id] = kind(self, spec)
        container.begin()
        return container

    def next_executor(self) -> str:
        """The name of the next executor's system: beside its agent, whatever the network does."""
        self._executors += 1
        return f"{self.name}-x{self._executors}"

    def power_off(self) -> None:
        """Nothing that ran is left, and nobody knows how it ended."""
        for container in self.running:
            container.finish(KILLED)
        self.containers.clear()


class SimulatedContainer:
    """A command: a timer, and an exit."""

    pid = 0

    def __init__(self, machine: SimulatedMachine, spec: ContainerSpec) -> None:
        self.machine = machine
        self.spec = spec
        self.id = spec.id
        self.framework_id = spec.env["OSTROM_FRAMEWORK_ID"]
        self.task_id = spec.env.get("OSTROM_TASK_ID", "")
        self.exit: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._stubborn = False
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Start the timer."""
        seconds, status, self._stubborn = _read(self.spec.argv[-1])
        self._timer = asyncio.get_running_loop().call_later(seconds, self.finish, Exit(code=status))
        self.machine.checker.started(self.machine.name, self.framework_id, self.task_id)

    def finish(self, exit_: Exit) -> None:
        """It ends."""
        if self.exit.done():
            return
        if self._timer is not None:
            self._timer.cancel()
        self.exit.set_result(exit_)
        self.machine.checker.ended(self.machine.name, self.framework_id, self.task_id, exit_)

    async def wait(self) -> Exit:
        """How it ended, a moment after it did."""
        return await asyncio.shield(self.exit)

    def signal(self, number: int) -> None:
        """SIGTERM ends it, unless it is stubborn."""
        if number == signal.SIGKILL or (number in (signal.SIGTERM, signal.SIGINT) and not self._stubborn):
            self.finish(Exit(code=None, signal=number))

    async def destroy(self) -> Exit:
        """End it now."""
        self.finish(KILLED)
        return await self.wait()

    def forget(self) -> None:
        """Its end has been dealt with."""
        self.machine.containers.pop(self.id, None)


class ExecutorContainer(SimulatedContainer):
    """An executor: a system of its own, with the library's driver in it."""

    def begin(self) -> None:
        """Start the process."""
        self.system_name = self.machine.next_executor()
        self._executor: TaskTimers | None = None
        self._driver: ExecutorDriver | None = None
        self._process = asyncio.get_running_loop().create_task(self._main())

    async def _main(self) -> None:
        env, simulation = self.spec.env, self.machine.simulation
        system = await simulation.start(self.system_name)
        self._executor = TaskTimers(self.machine, self.framework_id)
        ids = (env["OSTROM_FRAMEWORK_ID"], env["OSTROM_EXECUTOR_ID"], env["OSTROM_CONTAINER_ID"])
        patience = float(env.get("OSTROM_RECOVERY_TIMEOUT", "0"))
        self._driver = ExecutorDriver(
            self._executor, UPID.parse(env["OSTROM_AGENT"]), *ids, patience, env["OSTROM_EXECUTOR_TOKEN"]
        )
        await system.wait(system.spawn(self._driver, "executor"))
        await system.close()
        self.finish(Exit(code=0))

    def finish(self, exit_: Exit) -> None:
        """The process ends, and its tasks with it."""
        if self.exit.done():
            return
        self.exit.set_result(exit_)
        if self._executor is not None:
            self._executor.over()
        if self._driver is not None:
            for task in [*self._driver._tasks, *self._driver._executor._running.values()]:
                task.cancel()
        if self._process is not asyncio.current_task():
            self._process.cancel()
        if self.system_name in self.machine.simulation.systems:
            self.machine.simulation.crash(self.system_name)


class TaskTimers(Executor):
    """An executor whose tasks are timers; `data` says how long."""

    def __init__(self, machine: SimulatedMachine, framework_id: str) -> None:
        self._machine = machine
        self._framework_id = framework_id
        self._going: dict[str, None] = {}

    async def launch(self, task: TaskInfo) -> None:
        """It has started when it says so; it may be killed before its `run` is."""
        self._machine.checker.started(self._machine.name, self._framework_id, task.task_id)
        self._going[task.task_id] = None
        try:
            await super().launch(task)
        finally:
            self._end(task.task_id, KILLED)

    async def run(self, task: TaskInfo) -> bytes:
        """Take the time, and end as the data says."""
        seconds, status, _ = _read(task.data.decode())
        await asyncio.sleep(seconds)
        self._end(task.task_id, Exit(code=status))
        if status:
            raise RuntimeError(f"status {status}")
        return b""

    def _end(self, task_id: str, exit_: Exit) -> None:
        if task_id in self._going:
            del self._going[task_id]
            self._machine.checker.ended(self._machine.name, self._framework_id, task_id, exit_)

    def over(self) -> None:
        """The process is gone."""
        for task_id in list(self._going):
            self._end(task_id, KILLED)


class MachineContainerizer:
    """One agent process's hold on its machine's containers. `alive` says whether the process lives."""

    runs_executors = True

    def __init__(self, machine: SimulatedMachine, alive: Callable[[], bool]) -> None:
        self._machine = machine
        self._alive = alive

    async def start(self) -> None:
        """Nothing to make ready."""

    def held(self) -> frozenset[str]:
        """Nothing is held to limits."""
        return frozenset()

    async def recover(self, specs: Mapping[str, ContainerSpec]) -> list[Any]:
        """What the process before this one left: what runs, and what has ended since."""
        await asyncio.sleep(self._machine.rng.uniform(0, 0.05))
        return list(self._machine.containers.values())

    async def launch(self, spec: ContainerSpec) -> SimulatedContainer:
        """Start something; it takes a moment, before and after the start, in which the process may die."""
        await self._moment()
        if self._machine.rng.random() < self._machine.failures:
            raise LaunchError(spec.id, 0, "the simulated machine could not")
        container = self._machine.start(spec)
        await self._moment()
        return container

    async def _moment(self) -> None:
        await asyncio.sleep(self._machine.rng.expovariate(20.0))
        if not self._alive():
            await asyncio.get_running_loop().create_future()

    async def detach(self) -> None:
        """Let go: what runs lives on."""

    async def close(self) -> None:
        """Destroy all that runs."""
        for container in self._machine.running:
            await container.destroy()
        self._machine.containers.clear()
