"""What a launcher does with isolators: each asked in turn, undone in the other order, told of every end once."""

from __future__ import annotations

import asyncio
import dataclasses
import grp
import os
import pwd
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from isolation import (
    ContainerSpec,
    Launcher,
    LaunchError,
    Limitation,
    Limits,
    Plain,
    Setup,
    Usage,
    User,
)
from isolation.isolator import Report, Running
from tests.isolation.box import Box

pytestmark = pytest.mark.asyncio


class Noting(Plain):
    """Writes down what it is asked, and does what a test wants."""

    def __init__(
        self,
        name: str,
        notes: list[str],
        *,
        setup: Setup | None = None,
        error: Exception | None = None,
        does: Mapping[str, str | None] | None = None,
        verdict: Limitation | None = None,
    ) -> None:
        self.name = name
        self._notes = notes
        self._setup = setup
        self._error = error
        self._does = does or {}
        self._verdict = verdict
        self.report: Report | None = None

    def support(self) -> Mapping[str, str | None]:
        return self._does

    def prepare(self, spec: ContainerSpec, setup: Setup) -> Setup:
        self._notes.append(f"{self.name} prepare {spec.id}")
        if self._error is not None:
            raise self._error
        return setup if self._setup is None else self._setup

    def watch(self, container: Running, spec: ContainerSpec | None, report: Report) -> None:
        self._notes.append(f"{self.name} watch {container.id}")
        self.report = report

    def update(self, container: Running, limits: Limits) -> None:
        self._notes.append(f"{self.name} update {limits.memory}")
        if self._error is not None:
            raise self._error

    def usage(self, container: Running, known: Usage) -> Usage:
        return dataclasses.replace(known, processes=known.processes + 1)

    def kill(self, container: Running) -> None:
        self._notes.append(f"{self.name} kill {container.id}")

    def end(self, container: Running, known: Usage) -> tuple[Usage, Limitation | None]:
        self._notes.append(f"{self.name} end {container.id}")
        return dataclasses.replace(known, threads=7), self._verdict

    def recover(self, ids: Collection[str]) -> None:
        self._notes.append(f"{self.name} recover {sorted(ids)}")


async def test_the_life_of_a_container(box: Box) -> None:
    notes: list[str] = []
    does = {"memory": None}
    async with asyncio.timeout(30), Launcher([Noting("a", notes, does=does), Noting("b", notes)]) as launcher:
        container = await launcher.launch(box.shell("exec sleep 600"))
        assert notes == [
            "a recover []",
            "b recover []",
            "a prepare c",
            "b prepare c",
            "a watch c",
            "b watch c",
        ]
        notes.clear()
        assert container.usage().processes == 2
        container.update(Limits(memory=5))
        assert notes == ["a update 5", "b update 5"]
        notes.clear()
        await container.destroy()
        assert notes == ["a kill c", "b kill c", "b end c", "a end c"]
        assert container.usage().threads == 7
        container.update(Limits(memory=6))
        assert len(notes) == 4


@pytest.mark.parametrize("error", [ValueError("ContainerSpec.limits: no"), OSError(28, "full")])
async def test_what_cannot_be_made_ready_is_undone_and_the_launcher_goes_on(
    box: Box, error: Exception
) -> None:
    notes: list[str] = []
    first, second = Noting("a", notes), Noting("b", notes, error=error)
    async with asyncio.timeout(30), Launcher([first, second]) as launcher:
        with pytest.raises((ValueError, LaunchError), match=r"no|full"):
            await launcher.launch(box.shell("true"))
        assert notes[2:] == ["a prepare c", "b prepare c", "a end c"]
        second._error = None
        assert (await (await launcher.launch(box.shell("exit 3"))).wait()).code == 3


async def test_a_command_that_cannot_be_started_is_ended_with_its_isolators(box: Box) -> None:
    notes: list[str] = []
    async with asyncio.timeout(30), Launcher([Noting("a", notes)]) as launcher:
        with pytest.raises(LaunchError):
            await launcher.launch(box.spec("no-such-program"))
        assert notes == ["a recover []", "a prepare c", "a end c"]


async def test_a_limit_that_nobody_can_hold_is_refused_with_the_reason(box: Box) -> None:
    notes: list[str] = []
    does = {"memory": None, "pids": "there is no pids controller"}
    async with asyncio.timeout(30), Launcher([Noting("a", notes, does=does)]) as launcher:
        with pytest.raises(ValueError, match=r"Limits\.pids: 5 cannot be held: there is no pids controller"):
            await launcher.launch(box.shell("true", limits=Limits(pids=5)))
        with pytest.raises(ValueError, match=r"Limits\.disk: 5 cannot be held: no isolator does that"):
            await launcher.launch(box.shell("true", limits=Limits(disk=5)))
        container = await launcher.launch(box.shell("exec sleep 600", limits=Limits(memory=5)))
        with pytest.raises(ValueError, match=r"Limits\.pids"):
            container.update(Limits(pids=5))
        assert launcher.support() == {("a", "memory"): None, ("a", "pids"): "there is no pids controller"}


