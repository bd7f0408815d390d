"""The allocator's benchmark: what it measures is there, and both engines do the same in it."""

from __future__ import annotations

import pytest

from benchmarks.allocators import events, passes, storms, timing
from benchmarks.allocators.clusters import flat, starved
from benchmarks.allocators.workload import AGENT, FOREVER, Cluster


def test_targets_are_of_the_value_beside_a_ratio():
    row = timing.figure("a", 4.0, "ms", reference="plain", reference_value=40.0, at_most=5)
    assert (row.ratio, row.target, row.met) == (0.1, "<= 5 ms", True)
    assert timing.figure("a", 6.0, "ms", reference="plain", reference_value=40.0, at_most=5).met is False
    assert timing.figure("a", 2e6, "1/s", at_least=1_000_000).met is True
    assert timing.figure("a", 4.0, "ms", reference="plain").reference is None


def test_a_pass_gives_every_agent_whole_and_all_comes_back():
    cluster = flat(70, 7)("plain")
    gifts = cluster.run()
    assert sorted(each.agent for each in gifts) == sorted(cluster.order.tolist())
    assert all(each.parts == [(-1, AGENT)] for each in gifts)
    cluster.give_back(gifts)
    assert all(cluster.core.free(agent) == AGENT for agent in cluster.order.tolist())


def test_the_starved_get_all():
    cluster = starved(70, 7, 2)("plain")
    assert {each.client for each in cluster.run()} == set(cluster.clients[-2:])


def test_what_is_refused_by_all_is_given_to_nobody():
    cluster = flat(70, 7)("plain")
    cluster.refuse_all(cluster.order, cluster.clients)
    assert not cluster.run()
    assert cluster.core.next_expiry() == FOREVER


def test_a_storm_ends_when_all_have_declined_all():
    assert storms.storm(flat(20, 5)("plain"))[0] == 100


def test_rows_without_numba(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(passes, "ENGINES", ("plain",))
    monkeypatch.setattr(passes, "SIZES", {(100, 10): 2.0, (200, 20): 5.0})
    monkeypatch.setattr(passes, "MIDDLE", (200, 20))
    names = [row.name for row in passes.measure_passes(quick=True)]
    assert names == ["plain_100x10", "plain_200x20", "plain_resorted_pass_200x20", "plain_tenth_free_200x20"]


def test_events_are_of_the_whole_agent():
    cluster = flat(70, 7)("plain")
    ends = events.Ends(cluster, cluster.run())
    assert len(ends.events(100)) == 100
    assert ends.mean(10) > 0


def test_what_differs_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Cluster, "run", lambda self: [self])
    monkeypatch.setattr(Cluster, "give_back", lambda self, gifts, until=0.0: None)
    with pytest.raises(RuntimeError, match="not give the same"):
        passes.check(flat(10, 2), ["plain", "plain "])
