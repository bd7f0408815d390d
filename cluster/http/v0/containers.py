"""`/containers` and `/monitor/statistics`: what runs on an agent, and what it uses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from cluster.agent import Agent
from cluster.http.snapshot import lasts
from cluster.http.v1.agent.containers import ContainerCalls
from cluster.http.v1.agent.views import executor_info
from cluster.v1.types.agent import Call

__all__ = ["Containers", "statistics"]

Json = dict[str, Any]


class Containers:
    """The containers of an agent. What they use is looked up once for all who ask, and not too often."""

    def __init__(self, agent: Agent) -> None:
        self.looked = 0
        """How often it was looked up."""
        self._agent = agent
        self._calls = ContainerCalls(agent)
        self._looking: asyncio.Task[list[Json]] | None = None
        self._until = -1.0

    def rows(self) -> Awaitable[list[Json]]:
        """Each container of an executor; to be called in a turn of the agent's."""
        now = self._agent.clock.monotonic()
        if self._looking is None or (self._looking.done() and now >= self._until):
            self._looking = asyncio.get_running_loop().create_task(self._look())
        # Whoever leaves does not take it from the others.
        return asyncio.shield(self._looking)

    async def _look(self) -> list[Json]:
        self.looked += 1
        clock = self._agent.clock
        begun = clock.monotonic()
        names = {}
        for run in self._agent.state.runs.values():
            info = executor_info(run)
            names[run.container_id] = info.name or "", info.source or ""
        listed = await self._calls.listed(Call.GetContainers())
        rows = []
        for each in listed.containers:
            if each.framework_id is None or each.executor_id is None or each.container_id is None:
                continue
            name, source = names.get(each.container_id.value, ("", ""))
            rows.append(
                {
                    "framework_id": each.framework_id.value,
                    "executor_id": each.executor_id.value,
                    "executor_name": name,
                    "source": source,
                    "container_id": each.container_id.value,
                    "status": each.container_status,
                    "statistics": each.resource_statistics,
                }
            )
        now = clock.monotonic()
        self._until = now + lasts(now - begun)
        return rows


def statistics(row: Json) -> Json:
    """The same as `/monitor/statistics` has it."""
    return {name: value for name, value in row.items() if name not in ("container_id", "status")}
