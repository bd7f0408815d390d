"""A cluster with something of every kind, whose figures are known."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.messages import (
    Acknowledge,
    Capability,
    DiscoveryInfo,
    HealthCheck,
    KillTask,
    Port,
    StatusUpdate,
    TaskState,
    TaskStatus,
    TCPCheck,
)
from cluster.resources import Resources
from tests.cluster.http.served import Served
from tests.cluster.world import Peer, executor, task


@dataclass
class Scene:
    """`eng` is connected, `ops` is not; `near` runs tasks, `idle` is deactivated, `far` is unreachable."""

    served: Served
    eng: Peer
    ops: Peer
    ended: Peer
    near: Peer
    idle: Peer
    far: Peer


async def busy(served: Served) -> Scene:
    """Make it. The clock has then advanced by a hundred seconds or so."""
    far = await served.agent("cpus:2;mem:64", hostname="far.example")
    eng = await served.framework(
        "eng",
        user="ann",
        hostname="sched.example",
        principal="p",
        webui_url="http://sched.example/",
        failover_timeout=3600.0,
        labels={"team": "x"},
        capabilities=(
            Capability.PARTITION_AWARE,
            Capability.REVOCABLE_RESOURCES,
            Capability.TASK_KILLING_STATE,
        ),
    )
    await served.accept(eng, eng.offers(), task("far", "cpus:2;mem:64"), refuse=0)
    running = TaskStatus("far", TaskState.RUNNING, uuid="f", timestamp=served.clock.time(), data=b"secret")
    served.tell(far, StatusUpdate(eng.id, running))
    await served.settle()
    await served.lose(far)
    near = await served.agent(
        "cpus:8;mem:1024;disk:500;ports:[31000-31009];zones:{a,b}",
        "rack:r1;cores:8;tags:{x,y};span:[1-5]",
        hostname="near.example",
        revocable=Resources.of(cpus=2),
    )
    await served.order("reserve", near.id, "eng", Resources.of(cpus=1))
    await served.advance(1)
    offers = [offer for offer, _ in served.master.state.offers.values()]
    custom = executor("e")
    tasks = [
        task(
            "run",
            "cpus:2;mem:128;ports:[31000-31001]",
            name="web",
            labels={"a": "b"},
            discovery=DiscoveryInfo("web", ports=(Port(31000, "http"),)),
            health_check=HealthCheck(tcp=TCPCheck(31000)),
        ),
        *(task(name, "cpus:0.5;mem:32") for name in ("stage", "start", "kill", "done", "fail")),
        task("mine", "cpus:1;mem:64", executor=custom),
        task("spare", "cpus:1.5", revocable=True),
    ]
    await served.accept(eng, offers, *tasks, refuse=0)
    healthy = TaskStatus("run", TaskState.RUNNING, uuid="u", timestamp=served.clock.time(), healthy=True)
    served.tell(near, StatusUpdate(eng.id, healthy))
    await served.update(near, eng, "start", TaskState.STARTING)
    for name in ("kill", "mine", "spare"):
        await served.update(near, eng, name, TaskState.RUNNING)
    served.tell(eng, KillTask(eng.id, "kill"))
    await served.update(near, eng, "kill", TaskState.KILLING)
    uuid = await served.update(near, eng, "done", TaskState.FINISHED)
    served.tell(eng, Acknowledge(eng.id, near.id, "done", uuid))
    await served.update(near, eng, "fail", TaskState.FAILED)
    ended = await served.framework("old")
    await served.order("end_framework", ended.id, "torn down by an operator")
    ops = await served.framework("ops", failover_timeout=3600.0)
    served.system.terminate(ops.upid)
    await served.settle()
    idle = await served.agent("cpus:4;mem:256", hostname="idle.example")
    await served.order("deactivate", idle.id)
    await served.done("/ostrom/quota", {"role": "eng", "guarantee": "cpus:2", "limit": "cpus:9"})
    await served.done("/ostrom/weights", {"eng": 2.5})
    await served.advance(1)
    return Scene(served, eng, ops, ended, near, idle, far)
