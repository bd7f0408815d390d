"""Names and resources that recur in what PyMesos sends and is told."""

from __future__ import annotations

from typing import Any

from cluster.v1 import types as v1

F = {"framework_id": {"value": "F"}}
E = {"executor_id": {"value": "E"}}
S, T = {"value": "S"}, {"value": "T"}
AGENT_ID, TASK_ID = v1.AgentID(value="S"), v1.TaskID(value="T")
FRAMEWORK_ID, EXECUTOR_ID = v1.FrameworkID(value="F"), v1.ExecutorID(value="E")
UUID_TEXT = "o5IfgUv4Qk+YIRgRV6FX6Q=="
UUID = bytes.fromhex("a3921f814bf8424f9821181157a157e9")


def cpus(amount: float, **fields: Any) -> dict[str, Any]:
    return {"type": "SCALAR", "name": "cpus", "scalar": {"value": amount}, **fields}


def v1_cpus(amount: float, **fields: Any) -> v1.Resource:
    return v1.Resource(name="cpus", type=v1.Value.Type.SCALAR, scalar=v1.Value.Scalar(value=amount), **fields)
