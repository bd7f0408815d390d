"""A policy of your own in ten lines: whoever waits longest for its first allocation is served first.

python -m examples.write_a_policy            # alone, and then in a real master
ostrom master --allocator examples.write_a_policy:PatienceFirst
"""

import asyncio

from allocators import DRFAllocator, Sibling
from cluster import Framework, LocalCluster


class PatienceFirst:
    """Who got fewest allocations so far is next, however large its share: good for many small frameworks."""

    steady = True  # a key changes only when something changes for its own node

    def key(self, node: Sibling, share: float) -> tuple[float, float]:
        """Allocations by weight; dominant shares break ties."""
        return (node.count / node.weight, share)


def alone() -> list[str]:
    """Play it without any cluster: agents and frameworks are names, amounts thousandths."""
    allocator = DRFAllocator(order=PatienceFirst())
    allocator.set_framework("small", ["*"])
    allocator.set_framework("large", ["*"], min_offer=[{"cpus": 8000}])
    for number, cpus in enumerate([8000, 2000, 2000, 8000]):
        allocator.add_agent(f"a{number}", {"cpus": cpus, "mem": 1000})
    served = [grant.framework for grant in allocator.allocate(now=0.0).grants]
    for (framework, role), share in allocator.shares().items():
        print(f"{framework} in role {role}: {served.count(framework)} offers, {share:.0%} of the cluster")
    return served


class Sleeper(Framework):
    """Runs a few short commands."""

    async def registered(self) -> None:
        """Submit them, and await their ends."""
        tasks = [self.submit("true", cpus=0.5, mem=32) for _ in range(4)]
        for task in tasks:
            await task
        print(f"{self.info.name}: {len(tasks)} tasks done")
        self.stop()


async def in_a_master() -> None:
    """Run it in a real master, by the name that `ostrom master --allocator` takes, too."""
    async with LocalCluster(agents=2, allocator="examples.write_a_policy:PatienceFirst") as cluster:
        await asyncio.gather(*(cluster.run(Sleeper(name)) for name in ("one", "two")))


if __name__ == "__main__":
    alone()
    asyncio.run(in_a_master())
