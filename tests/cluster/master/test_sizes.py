"""What the registry could not keep is refused where it comes from: a master that cannot write ends."""

from __future__ import annotations

import msgspec
import pytest

from cluster.attributes import Attributes
from cluster.master.validation import MAX_NAME, role_problem
from cluster.messages import (
    AgentInfo,
    AgentRefused,
    FrameworkInfo,
    FrameworkRefused,
    OperationState,
    RegisterAgent,
    Reserve,
    ShutdownFramework,
    Subscribe,
    UpdateFramework,
    UpdateOperation,
    check_id,
)
from cluster.registry import MAX_OBJECT, Quota, Window
from cluster.resources import Resources
from tests.cluster.world import World, running

HUGE = "x" * MAX_OBJECT
MANY = 25_000
"""So many names of resources are more than half a MiB."""


def many_resources() -> Resources:
    return Resources.parse(";".join(f"resource{number:020}:1" for number in range(MANY)))


@pytest.mark.parametrize("field", ["hostname", "attributes", "resources", "revocable"])
@pytest.mark.asyncio
async def test_an_agent_that_says_too_much(world: World, field: str) -> None:
    agent = world.spawn()
    info = AgentInfo("host", Resources.parse("cpus:1"))
    value = {
        "hostname": HUGE,
        "attributes": Attributes.parse(";".join(f"rack{number}:{HUGE[:1024]}" for number in range(600))),
        "resources": many_resources(),
        "revocable": many_resources(),
    }[field]
    world.tell(agent, RegisterAgent(msgspec.structs.replace(info, **{field: value})))
    await world.settle()
    (refused,) = agent.take(AgentRefused)
    assert refused.message.startswith("agent takes ")
    assert f" bytes, {MAX_OBJECT} are possible; agent.{field} alone takes " in refused.message
    assert world.registry.state.agents == {}
    world.tell(agent, RegisterAgent(info))
    await world.settle()
    assert agent.take(AgentRefused) == []


@pytest.mark.asyncio
async def test_an_agent_that_says_too_much_when_it_is_known(world: World) -> None:
    agent = await world.agent(checkpoint=True)
    info = msgspec.structs.replace(agent.info, hostname=HUGE)
    world.tell(agent, RegisterAgent(info, incarnation="2"))
    await world.settle()
    assert "agent.hostname alone takes" in agent.take(AgentRefused)[0].message
    assert world.registry.state.agents == {agent.id: agent.info}


@pytest.mark.parametrize(
    "fields",
    [
        {"name": HUGE},
        {"labels": {"a": HUGE}},
        {"roles": tuple(f"{'r' * 120}{number}" for number in range(5000))},
        {"min_offer": (many_resources(),)},
    ],
    ids=lambda fields: next(iter(fields)),
)
@pytest.mark.asyncio
async def test_a_framework_that_says_too_much(world: World, fields: dict[str, object]) -> None:
    framework = world.spawn()
    world.tell(framework, Subscribe(FrameworkInfo(**{"name": "f", **fields})))
    await world.settle()
    (refused,) = framework.take(FrameworkRefused)
    assert f"{MAX_OBJECT} are possible; framework.{next(iter(fields))} alone takes " in refused.message
    assert world.registry.state.frameworks == {}


@pytest.mark.asyncio
async def test_a_framework_that_says_too_much_later(world: World) -> None:
    framework = await world.framework()
    before = world.registry.state.frameworks
    world.tell(
        framework,
        UpdateFramework(msgspec.structs.replace(framework.framework, webui_url=HUGE)),
    )
    await world.settle()
    (update,) = framework.take(UpdateOperation)
    assert update.state is OperationState.ERROR
    assert "framework.webui_url alone takes" in update.message
    assert world.registry.state.frameworks == before


@pytest.mark.parametrize("fields", [{"name": HUGE}, {"id": "a/b"}, {"id": ""}, {"roles": ("..",)}])
@pytest.mark.asyncio
async def test_a_framework_that_an_agent_brings_and_no_master_took(
    world: World, fields: dict[str, object]
) -> None:
    """The registry is new: who comes is believed, but not everything."""
    info = FrameworkInfo(**{"name": "f", "id": "f-1", **fields})
    agent = world.spawn()
    agent.info = AgentInfo("host", Resources.parse("cpus:4;mem:1024"), id="A")
    registered = await world.register(agent, running(info.id), frameworks=[info])
    assert registered.agent_id == "A"
    assert agent.take(ShutdownFramework) == [ShutdownFramework(info.id)]
    assert world.registry.state.frameworks == {}


@pytest.mark.asyncio
async def test_a_quota_of_too_much(world: World) -> None:
    problem = await world.order("set_quota", "eng", Quota(limit=many_resources()))
    assert "quota.limit alone takes" in problem
    assert world.registry.state.quotas == {}


@pytest.mark.asyncio
async def test_reservations_that_add_up_to_too_much(world: World) -> None:
    names = [f"{'r' * 100}{number}" for number in range(2000)]
    agent = await world.agent(";".join(["cpus:4;mem:1024", *(f"{name}:10" for name in names)]))
    framework = await world.framework("eng")
    each = Resources.parse(";".join(f"{name}:1" for name in names))
    reserve = [Reserve(each, f"eng/{number}", f"{number}") for number in range(3)]
    updates = await world.operate(framework, framework.offers(), *reserve)
    (refused,) = [update for update in updates if update.state is OperationState.ERROR]
    assert refused.operation_id == "2"
    assert refused.message.startswith(f"what is reserved on agent {agent.id} takes ")
    assert world.registry.state.reservations[agent.id].keys() == {"eng/0", "eng/1"}
    # What operators say comes to no more.
    assert "are possible" in await world.order("reserve", agent.id, "ops", each)
    assert await world.order("unreserve", agent.id, "eng/0", each) is None
    assert await world.order("reserve", agent.id, "ops", each) is None


@pytest.mark.parametrize(
    ("name", "machines", "text"),
    [
        ("w", tuple(f"{'m' * 200}{number}" for number in range(3000)), ".machines alone takes"),
        ("w" * (MAX_NAME + 1), ("m",), f"of at most {MAX_NAME} characters"),
        ("w", ("m" * 256,), "of at most 255 characters"),
        ("\udc80", ("m",), "its name is to be UTF-8"),
        ("w", ("\udc80",), r"machine '\udc80' is to be UTF-8"),
    ],
)
@pytest.mark.asyncio
async def test_a_window_that_cannot_be_kept(
    world: World, name: str, machines: tuple[str, ...], text: str
) -> None:
    assert text in await world.order("update_schedule", {name: Window(machines, 100.0)})
    assert world.registry.state.windows == {}


def test_names_that_cannot_be_keys() -> None:
    long = "/".join(["r" * 128] * 8)
    assert role_problem(long[:MAX_NAME]) is None
    assert f"has {MAX_NAME + 1} characters" in str(role_problem(f"r{long[:MAX_NAME]}"))
    assert role_problem("eng/\udc80")
    assert check_id("agent.id", "\udc80")
    assert check_id("agent.id", "a/b")
    assert check_id("agent.id", "é" * 127) is None
    assert check_id("agent.id", "é" * 128)


@pytest.mark.asyncio
async def test_a_role_that_cannot_be_a_key_gets_no_weight(world: World) -> None:
    assert "is not a valid name" in await world.order("set_weights", {"\udc80": 2.0})
    assert "are possible" in await world.order("set_weights", {"r/" * MAX_NAME: 2.0})
    assert world.registry.state.weights == {}
