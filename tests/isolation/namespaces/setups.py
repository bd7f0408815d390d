"""Running a line of shell with a setup, as isolators would make it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from isolation import ContainerSpec, Exit, Launcher, Plain, Setup
from tests.isolation.box import Box


class Made(Plain):
    """Has every container set up in one way."""

    name = "made"

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def prepare(self, spec: ContainerSpec, setup: Setup) -> Setup:
        return self._setup


async def run(box: Box, setup: Setup, line: str, **fields: Any) -> Exit:
    async with asyncio.timeout(30), Launcher([Made(setup)]) as launcher:
        return await (await launcher.launch(box.shell(line, **fields))).wait()


async def said(box: Box, setup: Setup, line: str, **fields: Any) -> str:
    end = await run(box, setup, line, **fields)
    assert end.code == 0, (end, box.err)
    return box.out


def host_mounts() -> list[str]:
    return Path("/proc/self/mountinfo").read_text().splitlines()
