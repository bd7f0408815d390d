"""A PyMesos scheduler by remote control: callbacks go out as lines of JSON, calls of the driver come in as such.

scheduler.py MASTER FRAMEWORK [OPTIONS]      the last two are JSON: FrameworkInfo, keywords of the driver

Runs with the Python that has PyMesos, and imports nothing of ours.
"""

import json
import os
import sys
import threading

from pymesos import MesosSchedulerDriver

writing = threading.Lock()
ended = threading.Event()


def tell(event, *arguments):
    line = json.dumps({"event": event, "arguments": arguments})
    with writing:
        print(line, flush=True)


class Scheduler:
    """Has whatever callback it is asked for."""

    def __getattr__(self, name):
        return lambda driver, *arguments: tell(name, *arguments)


def obey(driver):
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = getattr(driver, order["call"])(*order["arguments"], **order["keywords"])
        except (AssertionError, OSError, RuntimeError, TypeError) as error:
            tell("raised", order["call"], repr(error))
        else:
            tell("returned", order["call"], answer)
    if not ended.is_set():
        # Whoever held the other end is gone.
        os._exit(1)


def main():
    master, framework, options = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
    driver = MesosSchedulerDriver(Scheduler(), framework, master, **options)
    threading.Thread(target=obey, args=[driver], daemon=True).start()
    driver.run()
    ended.set()
    tell("ended")


if __name__ == "__main__":
    main()
