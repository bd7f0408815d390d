"""Figures under Mesos's names: each against what is known of a small cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import pytest_asyncio

from actors import Actor, ActorSystem, PausedClock
from actors.testing import settle
from cluster.http.v0.metrics import agent_metrics, master_metrics, standby_metrics
from cluster.messages import AgentInfo, ExecutorInfo, FrameworkInfo, RegisterAgent, RunTask, RunTaskGroup
from cluster.resources import Resources
from isolation import Exit
from tests.cluster.agent.world import FRAMEWORK, AgentWorld
from tests.cluster.http.served import Served
from tests.cluster.http.v0.scenes import busy
from tests.cluster.world import task

# As src/master/metrics.cpp, src/slave/metrics.cpp and docs/monitoring.md of Mesos 1.11 have them.
RESOURCE_KINDS = [f"{name}{kind}" for kind in ("", "_revocable") for name in ("cpus", "gpus", "mem", "disk")]
RESOURCES = {f"{name}_{figure}" for name in RESOURCE_KINDS for figure in ("total", "used", "percent")}
MASTER = {
    *RESOURCES,
    "uptime_secs",
    "elected",
    "slaves_connected",
    "slaves_disconnected",
    "slaves_active",
    "slaves_inactive",
    "slaves_unreachable",
    "frameworks_connected",
    "frameworks_disconnected",
    "frameworks_active",
    "frameworks_inactive",
    "outstanding_offers",
    "operator_event_stream_subscribers",
    "tasks_staging",
    "tasks_starting",
    "tasks_running",
    "tasks_unreachable",
    "tasks_killing",
    "tasks_finished",
    "tasks_failed",
    "tasks_killed",
    "tasks_lost",
    "tasks_error",
    "tasks_dropped",
    "tasks_gone",
    "tasks_gone_by_operator",
    "dropped_messages",
    "slave_registrations",
    "slave_reregistrations",
    "slave_removals",
    "slave_removals/reason_unhealthy",
    "slave_removals/reason_registered",
    "slave_unreachable_completed",
    "recovery_slave_removals",
}
AGENT = {
    *RESOURCES,
    "uptime_secs",
    "registered",
    "frameworks_active",
    "tasks_staging",
    "tasks_starting",
    "tasks_running",
    "tasks_killing",
    "tasks_finished",
    "tasks_failed",
    "tasks_killed",
    "tasks_lost",
    "tasks_gone",
    "executors_registering",
    "executors_running",
    "executors_terminating",
    "executors_terminated",
}
# What there is of both kinds in Mesos besides, and not here.
LACKING = [
    "master/event_queue_messages",
    "master/event_queue_dispatches",
    "master/event_queue_http_requests",
    "master/http_cache_hits",
    "master/operations/total",
    "master/operations/reserve/finished",
    "master/messages_register_framework",
    "master/messages_reregister_framework",
    "master/messages_unregister_framework",
    "master/messages_deactivate_framework",
    "master/messages_kill_task",
    "master/messages_status_update_acknowledgement",
    "master/messages_resource_request",
    "master/messages_launch_tasks",
    "master/messages_decline_offers",
    "master/messages_revive_offers",
    "master/messages_suppress_offers",
    "master/messages_reconcile_operations",
    "master/messages_reconcile_tasks",
    "master/messages_framework_to_executor",
    "master/messages_executor_to_framework",
    "master/messages_register_slave",
    "master/messages_reregister_slave",
    "master/messages_unregister_slave",
    "master/messages_status_update",
    "master/messages_exited_executor",
    "master/messages_update_slave",
    "master/messages_authenticate",
    "master/valid_framework_to_executor_messages",
    "master/invalid_framework_to_executor_messages",
    "master/valid_status_updates",
    "master/invalid_status_updates",
    "master/valid_status_update_acknowledgements",
    "master/invalid_status_update_acknowledgements",
    "master/slave_removals/reason_unregistered",
    "master/slave_shutdowns_scheduled",
    "master/slave_shutdowns_completed",
    "master/slave_shutdowns_canceled",
    "master/slave_unreachable_scheduled",
    "master/slave_unreachable_canceled",
    "master/frameworks/n/i/calls",
    "master/frameworks/n/i/calls/accept",
    "master/frameworks/n/i/events",
    "master/frameworks/n/i/offers/sent",
    "master/frameworks/n/i/tasks/terminal/task_finished",
    "master/frameworks/n/i/operations",
    "master/task_lost/source_master/reason_slave_removed",
    "allocator/mesos/allocation_runs",
    "allocator/mesos/allocation_run_ms",
    "allocator/mesos/event_queue_dispatches",
    "allocator/mesos/offer_filters/roles/r/active",
    "registrar/log/recovered",
    "registrar/queued_operations",
    "registrar/registry_size_bytes",
    "registrar/state_fetch_ms",
    "registrar/state_store_ms",
    "allocator/mesos/quota/roles/r/resources/cpus/offered_or_allocated",
    "slave/recovery_errors",
    "slave/recovery_time_secs",
    "slave/valid_status_updates",
    "slave/invalid_status_updates",
    "slave/valid_framework_messages",
    "slave/invalid_framework_messages",
    "slave/executors_preempted",
    "slave/executor_directory_max_allowed_age_secs",
    "slave/container_launch_errors",
    "gc/path_removals_succeeded",
    "gc/path_removals_failed",
    "containerizer/mesos/container_destroy_errors",
    "containerizer/fetcher/cache_size_used_bytes",
]
SYSTEM = {
    "system/cpus_total",
    "system/load_1min",
    "system/load_5min",
    "system/load_15min",
    "system/mem_free_bytes",
    "system/mem_total_bytes",
}


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    async with Served() as served:
        yield served


def shown(figures: dict[str, float], prefix: str, *names: str) -> dict[str, float]:
    return {name: figures[f"{prefix}{name}"] for name in names}


@pytest.mark.asyncio
async def test_a_busy_master(served: Served) -> None:
    scene = await busy(served)
    figures = await served.get("/metrics/snapshot")
    assert set(figures) >= {f"master/{name}" for name in MASTER} | SYSTEM | {"ostrom_actors"}
    counted = {name.removeprefix("master/"): value for name, value in figures.items()}
    known = {
        "elected": 1,
        "slaves_connected": 2,
        "slaves_disconnected": 0,
        "slaves_active": 1,
        "slaves_inactive": 1,
        "slaves_unreachable": 1,
        "slave_registrations": 3,
        "slave_reregistrations": 0,
        "slave_removals": 1,
        "slave_removals/reason_unhealthy": 1,
        "slave_unreachable_completed": 1,
        "recovery_slave_removals": 0,
        "frameworks_connected": 1,
        "frameworks_disconnected": 1,
        "frameworks_active": 1,
        "frameworks_inactive": 1,
        "outstanding_offers": 1,
        "tasks_staging": 1,
        "tasks_starting": 1,
        "tasks_running": 3,
        "tasks_killing": 1,
        "tasks_unreachable": 1,
        "tasks_finished": 1,
        "tasks_failed": 1,
        "tasks_killed": 0,
        "cpus_total": 12,
        "cpus_used": 5,
        "cpus_percent": 5 / 12,
        "mem_total": 1280,
        "mem_used": 352,
        "gpus_total": 0,
        "gpus_percent": 0,
        "cpus_revocable_total": 2,
        "cpus_revocable_used": 1.5,
        "cpus_revocable_percent": 0.75,
        "mem_revocable_total": 0,
    }
    assert {name: counted[name] for name in known} == known
    assert counted["uptime_secs"] == served.clock.time() - served.system.started_at > 90
    assert figures["allocator/mesos/resources/cpus/total"] == 14
    # 5 are used, 1.5 of those that may be taken back, the rest of near is on offer; none of idle's is.
    assert figures["allocator/mesos/resources/cpus/offered_or_allocated"] == 10
    assert figures["allocator/mesos/roles/eng/shares/dominant"] == 1.0
    assert figures["allocator/mesos/quota/roles/eng/resources/cpus/guarantee"] == 2
    assert figures["allocator/mesos/quota/roles/eng/resources/cpus/limit"] == 9
    prefix = f"master/frameworks/test/{scene.eng.id}/"
    names = ("subscribed", "tasks/active/task_running", "tasks/active/task_unreachable")
    assert shown(figures, prefix, *names) == dict(zip(names, (1, 3, 1), strict=True))
    assert figures[f"{prefix}roles/eng/suppressed"] == 0
    assert figures[f"master/frameworks/test/{scene.ops.id}/subscribed"] == 0
    assert not any(scene.ended.id in name for name in figures)


@pytest.mark.asyncio
async def test_no_name_that_mesos_has_not(served: Served) -> None:
    await busy(served)
    others = {
        name
        for name in master_metrics(served.master)
        if not name.startswith(("master/frameworks/", "allocator/mesos/"))
    }
    assert others == {f"master/{name}" for name in MASTER} | SYSTEM


@pytest.mark.asyncio
async def test_the_page_lists_what_lacks_and_nothing_else(served: Served, tmp_path: Path) -> None:
    text = (Path(__file__).parents[4] / "docs" / "mesos-compatibility.md").read_text()
    patterns = text.partition("### Metrics")[2].split("```")[1].split()
    assert len(patterns) > 30
    for name in LACKING:
        assert any(fnmatchcase(name, pattern) for pattern in patterns), name
    await busy(served)
    async with AgentWorld(tmp_path) as world:
        known = {**master_metrics(served.master), **agent_metrics(world.agent)}
    for name in known:
        assert not any(fnmatchcase(name, pattern) for pattern in patterns), name


@pytest.mark.asyncio
async def test_agents_that_come_back_or_do_not(served: Served) -> None:
    agent, lost = await served.agent(hostname="a"), await served.agent(hostname="b")
    await served.disconnect(agent)
    assert master_metrics(served.master)["master/slaves_disconnected"] == 1
    await served.register(agent)
    await served.restart()
    await served.register(agent)
    figures = master_metrics(served.master)
    names = ("slave_registrations", "slave_reregistrations")
    assert shown(figures, "master/", *names) == {"slave_registrations": 0, "slave_reregistrations": 1}
    for _ in range(45):
        await served.advance(15)
    assert lost.id in served.master.state.out_of_reach()
    figures = master_metrics(served.master)
    assert shown(figures, "master/", "recovery_slave_removals", "slave_removals") == {
        "recovery_slave_removals": 1,
        "slave_removals": 0,
    }
    await served.register(lost)
    assert master_metrics(served.master)["master/slave_reregistrations"] == 2
    served.tell(agent, RegisterAgent(AgentInfo("c", Resources.of(cpus=1)), incarnation="another"))
    await served.settle()
    assert master_metrics(served.master)["master/slave_removals/reason_registered"] == 1


@pytest.mark.asyncio
async def test_tasks_that_the_master_refuses(served: Served) -> None:
    framework = await served.framework()
    await served.agent()
    await served.accept(framework, framework.offers(), task("much", "cpus:99"))
    await served.accept(framework, ["none"], task("late"))
    figures = master_metrics(served.master)
    assert shown(figures, "master/", "tasks_error", "tasks_lost", "tasks_dropped") == {
        "tasks_error": 1,
        "tasks_lost": 0,
        "tasks_dropped": 1,
    }


@pytest.mark.asyncio
async def test_names_of_frameworks_are_no_paths(served: Served) -> None:
    framework = await served.framework()
    state = served.master.state
    state.frameworks[framework.id].info = FrameworkInfo("a/b c", id=framework.id)
    assert f"master/frameworks/a%2Fb%20c/{framework.id}/subscribed" in master_metrics(served.master)


@pytest.mark.asyncio
async def test_an_agent(tmp_path: Path) -> None:
    async with AgentWorld(tmp_path) as world:
        await world.run("a", "b", "c")
        await world.acknowledge()
        world.machine.container("a").end(Exit(code=0))
        await world.settle()
        world.machine.container("b").end(Exit(code=1))
        await world.settle()
        group = RunTaskGroup(
            FRAMEWORK,
            ExecutorInfo("g", resources=Resources.of(cpus=0.5)),
            (task("x", "cpus:0.25"), task("y", "cpus:0.25")),
            "*",
        )
        await world.tell(group)
        await world.advance(10)
        figures = agent_metrics(world.agent)
        assert set(figures) == {f"slave/{name}" for name in AGENT} | SYSTEM | {"gc/path_removals_pending"}
        known = {
            "registered": 1,
            "frameworks_active": 1,
            "tasks_running": 3,
            "tasks_staging": 0,
            "tasks_finished": 1,
            "tasks_failed": 1,
            "tasks_killed": 0,
            # The group's two tasks have one.
            "executors_running": 2,
            "executors_registering": 0,
            "executors_terminated": 2,
            "cpus_total": 4,
            "cpus_used": 2,
            "cpus_percent": 0.5,
            "mem_used": 128,
            "cpus_revocable_total": 0,
            "uptime_secs": 10,
        }
        assert shown(figures, "slave/", *known) == known
        assert figures["gc/path_removals_pending"] == 2
        await world.acknowledge()
        figures = agent_metrics(world.agent)
        assert shown(figures, "slave/", "tasks_finished", "tasks_failed") == {
            "tasks_finished": 1,
            "tasks_failed": 1,
        }
        world.master.answers = False
        for name in ("x", "y"):
            world.machine.container(name).end(Exit(code=0))
        await world.settle()
        assert agent_metrics(world.agent)["slave/executors_terminated"] == 3
        await world.ping(connected=False)
        assert agent_metrics(world.agent)["slave/registered"] == 0


@pytest.mark.asyncio
async def test_what_is_revocable_is_counted_by_itself(tmp_path: Path) -> None:
    world = AgentWorld(tmp_path)
    world.info = type(world.info)("host", Resources.of(cpus=4), revocable=Resources.of(cpus=2))
    async with world:
        await world.tell(RunTask(FRAMEWORK, task("r", "cpus:0.5", revocable=True), "*"))
        figures = agent_metrics(world.agent)
        names = ("cpus_used", "cpus_revocable_used", "cpus_revocable_total", "cpus_revocable_percent")
        assert shown(figures, "slave/", *names) == dict(zip(names, (0, 0.5, 2, 0.25), strict=True))


def test_a_master_that_stands_by() -> None:
    figures = standby_metrics(5.0)
    assert figures.keys() == {"master/elected", "master/uptime_secs", *SYSTEM}
    assert (figures["master/elected"], figures["master/uptime_secs"]) == (0, 5)


@pytest.mark.asyncio
async def test_a_source_lasts_as_long_as_its_actor() -> None:
    async with ActorSystem(clock=PausedClock()) as system:
        upid = system.spawn(Actor(), "one")
        system.http.metrics.add_source(upid, lambda: {"a/b": 1.0})
        system.http.metrics.add_source(upid, lambda: {"a/c": 2.0})
        figures = system.http.metrics.snapshot()
        assert "a/b" not in figures
        assert (figures["a/c"], figures["ostrom_actors"]) == (2.0, 1.0)
        system.terminate(upid)
        await settle(system)
        assert "a/c" not in system.http.metrics.snapshot()
