"""Nothing that happens is lost, or told twice: what is told leads from one state to the other."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from cluster.http.v1.media import JSON
from cluster.http.v1.operator.pieces import encode_slowly
from cluster.http.v1.operator.state import VIEWS
from cluster.master import MasterState
from cluster.master.sights import see_all
from cluster.v1.translate.operator_events import happening_event
from cluster.v1.types.master import Call, Event
from tests.cluster.http.v1.operator.folding import Folded
from tests.cluster.master.histories import Cluster


def state_of(state: MasterState) -> Any:
    tree = VIEWS[Call.Type.GET_STATE].write(see_all(state))
    return json.loads(asyncio.run(encode_slowly(tree, JSON)))["get_state"]


def told(state: MasterState, folded: Folded) -> list[str]:
    """Have the events folded that there are; returns their types."""
    kinds = []
    happenings, state.happenings = state.happenings, []
    for happening in happenings:
        event = json.loads(asyncio.run(encode_slowly(happening_event(happening), JSON)))
        folded.event(event["type"], event[event["type"].lower()])
        kinds.append(event["type"])
    return kinds


def follow(seed: int) -> list[str]:
    """Compare what is told of a random history with what there is; returns the types of the events."""
    cluster = Cluster(seed)
    for _ in range(seed % 7 * 10):
        cluster.step()
    kinds: list[str] = []
    state = cluster.state
    state.watched = True
    folded = Folded(state_of(state))
    for step in range(400):
        if step < 390:
            cluster.step()
        else:
            cluster.quieten()
        if cluster.state is not state:
            # The stream has ended with its master.
            state = cluster.state
            state.watched = True
            folded = Folded(state_of(state))
        kinds += told(state, folded)
        if step % 10 == 9:
            assert folded.facts() == Folded(state_of(state)).facts()
    return kinds


@pytest.mark.parametrize("seeds", [range(start, 24, 4) for start in range(4)])
def test_events_lead_to_the_state_that_there_is(seeds: range) -> None:
    kinds = Counter(kind for seed in seeds for kind in follow(seed))
    assert set(kinds) == {each.value for each in Event.Type} - {"UNKNOWN", "SUBSCRIBED", "HEARTBEAT"}
    assert kinds["TASK_ADDED"] > 20


def test_nothing_is_noted_when_nobody_watches() -> None:
    cluster = Cluster(1)
    for _ in range(100):
        cluster.step()
    assert cluster.state.happenings == []
