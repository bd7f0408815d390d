"""The clusters that are measured; each function returns what builds one, in either engine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from allocators.core import NO_LIMIT, UNRESERVED

from .workload import AGENT, Build, Cluster

__all__ = ["filtered", "flat", "full_roles", "large_and_small_quota", "one_role_each", "starved", "tree"]

ROLES = 10
"""So many roles, each with as many below it, which have the frameworks."""


def _built(build: Callable[[Cluster], None]) -> Build:
    def make(engine: str) -> Cluster:
        cluster = Cluster(engine)
        build(cluster)
        return cluster

    return make


def flat(agents: int, frameworks: int) -> Build:
    """One role with all frameworks."""

    def build(cluster: Cluster) -> None:
        cluster.add_frameworks(cluster.add_role("*"), "*", range(frameworks))
        cluster.add_agents(agents)

    return _built(build)


def one_role_each(agents: int, weights: list[float]) -> Build:
    """A role of its own for each framework, with these weights."""

    def build(cluster: Cluster) -> None:
        for number, weight in enumerate(weights):
            name = f"r{number:05}"
            role = cluster.add_role(name)
            cluster.core.set_weight(role, weight)
            cluster.add_frameworks(role, name, [number])
        cluster.add_agents(agents)

    return _built(build)


def starved(agents: int, frameworks: int, few: int) -> Build:
    """One role; all but a few of its frameworks hold more, elsewhere, than these can catch up with."""

    def build(cluster: Cluster) -> None:
        cluster.add_frameworks(cluster.add_role("*"), "*", range(frameworks))
        much = [amount * 2 * agents // few for amount in AGENT]
        for client in cluster.clients[:-few]:
            agent = cluster.core.add_agent(list(much))
            cluster.core.take(agent, client, UNRESERVED, list(much), counts=True)
        cluster.add_agents(agents)

    return _built(build)


def _add_tree(cluster: Cluster, frameworks: int) -> None:
    """Add 100 roles below 10, and deal the frameworks out to them."""
    for top in range(ROLES):
        above = cluster.add_role(f"r{top}")
        for sub in range(ROLES):
            number, name = top * ROLES + sub, f"r{top}/s{sub}"
            cluster.add_frameworks(
                cluster.add_role(name, above), name, range(number, frameworks, ROLES * ROLES)
            )
    cluster.roles = [role for number, role in enumerate(cluster.roles) if number % (ROLES + 1)]


def _add_quotas(cluster: Cluster) -> None:
    """Give every third role a guarantee of half its part of the cluster, and a limit below that part."""
    part = len(cluster.order) // ROLES**2
    for role in cluster.roles[::3]:
        guarantee = [amount * part // 2 for amount in AGENT[:3]]
        # A limit in the middle of an agent.
        limit = [amount * (8 * part + 5) // 10 for amount in AGENT[:3]]
        cluster.core.set_quota(role, [*guarantee, 0], [*limit, NO_LIMIT])


def tree(agents: int, frameworks: int) -> Build:
    """100 roles below 10, a third of them with quotas."""

    def build(cluster: Cluster) -> None:
        _add_tree(cluster, frameworks)
        cluster.add_agents(agents)
        _add_quotas(cluster)

    return _built(build)


def filtered(agents: int, frameworks: int) -> Build:
    """The same; half of the frameworks refuse half of the agents."""

    def build(cluster: Cluster) -> None:
        _add_tree(cluster, frameworks)
        cluster.add_agents(agents)
        cluster.refuse_all(np.sort(cluster.order)[::2], cluster.clients[::2])
        _add_quotas(cluster)

    return _built(build)


def full_roles(agents: int, frameworks: int) -> Build:
    """100 roles below 10, each with a limit of half its part of the cluster: after one pass all are at their limits."""

    def build(cluster: Cluster) -> None:
        _add_tree(cluster, frameworks)
        part = agents // ROLES**2
        for role in cluster.roles:
            limit = [amount * part // 2 for amount in AGENT[:3]]
            cluster.core.set_quota(role, [0] * len(AGENT), [*limit, NO_LIMIT])
        cluster.add_agents(agents)

    return _built(build)


def large_and_small_quota(roles: int) -> Build:
    """Mesos's benchmark LargeAndSmallQuota: each role has a guarantee, which is its limit, too.

    Five sixths of the roles have a quota of half an agent, one sixth of two agents; one framework in each, and as
    many agents as roles, of 2 cpus, 2 GiB of memory and 2 GiB of disk.
    """

    def build(cluster: Cluster) -> None:
        half = [1_000, 1_024_000, 1_024_000]
        for number in range(roles):
            name = f"r{number:05}"
            role = cluster.add_role(name)
            cluster.add_frameworks(role, name, [number])
            quota = [amount * 4 for amount in half] if number % 6 == 5 else half
            cluster.core.set_quota(role, [*quota, 0], [*quota, NO_LIMIT])
        cluster.add_agents(roles, [*(amount * 2 for amount in half), 0])

    return _built(build)
