"""Whatever happens, in whatever order: the books are balanced at every moment, and in the end all believe the same."""

from __future__ import annotations

import pytest

from tests.cluster.master.histories import Cluster


@pytest.mark.parametrize("seed", range(40))
def test_a_random_history(seed: int) -> None:
    cluster = Cluster(seed)
    for _ in range(400):
        cluster.step()
    cluster.quieten()
    state = cluster.state
    for framework in cluster.frameworks:
        assert framework.problems == []
    # What an agent runs, the master believes, and the framework too.
    run: dict[tuple[str, str], str] = {}
    for agent in cluster.agents:
        assert agent.registered
        for key, each in agent.runs.items():
            assert each.latest is not None
            assert key not in run, f"{key} runs twice"
            if not each.latest.state.terminal:
                run[key] = agent.info.id
    believed = {
        key: agent.id for agent in state.agents.values() for key, task in agent.tasks.items() if task.holds
    }
    assert believed == run
    for framework in cluster.frameworks:
        if not framework.ended:
            assert framework.alive == {key[1] for key in run if key[0] == framework.info.id}
    # An executor that ended when a task for it was on its way is started anew, and the master thinks that it has
    # ended, until the agent registers again.
    cluster.register_again()
    for agent in cluster.agents:
        # One that was drained then may be gone.
        if not agent.dead:
            assert state.agents[agent.info.id].executors.keys() == agent.executors.keys()
