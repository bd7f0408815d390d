"""A PyMesos executor: its tasks run until it is told how they end.

A message "TASK_FINISHED t1" tells that as the state of the task t1; "exit 7" ends the process; any other is sent back.
A task whose data is "quick" is finished at once. What is called is written to stderr, a file of the sandbox.

Runs with the Python that has PyMesos, and imports nothing of ours.
"""

import os
import sys

from pymesos import Executor, MesosExecutorDriver, decode_data, encode_data


class Tasks(Executor):
    def registered(self, driver, executor_info, framework_info, agent_info):
        tell("registered", executor_info, framework_info, agent_info)

    def reregistered(self, driver, agent_info):
        tell("reregistered", agent_info)

    def disconnected(self, driver):
        tell("disconnected")

    def launchTask(self, driver, task):
        tell("launchTask", task)
        update(driver, task["task_id"], "TASK_RUNNING")
        if decode_data(task.get("data", "")) == b"quick":
            update(driver, task["task_id"], "TASK_FINISHED")

    def launchTaskGroup(self, driver, tasks):
        tell("launchTaskGroup", tasks)
        for task in tasks:
            update(driver, task["task_id"], "TASK_RUNNING")

    def killTask(self, driver, task_id):
        tell("killTask", task_id)
        update(driver, task_id, "TASK_KILLED")

    def frameworkMessage(self, driver, message):
        text = decode_data(message).decode()
        tell("frameworkMessage", text)
        word, _, rest = text.partition(" ")
        if word.startswith("TASK_"):
            update(driver, {"value": rest}, word)
        elif word == "exit":
            os._exit(int(rest))
        else:
            driver.sendFrameworkMessage(encode_data(f"{os.getpid()} got {text}".encode()))

    def shutdown(self, driver):
        tell("shutdown")

    def error(self, driver, message):
        tell("error", message)


class Driver(MesosExecutorDriver):
    """As it is; what it does not tell executors is written down, too."""

    def on_acknowledged(self, event):
        super().on_acknowledged(event)
        tell("acknowledged", event["task_id"]["value"])


def tell(callback, *arguments):
    print(callback, *arguments, file=sys.stderr, flush=True)


def update(driver, task_id, state):
    driver.sendStatusUpdate({"task_id": task_id, "state": state})


if __name__ == "__main__":
    Driver(Tasks()).run()
