"""The executor: the agent starts it once, and gives it all of the scheduler's tasks that come to that agent.

PyMesos calls each method on the thread on which it reads; tasks that take time have threads of their own.
"""

import logging
import threading
import time
from typing import Any

from addict import Dict
from pymesos import Executor, MesosExecutorDriver, decode_data, encode_data


class MinimalExecutor(Executor):
    """Runs each task on a thread: it says hello and works for a second."""

    def launchTask(self, driver: MesosExecutorDriver, task: dict[str, Any]) -> None:
        """A task is to be run."""
        threading.Thread(target=self.run, args=[driver, Dict(task)], daemon=True).start()

    def run(self, driver: MesosExecutorDriver, task: Dict) -> None:
        """Run it, from TASK_RUNNING to TASK_FINISHED."""
        self.tell(driver, task, "TASK_RUNNING")
        greeting = decode_data(task.data).decode()
        logging.info("%s says: %s", task.name, greeting)
        time.sleep(1.0)
        # What a task has found out goes with its last update.
        self.tell(driver, task, "TASK_FINISHED", encode_data(greeting.upper().encode()))

    def tell(self, driver: MesosExecutorDriver, task: Dict, state: str, data: str = "") -> None:
        """Send a status update."""
        update = Dict(state=state, data=data)
        update.task_id = task.task_id
        driver.sendStatusUpdate(update)


if __name__ == "__main__":
    # The log is the file `stderr` of the sandbox.
    logging.basicConfig(level=logging.INFO)
    MesosExecutorDriver(MinimalExecutor()).run()
