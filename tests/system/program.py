"""The executor of test_executors.py."""

from __future__ import annotations

import asyncio
import os

from cluster import Executor, TaskInfo, run_executor


class Program(Executor):
    def __init__(self) -> None:
        self.told = asyncio.Event()

    async def message(self, data: bytes) -> None:
        self.send_message(b"got " + data)
        self.told.set()

    async def run(self, task: TaskInfo) -> bytes:
        if task.data == b"raise":
            raise ValueError("as asked")
        if task.data == b"exit":
            os._exit(7)
        if task.data == b"for-ever":
            await asyncio.Event().wait()
        if task.data == b"until-message":
            await self.told.wait()
        return task.data + b" %d" % os.getpid()


if __name__ == "__main__":
    run_executor(Program())
