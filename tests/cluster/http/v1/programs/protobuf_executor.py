"""A custom executor that speaks protobuf, with nothing but the standard library and the tests' messages by hand.

A message "TASK_FINISHED t" has the state of task t told; "again t" once more what was told last; "exit 7" ends the
process; any other is sent back. What it heard is written to stderr.
"""

from __future__ import annotations

import http.client
import os
import sys
import time
import uuid
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from mesos_protobuf import decode, encode

MEDIA = "application/x-protobuf"
ENDPOINT = os.environ["MESOS_AGENT_ENDPOINT"]
IDS = {
    "executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]},
    "framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]},
}
told: dict[str, dict[str, Any]] = {}


def post(kind: str, **parts: Any) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(ENDPOINT)
    body = encode("ExecutorCall", {**IDS, "type": kind, **parts})
    connection.request("POST", "/api/v1/executor", body, {"Content-Type": MEDIA, "Accept": MEDIA})
    return connection.getresponse()


def call(kind: str, **parts: Any) -> None:
    response = post(kind, **parts)
    text = response.read()
    if response.status != 202:
        sys.exit(f"{kind}: {response.status} {text!r}")


def update(task_id: str, state: str) -> None:
    told[task_id] = {
        "task_id": {"value": task_id},
        "state": state,
        "source": "SOURCE_EXECUTOR",
        "timestamp": time.time(),
        "uuid": uuid.uuid4().bytes,
        "data": f"{os.getpid()}".encode(),
    }
    call("UPDATE", update={"status": told[task_id]})


def heard(data: bytes) -> None:
    word, _, rest = data.decode().partition(" ")
    if word == "exit":
        os._exit(int(rest))
    elif word == "again":
        call("UPDATE", update={"status": told[rest]})
    elif word.startswith("TASK_"):
        update(rest, word)
    else:
        call("MESSAGE", message={"data": b"heard " + data})


def main() -> None:
    stream = post("SUBSCRIBE", subscribe={})
    if stream.status != 200:
        sys.exit(f"SUBSCRIBE: {stream.status} {stream.read()!r}")
    while line := stream.readline():
        event = decode("ExecutorEvent", stream.read(int(line)))
        sys.stderr.write(f"{event}\n")
        match event["type"]:
            case "LAUNCH":
                update(event["launch"]["task"]["task_id"]["value"], "TASK_RUNNING")
            case "KILL":
                update(event["kill"]["task_id"]["value"], "TASK_KILLED")
            case "MESSAGE":
                heard(event["message"]["data"])
            case "ACKNOWLEDGED":
                name = event["acknowledged"]["task_id"]["value"].encode()
                call("MESSAGE", message={"data": b"acknowledged " + name})
            case "SHUTDOWN":
                return


if __name__ == "__main__":
    main()
