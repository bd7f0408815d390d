"""The OpenAPI document: valid, whole, and true of what is served."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from cluster.http.openapi import AGENT, MASTER
from cluster.local import AgentNode, LocalCluster, MasterNode
from cluster.v1 import json as v1_json
from cluster.v1.types import executor, scheduler

pytestmark = pytest.mark.asyncio


def served(node: MasterNode | AgentNode, name: str) -> set[tuple[str, str]]:
    """What a node serves, by method and plain path."""
    return {
        (method, route.path.removeprefix(f"/{name}") or "/" if route.upid is not None else route.path)
        for route in node.system.http.routes()
        if route.upid is None or route.path.startswith(f"/{name}")
        for method in route.methods
    }


async def test_all_that_is_served_is_described_and_nothing_else() -> None:
    async with LocalCluster(agents=1, timers=True) as cluster:
        agent, master = cluster.agents[0], cluster.master_node
        assert isinstance(master, MasterNode)
        assert isinstance(agent, AgentNode)
        assert served(master, "master") == set(MASTER)
        assert served(agent, "agent") == set(AGENT)


async def document_of(address: str) -> Any:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{address}/api/openapi.json") as answer,
    ):
        assert answer.status == 200
        return json.loads(await answer.text())


async def test_the_documents_are_valid() -> None:
    async with LocalCluster(agents=1, timers=True) as cluster:
        agent = cluster.agents[0]
        for address, details in ((cluster.master, MASTER), (agent.address, AGENT)):
            document = await document_of(address)
            OpenAPIV31SpecValidator(document).validate()
            described = {
                (method.upper(), path) for path, item in document["paths"].items() for method in item
            }
            assert described == set(details)


EXAMPLES = [
    (
        scheduler.Call,
        {"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "u", "name": "n"}}},
        True,
    ),
    (scheduler.Call, {"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "u"}}}, False),
    (scheduler.Call, {"type": "NONSENSE"}, False),
    (scheduler.Call, {"type": "DECLINE", "decline": {"offer_ids": {"value": "o"}}}, False),
    (executor.Call, {"type": "MESSAGE", "executor_id": {"value": "e"}, "framework_id": {"value": "f"}}, True),
    (executor.Call, {"type": "MESSAGE", "executor_id": {"value": 5}, "framework_id": {"value": "f"}}, False),
]


@pytest.mark.parametrize(("message", "value", "valid"), EXAMPLES)
async def test_a_schema_says_what_is_read(message: Any, value: Any, valid: bool) -> None:
    async with LocalCluster(agents=1, timers=True) as cluster:
        schemas = (await document_of(cluster.master))["components"]["schemas"]
        schemas |= (await document_of(cluster.agents[0].address))["components"]["schemas"]
    name = f"{message.__module__.replace('cluster.v1.types', 'mesos.v1')}.{message.__qualname__}"
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(value) == valid
    if valid:
        v1_json.decode(json.dumps(value).encode(), message)
