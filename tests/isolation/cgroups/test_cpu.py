"""Processors: quotas, weights, what is best effort."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import pytest

from isolation import Limits
from tests.isolation.box import Box, eventually
from tests.isolation.cgroups.roots import SPIN, Site, cpu_seconds, cpus_used, group, number, preferred

pytestmark = pytest.mark.asyncio

TWO = f"({SPIN}) & {SPIN}"


@pytest.mark.parametrize("quotas", [(0.1, 0.5), (1.5,)])
async def test_a_quota_is_held_within_5_percent_over_4_seconds(
    site: Site, box: Box, quotas: tuple[float, ...]
) -> None:
    async with site.launcher() as (launcher, isolator):
        containers = [
            await launcher.launch(box.shell(TWO, id=f"q{quota}", limits=Limits(cpu_quota=quota)))
            for quota in quotas
        ]
        with preferred(isolator):
            # It has begun, and used up what it has of a period.
            await eventually(lambda: all((each.usage().throttled_periods or 0) > 2 for each in containers))
            used = await cpus_used(containers, 4)
        for quota, part in zip(quotas, used, strict=True):
            assert part == pytest.approx(quota, rel=0.05)
        for each in containers:
            usage = each.usage()
            assert usage.periods is not None
            assert usage.throttled_periods is not None
            assert 40 <= usage.throttled_periods <= usage.periods
            assert (usage.throttled_seconds or 0) > 1


async def test_weights_of_1_to_3_share_within_10_percent(site: Site, box: Box) -> None:
    async with site.launcher() as (launcher, isolator):
        containers = [
            await launcher.launch(box.shell(TWO, id=f"w{cpus}", limits=Limits(cpus=cpus)))
            for cpus in (0.5, 1.5)
        ]
        with preferred(isolator):
            await eventually(lambda: all(cpu_seconds(each) > 0.1 for each in containers))
            small, large = await cpus_used(containers, 4)
        assert large / small == pytest.approx(3, rel=0.1)


async def test_what_is_best_effort_has_what_is_left_and_that_can_be_changed(site: Site, box: Box) -> None:
    async with site.launcher() as (launcher, isolator):
        task = await launcher.launch(box.shell(TWO, id="task", limits=Limits(cpus=1)))
        batch = await launcher.launch(box.shell(TWO, id="batch", limits=Limits(best_effort=True)))

        async def parts() -> tuple[float, float]:
            with preferred(isolator):
                one, other = await cpus_used([task, batch], 1)
            return one, other

        one, other = await parts()
        assert other < 0.1 * one
        batch.update(Limits(cpus=1))
        one, other = await parts()
        assert 0.6 * one < other < 1.6 * one
        batch.update(Limits(cpus=1, best_effort=True))
        one, other = await parts()
        assert other < 0.1 * one


async def test_the_root_weighs_as_much_as_the_machine(site: Site, box: Box) -> None:
    async with site.launcher() as (launcher, isolator):
        await launcher.launch(box.shell("exec sleep 600", limits=Limits(cpus=0.5)))
        if isolator.roots["cpu"] == isolator.roots.get("cgroup"):
            pytest.skip("that is shares, of v1")
        assert number(isolator.roots["cpu"] / "cpu.shares") == 1024 * (os.cpu_count() or 1)
        assert number(group(isolator, "cpu") / "cpu.shares") == 512


async def test_quotas_change_while_it_runs(site: Site, box: Box) -> None:
    async with site.launcher() as (launcher, isolator):
        container = await launcher.launch(box.shell(SPIN, limits=Limits(cpu_quota=0.2)))
        used: Callable[[], asyncio.Future[list[float]]] = lambda: asyncio.ensure_future(  # noqa: E731
            cpus_used([container], 1)
        )
        with preferred(isolator):
            await eventually(lambda: (container.usage().throttled_periods or 0) > 0)
            assert (await used()) == pytest.approx([0.2], rel=0.2)
            container.update(Limits(cpu_quota=0.6))
            assert (await used()) == pytest.approx([0.6], rel=0.2)
            container.update(Limits(cpu_quota=0.005))
            assert (await used())[0] < 0.1
            container.update(Limits())
            assert (await used())[0] > 0.7


@pytest.mark.parametrize("quota", [0.0001])
async def test_a_quota_that_the_kernel_does_not_have_is_refused(site: Site, box: Box, quota: float) -> None:
    async with site.launcher() as (launcher, _isolator):
        with pytest.raises(ValueError, match=r"Limits\.cpu_quota: 0\.0001 cannot be held"):
            await launcher.launch(box.shell("true", limits=Limits(cpu_quota=quota)))
