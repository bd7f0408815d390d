"""PyMesos's drivers for operators by remote control: events and answers go out as lines of JSON, calls come in.

operators.py master|agent ADDRESS

Runs with the Python that has PyMesos, and imports nothing of ours.
"""

import json
import logging
import os
import sys
import threading

from pymesos import MesosOperatorAgentDriver, MesosOperatorMasterDriver

writing = threading.Lock()


def tell(event, *arguments):
    line = json.dumps({"event": event, "arguments": arguments})
    with writing:
        print(line, flush=True)


class Operator:
    """Has whatever callback it is asked for."""

    def __getattr__(self, name):
        return lambda *arguments: tell(name, *arguments)


def main():
    kind, address = sys.argv[1:]
    # That a stream has begun is only logged.
    logging.basicConfig(level=logging.INFO)
    drivers = {
        "master": lambda: MesosOperatorMasterDriver(address, Operator()),
        "agent": lambda: MesosOperatorAgentDriver(address),
    }
    driver = drivers[kind]()
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = getattr(driver, order["call"])(*order["arguments"], **order["keywords"])
        except (AssertionError, OSError, RuntimeError, TypeError) as error:
            tell("raised", order["call"], str(error))
        else:
            tell("returned", order["call"], answer)
    # Whoever held the other end is gone, and with it the thread that reads events.
    os._exit(0)


if __name__ == "__main__":
    main()
