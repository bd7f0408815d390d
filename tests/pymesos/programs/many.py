"""A PyMesos scheduler that runs so many tasks, each to its end, and tells what it was told of them.

many.py MASTER COUNT [EXECUTOR]     the last is JSON: the ExecutorInfo, else they are commands

Runs with the Python that has PyMesos, and imports nothing of ours.
"""

import json
import sys
import time
from collections import Counter

from pymesos import MesosSchedulerDriver, Scheduler

CPUS, MEM = 0.1, 1.0
AT_ONCE = 500
LAST = {"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST"}


class Many(Scheduler):
    def __init__(self, count, executor):
        self.count = count
        self.executor = executor
        self.launched = 0
        self.told = []
        self.ended = set()
        self.errors = []
        self.began = time.monotonic()

    def resourceOffers(self, driver, offers):
        for offer in offers:
            room = {each["name"]: each.get("scalar", {}).get("value", 0.0) for each in offer["resources"]}
            for each in self.executor.get("resources", []):
                room[each["name"]] = room.get(each["name"], 0.0) - each["scalar"]["value"]
            fit = max(0, int(min(room.get("cpus", 0.0) / CPUS, room.get("mem", 0.0) / MEM) + 1e-6))
            numbers = range(self.launched, min(self.launched + min(fit, AT_ONCE), self.count))
            self.launched = max(self.launched, numbers.stop)
            driver.launchTasks(offer["id"], [self.task(offer, number) for number in numbers])
        if self.launched == self.count:
            driver.suppressOffers()

    def task(self, offer, number):
        own = (
            {"executor": self.executor, "data": "cXVpY2s="}
            if self.executor
            else {"command": {"value": "true"}}
        )
        return {
            "task_id": {"value": f"task-{number}"},
            "agent_id": offer["agent_id"],
            "name": f"task-{number}",
            "resources": [
                {"name": "cpus", "type": "SCALAR", "scalar": {"value": CPUS}},
                {"name": "mem", "type": "SCALAR", "scalar": {"value": MEM}},
            ],
            **own,
        }

    def statusUpdate(self, driver, status):
        self.told.append((status["task_id"]["value"], status["state"], status.get("uuid")))
        if status["state"] in LAST:
            self.ended.add(status["task_id"]["value"])
            if len(self.ended) == self.count:
                driver.stop()

    def error(self, driver, message):
        self.errors.append(message)
        driver.stop()


def main():
    scheduler = Many(int(sys.argv[2]), json.loads(sys.argv[3]) if len(sys.argv) > 3 else {})
    framework = {"user": "root", "name": "many", "failover_timeout": 60}
    MesosSchedulerDriver(scheduler, framework, sys.argv[1]).run()
    histories = {}
    # What is acknowledged late is told again, with the same uuid.
    for task_id, state, _ in dict.fromkeys(scheduler.told):
        histories.setdefault(task_id, []).append(state)
    found = {
        "seconds": time.monotonic() - scheduler.began,
        "ended": len(scheduler.ended),
        "errors": scheduler.errors,
        "histories": Counter(" ".join(states) for states in histories.values()),
    }
    print(json.dumps({"event": "found", "arguments": [found]}), flush=True)


if __name__ == "__main__":
    main()
