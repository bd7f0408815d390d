"""A framework that answers its offers itself: it runs shell commands, one on each rack as long as there are racks.

python -m examples.run_commands [--master HOST:PORT] [COMMAND ...]
"""

import argparse
import asyncio
from collections.abc import Sequence

from cluster import CommandInfo, Framework, LocalCluster, Offer, Resources, TaskInfo, TaskState, TaskStatus

NEEDED = Resources.of(cpus=0.5, mem=64)


class RunCommands(Framework):
    """Runs each command once. What is not launched in `offers` is declined when it returns."""

    def __init__(self, commands: Sequence[str]) -> None:
        super().__init__("run-commands")
        self.waiting_commands = list(enumerate(commands))
        self.left = len(commands)
        self.placed: dict[str, str] = {}
        self.failed: list[TaskStatus] = []

    async def offers(self, offers: Sequence[Offer]) -> None:
        """Use the racks that have the fewest of our tasks first."""
        used = list(self.placed.values())
        for offer in sorted(offers, key=lambda offer: used.count(rack_of(offer))):
            tasks = []
            if self.waiting_commands and offer.resources.contains(NEEDED):
                number, line = self.waiting_commands.pop(0)
                tasks.append(TaskInfo(f"command-{number}", NEEDED, line, command=CommandInfo(line)))
                self.placed[f"command-{number}"] = rack_of(offer)
                # One for each offer; what it leaves comes back with the next offers, without a filter.
                self.launch(offer, tasks, refuse_seconds=0)

    async def status(self, status: TaskStatus) -> None:
        """Note each end, and stop after the last."""
        print(f"{status.task_id:12} {status.state.value:14} {self.placed[status.task_id]}  {status.message}")
        if status.state.terminal:
            self.left -= 1
            if status.state is not TaskState.FINISHED:
                self.failed.append(status)
        if self.left == 0:
            self.stop()


def rack_of(offer: Offer) -> str:
    """The agent's attribute `rack`, or its name where it has none."""
    rack = offer.attributes.get("rack")
    return str(rack) if rack is not None else offer.hostname


async def main() -> int:
    """Run the commands; return 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--master", help="HOST:PORT; without it, a cluster inside this process")
    parser.add_argument("commands", nargs="*", default=["uname -s", "date", "echo $OSTROM_TASK_ID"])
    arguments = parser.parse_args()
    framework = RunCommands(arguments.commands)
    if arguments.master:
        await framework.run(arguments.master)
    else:
        racks = ["rack:r1", "rack:r2", "rack:r3"]
        async with LocalCluster(agents=3, attributes=racks) as cluster:
            await cluster.run(framework)
    return 1 if framework.failed else 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
