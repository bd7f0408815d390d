"""Many agents in one process: `python -m benchmarks.failover.agents MASTER FIRST COUNT`; tasks are timers.

It ends with its standard input.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path

from actors import UPID, ActorSystem, handles, run
from cluster import Resources
from cluster.agent import Agent, TimerContainerizer
from cluster.attributes import Attributes
from cluster.election import detector_for
from cluster.local.agent_node import AGENT_ID
from cluster.messages import AgentInfo, AgentRegistered
from isolation import ContainerSpec

from .events import Following, Summary, report, tell

RESOURCES = "cpus:1;mem:1024"


class ReportingAgent(Agent):
    """Says when a master has taken it."""

    @handles(AgentRegistered)
    def registered(self, message: AgentRegistered, sender: UPID | None) -> None:
        """It is taken, if it takes that for true."""
        before = self.master
        super().registered(message, sender)
        if self.master is not None and before is None:
            report("taken", self.state.info.hostname, self.master)


class Starts:
    """Which task was started how often. What runs is `sleep SECONDS TASK`."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()

    def duration(self, spec: ContainerSpec) -> float:
        """Seconds until it ends; it is asked once for each start."""
        _, seconds, task_id = spec.argv
        self.times[task_id] += 1
        return float(seconds)


async def serve(master: str, names: list[str]) -> None:
    """Run agents with these names until the end of the standard input; then print what was started."""
    starts = Starts()
    systems: list[ActorSystem] = []
    with tempfile.TemporaryDirectory(prefix="ostrom-failover-") as directory:
        try:
            for name in names:
                system = ActorSystem("127.0.0.1")
                systems.append(system)
                await system.start()
                agent = ReportingAgent(
                    AgentInfo(name, Resources.parse(RESOURCES), Attributes()),
                    Following(name, detector_for(master)),
                    TimerContainerizer(system.clock, starts.duration),
                    Path(directory) / name,
                )
                system.spawn(agent, AGENT_ID)
            await asyncio.to_thread(sys.stdin.read)
            tell(Summary(dict(starts.times)))
        finally:
            await asyncio.gather(*(system.close() for system in systems))


if __name__ == "__main__":
    first, count = int(sys.argv[2]), int(sys.argv[3])
    run(serve(sys.argv[1], [f"agent-{number}" for number in range(first, first + count)]))
