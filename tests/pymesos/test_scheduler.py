"""PyMesos's scheduler driver, unmodified, and a whole cluster with command tasks."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cluster.local import AgentNode, LocalCluster
from cluster.master.invariants import violations
from tests.pymesos.remote import LIMIT, Remote, Schedulers, amount, schedulers, task, value
from tests.system.harness import eventually, processes_with

FOR_LONG = {"value": "sleep 600"}


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[LocalCluster]:
    async with asyncio.timeout(LIMIT), LocalCluster(agents=1, resources="cpus:4;mem:1024") as cluster:
        yield cluster
        assert violations(cluster.master_node.master.state) == []


@pytest_asyncio.fixture
async def started(pymesos: Path, tmp_path: Path) -> AsyncIterator[Schedulers]:
    async with schedulers(pymesos, tmp_path) as started:
        yield started


@pytest.mark.asyncio
async def test_subscribe_and_end(cluster: LocalCluster, started: Schedulers) -> None:
    framework = await started.start(cluster.master, name="mine", role="web")
    framework_id, master = await framework.event("registered")
    host, port = cluster.master.split(":")
    assert master == {"hostname": host, "port": int(port), "version": "1.11.0"}
    known = cluster.master_node.master.state.frameworks[framework_id["value"]]
    assert (known.info.name, known.info.roles, known.info.failover_timeout) == ("mine", ("web",), 60)
    (offer,) = await framework.offers()
    assert (amount(offer, "cpus"), amount(offer, "mem")) == (4, 1024)
    assert offer["framework_id"] == framework_id
    (ports,) = [each["ranges"]["range"] for each in offer["resources"] if each["name"] == "ports"]
    assert ports == [{"begin": 31000, "end": 31999}]
    assert offer["hostname"]
    # One that has only one role is not told whose offer it is, as in Mesos.
    assert "allocation_info" not in offer
    assert framework.heard("processHeartBeat")
    await framework.call("stop")
    await framework.end()
    # It has said that it is to end, and has not only gone.
    assert framework_id["value"] not in cluster.master_node.master.state.frameworks


@pytest.mark.asyncio
async def test_what_is_declined_does_not_come_back_before_its_time(
    cluster: LocalCluster, started: Schedulers
) -> None:
    framework = await started.start(cluster.master)
    (offer,) = await framework.offers()
    declined = time.monotonic()
    await framework.call("declineOffer", offer["id"], filters={"refuse_seconds": 7})
    (again,) = await framework.offers()
    # Without a filter it is offered again within a second, with none of its own after five.
    assert time.monotonic() - declined >= 7
    assert again["id"] != offer["id"]
    assert again["agent_id"] == offer["agent_id"]
    # For ever, until it is revived.
    await framework.call("declineOffer", [again["id"]], filters={"refuse_seconds": 4294967295})
    await framework.call("reviveOffers")
    (third,) = await framework.offers()
    assert third["id"] not in (offer["id"], again["id"])


@pytest.mark.asyncio
async def test_command_tasks(cluster: LocalCluster, started: Schedulers) -> None:
    framework = await started.start(cluster.master)
    (offer,) = await framework.offers()
    tasks = [
        task(
            offer,
            "good",
            command={"value": "test $A = b", "environment": {"variables": [{"name": "A", "value": "b"}]}},
        ),
        task(offer, "bad", command={"value": "exit 3"}),
        # As many frameworks write it.
        task(offer, "no-gpu", command={"shell": False, "value": "true", "arguments": ["true"]}),
    ]
    tasks[2]["resources"].append({"name": "gpus", "type": "SCALAR", "scalar": {"value": 0}})
    await framework.call("launchTasks", offer["id"], tasks)
    for task_id, state in [("good", "TASK_FINISHED"), ("bad", "TASK_FAILED"), ("no-gpu", "TASK_FINISHED")]:
        running = await framework.status(task_id, "TASK_RUNNING")
        assert running["agent_id"] == offer["agent_id"]
        assert running["uuid"]
        status = await framework.status(task_id, state)
        assert status["timestamp"] >= running["timestamp"]
    # What is left of the offer comes back, and so does what the tasks had.
    back = 0.0
    while back < 4:
        back += sum(amount(each, "cpus") for each in await framework.offers())
    assert back == pytest.approx(4)


@pytest.mark.asyncio
async def test_a_task_that_cannot_be_is_an_error_and_the_others_run(
    cluster: LocalCluster, started: Schedulers
) -> None:
    framework = await started.start(cluster.master)
    (offer,) = await framework.offers()
    tasks = [
        task(
            offer,
            "docker",
            container={"type": "DOCKER", "docker": {"image": "busybox"}},
            command={"value": "true"},
        ),
        task(offer, "fine", command={"value": "true"}),
        task(offer, "too-much", "cpus:100;mem:32", command={"value": "true"}),
    ]
    await framework.call("launchTasks", offer["id"], tasks)
    for task_id, reason in [("docker", "REASON_TASK_INVALID"), ("too-much", "REASON_TASK_INVALID")]:
        status = await framework.status(task_id, "TASK_ERROR")
        assert status["reason"] == reason
        assert status["message"]
        # The master made it: there is nothing to acknowledge.
        assert "uuid" not in status
    await framework.status("fine", "TASK_FINISHED")


@pytest.mark.asyncio
async def test_kill(cluster: LocalCluster, started: Schedulers) -> None:
    framework = await launched(cluster, started, "t")
    await framework.call("killTask", value("t"))
    await framework.status("t", "TASK_KILLED")
    # What is not known is told to be lost, with no harm done.
    await framework.call("killTask", value("never-was"))
    status = await framework.status("never-was", "TASK_LOST")
    assert status["reason"] == "REASON_RECONCILIATION"


@pytest.mark.asyncio
async def test_reconcile(cluster: LocalCluster, started: Schedulers) -> None:
    framework = await launched(cluster, started, "a", "b")
    await framework.call("reconcileTasks", [{"task_id": value("a")}, {"task_id": value("never-was")}])
    for task_id, state in [("a", "TASK_RUNNING"), ("never-was", "TASK_LOST")]:
        status = await framework.status(task_id, state)
        assert status["reason"] == "REASON_RECONCILIATION"
        assert status["source"] == "SOURCE_MASTER"
        assert "uuid" not in status
    assert framework.heard("statusUpdate") == []
    await framework.call("reconcileTasks", [])
    for task_id in ("a", "b"):
        status = await framework.status(task_id, "TASK_RUNNING")
        assert status["reason"] == "REASON_RECONCILIATION"
    assert framework.heard("statusUpdate") == []


@pytest.mark.asyncio
async def test_suppress_and_revive(cluster: LocalCluster, started: Schedulers) -> None:
    framework = await started.start(cluster.master)
    (offer,) = await framework.offers()
    await framework.call("suppressOffers")
    await framework.call("declineOffer", offer["id"], filters={"refuse_seconds": 0})
    # Another gets it, and gives it back: that many allocations has the first been passed over in.
    other = await started.start(cluster.master, name="other")
    for _ in range(2):
        (theirs,) = await other.offers()
        await other.call("declineOffer", theirs["id"], filters={"refuse_seconds": 0})
    await other.call("stop")
    await other.end()
    # Reconciliation is answered in order: no offer had been made before.
    await framework.call("reconcileTasks", [{"task_id": value("never-was")}])
    await framework.status("never-was", "TASK_LOST")
    assert framework.heard("resourceOffers") == []
    await framework.call("reviveOffers")
    (again,) = await framework.offers()
    assert again["agent_id"] == offer["agent_id"]


@pytest.mark.asyncio
async def test_suppress_and_revive_one_role(cluster: LocalCluster, started: Schedulers) -> None:
    multi = {"roles": ["a", "b"], "capabilities": [{"type": "MULTI_ROLE"}]}
    framework = await started.start(cluster.master, **multi)
    (offer,) = await framework.offers()
    role = offer["allocation_info"]["role"]
    other = {"a": "b", "b": "a"}[role]
    await framework.call("suppressOffers", [role])
    await framework.call("declineOffer", offer["id"], filters={"refuse_seconds": 0})
    (again,) = await framework.offers()
    assert again["allocation_info"]["role"] == other
    await framework.call("suppressOffers", [other])
    await framework.call("declineOffer", again["id"], filters={"refuse_seconds": 0})
    await framework.call("reviveOffers", [role])
    (third,) = await framework.offers()
    assert third["allocation_info"]["role"] == role


@pytest.mark.asyncio
async def test_an_update_that_is_not_acknowledged_comes_again(
    cluster: LocalCluster, started: Schedulers
) -> None:
    framework = await started.start(cluster.master, options={"implicit_acknowledgements": False})
    (offer,) = await framework.offers()
    await framework.call("launchTasks", offer["id"], [task(offer, "t", command={"value": "true"})])
    first = await framework.status("t", "TASK_RUNNING")
    again = await framework.status("t", "TASK_RUNNING")
    assert again == first
    # The next one waits for it.
    assert framework.heard("statusUpdate") == []
    await framework.call("acknowledgeStatusUpdate", again)
    last = await framework.status("t", "TASK_FINISHED")
    assert last["uuid"] != first["uuid"]
    await framework.call("acknowledgeStatusUpdate", last)
    # Acknowledged twice, and no longer there: no answer kills the driver.
    await framework.call("acknowledgeStatusUpdate", last)
    await framework.call("reconcileTasks", [])
    await framework.call("stop")
    await framework.end()


@pytest.mark.asyncio
async def test_loss_of_an_agent(cluster: LocalCluster, started: Schedulers) -> None:
    framework = await launched(cluster, started, "t")
    (agent,) = cluster.agents
    assert isinstance(agent, AgentNode)
    (agent_id,) = cluster.master_node.master.state.agents
    cluster.agents.remove(agent)
    await agent.stop()
    status = await framework.status("t", "TASK_LOST")
    assert status["agent_id"] == value(agent_id)
    assert await framework.event("slaveLost") == [value(agent_id)]
    # One that comes instead is offered.
    await cluster.add_agent()
    (offer,) = await framework.offers()
    assert offer["agent_id"] != value(agent_id)


@pytest.mark.asyncio
async def test_an_offer_is_rescinded(cluster: LocalCluster, started: Schedulers) -> None:
    framework = await started.start(cluster.master)
    (offer,) = await framework.offers()
    (agent,) = cluster.agents
    cluster.agents.remove(agent)
    await agent.stop()
    assert await framework.event("offerRescinded") == [offer["id"]]
    # What uses it nevertheless is no error of the client's, but of the task's.
    await framework.call("launchTasks", offer["id"], [task(offer, "t", command={"value": "true"})])
    status = await framework.status("t", "TASK_LOST")
    assert status["reason"] == "REASON_INVALID_OFFERS"


@pytest.mark.asyncio
async def test_stop_for_good_ends_its_tasks(cluster: LocalCluster, started: Schedulers) -> None:
    framework = await started.start(cluster.master)
    (offer,) = await framework.offers()
    marker = uuid.uuid4().hex
    await framework.call(
        "launchTasks", offer["id"], [task(offer, "t", command={"value": f": {marker}; sleep 600"})]
    )
    await framework.status("t", "TASK_RUNNING")
    await eventually(lambda: processes_with(marker))
    await framework.call("stop")
    await framework.end()
    assert not cluster.master_node.master.state.frameworks
    await eventually(lambda: not processes_with(marker))


@pytest.mark.asyncio
async def test_stop_with_failover_and_another_goes_on(cluster: LocalCluster, started: Schedulers) -> None:
    first = await launched(cluster, started, "t")
    (framework_id, _) = await first.event("registered")
    await first.call("stop", failover=True)
    await first.end()
    second = await started.start(cluster.master, framework_id=framework_id["value"])
    await second.event("reregistered")
    assert second.heard("registered") == []
    await second.call("reconcileTasks", [])
    await second.status("t", "TASK_RUNNING")
    await second.call("killTask", value("t"))
    await second.status("t", "TASK_KILLED")


@pytest.mark.asyncio
async def test_a_successor_takes_over_from_one_that_lives(cluster: LocalCluster, started: Schedulers) -> None:
    first = await launched(cluster, started, "t")
    (framework_id, _) = await first.event("registered")
    second = await started.start(cluster.master, framework_id=framework_id["value"])
    await second.event("reregistered")
    # PyMesos does not stop at that, and takes its id back: the two take turns until one of them stops.
    assert await first.event("error") == ["Framework failed over"]
    await first.event("reregistered")
    assert await second.event("error") == ["Framework failed over"]
    await first.order("stop", failover=True)
    await first.end()
    await second.event("reregistered")
    await second.call("reconcileTasks", [])
    await second.status("t", "TASK_RUNNING")


@pytest.mark.asyncio
async def test_a_framework_that_has_ended_does_not_come_back(
    cluster: LocalCluster, started: Schedulers
) -> None:
    first = await started.start(cluster.master)
    (framework_id, _) = await first.event("registered")
    await first.call("stop")
    await first.end()
    second = await started.start(cluster.master, framework_id=framework_id["value"])
    assert await second.event("error") == ["Framework has been removed"]


@pytest.mark.asyncio
async def test_calls_that_have_no_effect_here(cluster: LocalCluster, started: Schedulers) -> None:
    framework = await started.start(cluster.master, options={"use_addict": True})
    (offer,) = await framework.offers()
    await framework.call("acceptOffers", [offer["id"]], [], {"refuse_seconds": 600})
    await framework.call("requestResources", [{"resources": []}])
    await framework.call("reconcileOperations", [{"operation_id": value("o")}])
    (status,) = await framework.event("operationStatusUpdate")
    assert status["state"] == "OPERATION_UNKNOWN"


async def launched(cluster: LocalCluster, started: Schedulers, *task_ids: str) -> Remote:
    """A framework whose tasks run, for long; it has `registered` still to be asked for."""
    framework = await started.start(cluster.master)
    (offer,) = await framework.offers()
    tasks = [task(offer, task_id, command=FOR_LONG) for task_id in task_ids]
    await framework.call("launchTasks", offer["id"], tasks, {"refuse_seconds": 600})
    for task_id in task_ids:
        await framework.status(task_id, "TASK_RUNNING")
    return framework
