"""Large answers are written piece by piece, and once for all who ask at the same time."""

from __future__ import annotations

import asyncio

import pytest

from cluster.http.v1.media import JSON as JSON_MEDIA
from cluster.http.v1.media import PROTOBUF as PROTOBUF_MEDIA
from cluster.http.v1.media import Media
from cluster.http.v1.operator import pieces
from cluster.http.v1.operator.pieces import encode_slowly
from cluster.http.v1.operator.sharing import Shared
from cluster.v1 import types as v1
from cluster.v1.trees import Tree
from cluster.v1.types.master import Event, Response


def tasks(count: int) -> tuple[v1.Task, ...]:
    return tuple(
        v1.Task(
            name=f"täsk {number}",
            task_id=v1.TaskID(value=str(number)),
            framework_id=v1.FrameworkID(value="F"),
            agent_id=v1.AgentID(value="A"),
            state=v1.TaskState.TASK_RUNNING,
        )
        for number in range(count)
    )


@pytest.mark.parametrize("media", [JSON_MEDIA, PROTOBUF_MEDIA], ids=lambda media: media.type)
@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_pieces_are_the_whole(media: Media, count: int) -> None:
    some = tasks(count)
    tree = Tree(
        Event,
        {"type": Event.Type.SUBSCRIBED},
        {
            "subscribed": Tree(
                Event.Subscribed,
                {"heartbeat_interval_seconds": 15.0},
                {
                    "get_state": Tree(
                        Response.GetState,
                        large={
                            "get_tasks": Tree(
                                Response.GetTasks, large={"tasks": iter(some), "completed_tasks": iter(some)}
                            ),
                            "get_agents": Tree(Response.GetAgents),
                        },
                    )
                },
            )
        },
    )
    state = Response.GetState(
        get_tasks=Response.GetTasks(tasks=some, completed_tasks=some), get_agents=Response.GetAgents()
    )
    part = Event.Subscribed(get_state=state, heartbeat_interval_seconds=15.0)
    data = asyncio.run(encode_slowly(tree, media))
    assert media.decode(data, Event) == Event(type=Event.Type.SUBSCRIBED, subscribed=part)
    assert media is not JSON_MEDIA or data.isascii()


def test_others_have_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "SLICE", 0.0)

    async def test() -> None:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.ensure_future(other())
        await encode_slowly(Tree(Response.GetTasks, large={"tasks": iter(tasks(100))}), JSON_MEDIA)
        task.cancel()
        assert turns >= 100

    asyncio.run(test())


def test_who_asks_together_is_answered_together() -> None:
    async def test() -> None:
        shared, begun = Shared(), asyncio.Event()
        state, gates = [0], [asyncio.Event() for _ in range(3)]

        async def make() -> bytes:
            seen, number = state[0], shared.made
            begun.set()
            await gates[number - 1].wait()
            return str(seen).encode()

        first = asyncio.ensure_future(shared.get("x", make))
        await begun.wait()
        state[0] = 1
        # They have seen that something has changed, which is not in the answer that is being made.
        later = [asyncio.ensure_future(shared.get("x", make)) for _ in range(5)]
        other = asyncio.ensure_future(shared.get("y", make))
        for _ in range(5):
            await asyncio.sleep(0)
        # One at a time, of each kind.
        assert shared.made == 2
        later[0].cancel()
        for gate in gates:
            gate.set()
        assert await first == b"0"
        assert await asyncio.gather(*later[1:]) == [b"1"] * 4
        assert await other == b"1"
        assert shared.made == 3

    asyncio.run(test())


def test_who_is_left_by_all_is_made_in_peace() -> None:
    async def test() -> None:
        shared = Shared()

        async def fail() -> bytes:
            raise ValueError("nobody hears it")

        asked = asyncio.ensure_future(shared.get("x", fail))
        await asyncio.sleep(0)
        asked.cancel()
        await asyncio.sleep(0.01)
        with pytest.raises(ValueError, match="nobody"):
            await shared.get("x", fail)

    asyncio.run(test())
