"""The smallest framework with an executor of its own: words go out, and come back in capitals.

python -m examples.minimal [HOST:PORT of a master; without it, a cluster inside this process]
"""

import asyncio
import sys

from cluster import Executor, ExecutorInfo, Framework, LocalCluster, TaskInfo, python_command, run_executor


class Upper(Executor):
    """Runs on an agent, in a process of its own."""

    async def run(self, task: TaskInfo) -> bytes:
        """Do one task; what is returned goes back to the framework."""
        return task.data.upper()


class Shout(Framework):
    """Runs here, and decides what goes where; offers are matched and declined by the base class."""

    async def registered(self) -> None:
        """Submit a task for each word, and await their ends."""
        executor = ExecutorInfo("upper", python_command("examples.minimal", "executor"))
        words = ["nothing", "is", "lost"]
        tasks = [self.submit(executor=executor, data=word.encode(), cpus=0.5, mem=32) for word in words]
        print(" ".join([(await task.result()).decode() for task in tasks]))
        self.stop()


async def main() -> None:
    """Run the framework on a cluster."""
    if len(sys.argv) > 1:
        await Shout("shout").run(sys.argv[1])
    else:
        async with LocalCluster(agents=1) as cluster:
            await cluster.run(Shout("shout"))


if __name__ == "__main__":
    if sys.argv[1:] == ["executor"]:
        run_executor(Upper())
    else:
        asyncio.run(main())
