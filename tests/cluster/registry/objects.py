"""Something of each kind."""

from __future__ import annotations

from cluster.attributes import Attributes
from cluster.messages import AgentInfo, FrameworkInfo
from cluster.registry import Change, Drain, Quota, UnreachableAgent, Window
from cluster.resources import Resources

AGENT = AgentInfo("host", Resources.parse("cpus:4;ports:[1-9]"), Attributes.parse("rack:r1"), "A1")
ADMIT = Change("agents", "A1", AGENT)
EVERY_KIND = (
    ADMIT,
    Change("unreachable", "A2", UnreachableAgent(AGENT, 12.5)),
    Change("gone", "A3", 13.5),
    Change("frameworks", "F1", FrameworkInfo("f", id="F1", roles=("a", "b"), failover_timeout=60.0)),
    Change("ended", "F2", 14.5),
    Change("weights", "eng/dev", 2.0),
    Change("quotas", "*", Quota(Resources.parse("cpus:1"), Resources.parse("cpus:2"), 3)),
    Change("reservations", "A1", {"eng": Resources.parse("cpus:0.125;ports:[1-3]")}),
    Change("drains", "A1", Drain(True, 5.0, True)),
    Change("windows", "Umzug/Süd: %2F [1]", Window(("host", "A1"), 100.0, 60.0)),
    Change("cluster", "founded", "now"),
)
