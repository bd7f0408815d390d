"""The scheduler: one task on each offer, until there are enough.

scheduler.py MASTER [TASKS]      MASTER is HOST:PORT, of ostrom's master as of Mesos's
"""

import getpass
import socket
import sys
from pathlib import Path
from typing import Any

from addict import Dict
from pymesos import MesosSchedulerDriver, Scheduler, decode_data, encode_data

TASK = {"cpus": 0.1, "mem": 32}
EXECUTOR = {"cpus": 0.1, "mem": 32}
ENOUGH = {"refuse_seconds": 3600}
SOON = {"refuse_seconds": 1}
ENDED = {"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST"}


def resources(amounts: dict[str, float]) -> list[dict[str, Any]]:
    """Amounts as Mesos's messages have them."""
    return [{"name": name, "type": "SCALAR", "scalar": {"value": amount}} for name, amount in amounts.items()]


def amount(offer: Dict, name: str) -> float:
    """How much of a resource an offer has."""
    return float(sum(each.scalar.value for each in offer.resources if each.name == name))


class MinimalScheduler(Scheduler):
    """Runs so many tasks, and stops. `failed` says whether one has not finished."""

    def __init__(self, executor: Dict, count: int) -> None:
        self.executor = executor
        self.left = list(range(1, count + 1))
        self.running: set[str] = set()
        self.failed = False

    def registered(self, driver: MesosSchedulerDriver, framework_id: Dict, master_info: Dict) -> None:
        """The master has taken the framework."""
        print(
            f"registered as {framework_id.value} with {master_info.hostname}:{master_info.port}", flush=True
        )

    def resourceOffers(self, driver: MesosSchedulerDriver, offers: list[Dict]) -> None:
        """Offers: they are taken, or given back."""
        for offer in offers:
            fits = all(amount(offer, name) >= TASK[name] + EXECUTOR[name] for name in TASK)
            if not self.left or not fits:
                driver.declineOffer(offer.id, ENOUGH)
                continue
            task = self.task(offer, self.left.pop(0))
            self.running.add(task.task_id.value)
            driver.launchTasks(offer.id, [task], SOON)

    def task(self, offer: Dict, number: int) -> Dict:
        """A task on an offer's agent."""
        task = Dict()
        task.task_id.value = f"task-{number}"
        task.agent_id = offer.agent_id
        task.name = f"task {number}"
        task.executor = self.executor
        task.data = encode_data(f"hello from task {number}".encode())
        task.resources = resources(TASK)
        return task

    def statusUpdate(self, driver: MesosSchedulerDriver, status: Dict) -> None:
        """News of a task; PyMesos acknowledges them when this returns."""
        said = decode_data(status.data).decode() if status.data else ""
        print(f"{status.task_id.value} {status.state} on {status.agent_id.value} {said}".rstrip(), flush=True)
        if status.state in ENDED:
            self.failed |= status.state != "TASK_FINISHED"
            self.running.discard(status.task_id.value)
        if not self.left and not self.running:
            driver.stop()

    def error(self, driver: MesosSchedulerDriver, message: str) -> None:
        """The master will not have the framework any more. PyMesos would go on, and must be stopped."""
        print(f"error: {message}", flush=True)
        self.failed = True
        driver.stop()


def main(master: str, count: int) -> int:
    """Run it; returns the exit status."""
    executor = Dict()
    executor.executor_id.value = "minimal"
    executor.name = "minimal"
    executor.command.value = f"{sys.executable} {Path(__file__).resolve().with_name('executor.py')}"
    executor.resources = resources(EXECUTOR)
    framework = Dict(
        user=getpass.getuser(), name="minimal", hostname=socket.gethostname(), failover_timeout=60
    )
    scheduler = MinimalScheduler(executor, count)
    MesosSchedulerDriver(scheduler, framework, master, use_addict=True).run()
    return int(scheduler.failed)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("scheduler.py MASTER [TASKS]")
    sys.exit(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 5))