async def test_limits_that_one_refuses_are_those_of_before_for_all(box: Box) -> None:
    notes: list[str] = []
    does = {"memory": None}
    second = Noting("b", notes)
    async with asyncio.timeout(30), Launcher([Noting("a", notes, does=does), second]) as launcher:
        container = await launcher.launch(box.shell("exec sleep 600", limits=Limits(memory=5)))
        notes.clear()
        second._error = OSError(16, "busy")
        with pytest.raises(OSError, match="busy"):
            container.update(Limits(memory=6))
        assert notes == ["a update 6", "b update 6", "a update 5"]
        second._error = None
        container.update(Limits(memory=7))
        assert notes[3:] == ["a update 7", "b update 7"]


async def test_a_limit_that_is_hit_ends_the_container_and_says_why(box: Box) -> None:
    isolator = Noting("a", [])
    async with asyncio.timeout(30), Launcher([isolator]) as launcher:
        container = await launcher.launch(box.shell("setsid sleep 600 & exec sleep 600"))
        assert isolator.report is not None
        isolator.report(Limitation("memory", "memory limit 5 B: 6 B used"))
        isolator.report(Limitation("disk", "not the first"))
        end = await container.wait()
        assert (end.signal, end.limitation) == (9, Limitation("memory", "memory limit 5 B: 6 B used"))
        assert end.describe() == "killed by SIGKILL: memory limit 5 B: 6 B used"
        assert box.processes() == []


async def test_a_limit_that_is_found_at_the_end(box: Box) -> None:
    verdict = Limitation("memory", "the kernel killed it")
    async with asyncio.timeout(30), Launcher([Noting("a", [], verdict=verdict)]) as launcher:
        assert (await (await launcher.launch(box.shell("kill -9 $$"))).wait()).limitation == verdict
        # A shell that was quicker than the launcher: its command was killed.
        assert (await (await launcher.launch(box.shell("sh -c 'kill -9 $$'; exit $?"))).wait()).limitation
        # One that went on and ended by itself did not end for it.
        assert (await (await launcher.launch(box.shell("exit 1"))).wait()).limitation is None


async def test_two_with_one_id_cannot_run_at_once(box: Box) -> None:
    async with asyncio.timeout(30), Launcher() as launcher:
        both = await asyncio.gather(
            *(launcher.launch(box.shell("exec sleep 600")) for _ in range(2)), return_exceptions=True
        )
        assert sorted(type(each).__name__ for each in both) == ["Container", "ValueError"]


async def test_what_an_earlier_launcher_left_is_taken_over(box: Box) -> None:
    notes: list[str] = []
    async with asyncio.timeout(30):
        first = Launcher([Noting("a", notes)], state_dir=box.state)
        await first.launch(box.shell("exec sleep 600"))
        await first.detach()
        notes.clear()
        async with Launcher([Noting("a", notes)], state_dir=box.state) as second:
            spec = box.shell("exec sleep 600")
            (container,) = await second.recover({"c": spec})
            assert notes == ["a recover ['c']", "a watch c"]
            await container.destroy()
            assert notes[2:] == ["a kill c", "a end c"]


# What shims do of it.


def run_as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")


async def said(box: Box, setup: Setup, line: str) -> str:
    async with asyncio.timeout(30), Launcher([Noting("a", [], setup=setup)]) as launcher:
        box.path.chmod(0o777)
        end = await (await launcher.launch(box.shell(line))).wait()
        assert end.code == 0, box.err
        return box.out


async def test_another_user_with_its_groups(box: Box) -> None:
    run_as_root()
    nobody = pwd.getpwnam("nobody")
    group = grp.getgrnam("daemon").gr_gid
    setup = Setup(user=User(nobody.pw_uid, nobody.pw_gid, (group,)))
    assert (await said(box, setup, "id -u; id -g; id -G")).split("\n") == [
        str(nobody.pw_uid),
        str(nobody.pw_gid),
        f"{nobody.pw_gid} {group}",
        "",
    ]


async def test_rights_are_given_up(box: Box) -> None:
    run_as_root()
    setup = Setup(no_new_privs=True, capabilities=frozenset({0}), oom_score_adj=500)
    lines = (await said(box, setup, "cat /proc/self/status /proc/self/oom_score_adj")).splitlines()
    status = dict(line.split(":\t", 1) for line in lines[:-1])
    assert (status["NoNewPrivs"], int(status["CapEff"], 16), int(status["CapBnd"], 16)) == ("1", 1, 1)
    assert lines[-1] == "500"


async def test_a_control_group_that_is_not_there(box: Box) -> None:
    setup = Setup(groups=(Path("/proc/no-such/cgroup.procs"),))
    async with asyncio.timeout(30), Launcher([Noting("a", [], setup=setup)]) as launcher:
        with pytest.raises(LaunchError, match=r"control group /proc/no-such/cgroup\.procs"):
            await launcher.launch(box.shell("true"))
