"""Our own values, for hypothesis: those that Mesos has words for."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from cluster import messages as m
from cluster.resources import Resources
from cluster.v1 import types as v1

__all__ = [
    "checks",
    "commands",
    "executors",
    "frameworks",
    "health_checks",
    "reserved",
    "resources",
    "statuses",
    "tasks",
]

words = st.text(max_size=8)
ids = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
names = st.sampled_from(["cpus", "mem", "disk", "gpus", "custom"])
seconds = st.integers(0, 86400 * 1000).map(lambda thousandths: thousandths / 1000)
environments = st.dictionaries(ids, words, max_size=2)
labels = st.dictionaries(words, words, max_size=2)

pairs = st.integers(0, 2000).flatmap(lambda low: st.tuples(st.just(low), st.integers(low, low + 50)))
scalars = st.dictionaries(names, st.integers(0, 10**9), max_size=3)
resources = st.builds(
    Resources,
    scalars,
    st.dictionaries(st.just("ports"), st.lists(pairs, max_size=3).map(tuple), max_size=1),
    st.dictionaries(st.just("zones"), st.lists(ids, max_size=3).map(tuple), max_size=1),
)
roles = st.sampled_from(["eng", "eng/dev", "ops"])
reserved = st.dictionaries(roles, st.builds(Resources, scalars).filter(bool), max_size=2)

uris = st.builds(
    m.URI, words, executable=st.booleans(), extract=st.booleans(), cache=st.booleans(), output_file=words
)


@st.composite
def commands(draw: st.DrawFn) -> m.CommandInfo:
    shell = draw(st.booleans())
    arguments = () if shell else draw(st.lists(words, max_size=3).map(tuple))
    return m.CommandInfo(
        draw(words), arguments, shell, draw(environments), uris=draw(st.lists(uris, max_size=2).map(tuple))
    )


@st.composite
def _probes(draw: st.DrawFn, *, health: bool) -> dict[str, Any]:
    given: dict[str, Any] = {
        name: draw(seconds) for name in ("delay_seconds", "interval_seconds", "timeout_seconds")
    }
    kind = draw(st.sampled_from(["command", "http", "tcp"]))
    port = draw(st.integers(1, 65535))
    if kind == "command":
        command = draw(commands())
        given["command"] = m.CommandCheck(
            command.value, command.arguments, command.shell, command.environment
        )
    elif kind == "http":
        more = (draw(st.sampled_from(["http", "https"])), (200, 204)) if health else ()
        given["http"] = m.HTTPCheck(port, "/" + draw(ids), *more)
    else:
        given["tcp"] = m.TCPCheck(port)
    return given


checks = _probes(health=False).map(lambda given: m.Check(**given))
health_checks = st.builds(
    lambda given, failures, grace: m.HealthCheck(
        **given, consecutive_failures=failures, grace_period_seconds=grace
    ),
    _probes(health=True),
    st.integers(1, 9),
    seconds,
)
executors = st.builds(m.ExecutorInfo, ids, st.none() | commands(), resources, words, st.binary(max_size=9))
discoveries = st.builds(
    m.DiscoveryInfo,
    words,
    st.sampled_from(["FRAMEWORK", "CLUSTER", "EXTERNAL"]),
    words,
    words,
    words,
    st.lists(
        st.builds(m.Port, st.integers(0, 65535), words, st.sampled_from(["tcp", "udp"]), labels), max_size=2
    ).map(tuple),
    labels,
)
tasks = st.builds(
    m.TaskInfo,
    ids,
    resources,
    words,
    ids,
    st.none() | commands(),
    st.none() | executors,
    st.binary(max_size=9),
    st.builds(m.KillPolicy, seconds),
    labels,
    st.none() | health_checks,
    st.none() | checks,
    st.none() | seconds.filter(bool),
    st.none() | discoveries,
)

text_constraints = st.builds(
    m.AttributeConstraint,
    ids,
    st.sampled_from(["equals", "not_equals", "matches", "not_matches"]),
    words,
) | st.builds(m.AttributeConstraint, ids, st.sampled_from(["exists", "not_exists"]))
frameworks = st.builds(
    m.FrameworkInfo,
    words,
    words,
    words,
    st.lists(roles, unique=True, min_size=1, max_size=3).map(tuple),
    seconds,
    words,
    words,
    words,
    labels,
    st.sets(st.sampled_from(list(m.Capability))).map(lambda chosen: tuple(sorted(chosen))),
    st.lists(st.builds(Resources, scalars).filter(bool), max_size=2).map(tuple),
    st.lists(st.lists(text_constraints, min_size=1, max_size=2).map(tuple), max_size=2).map(tuple),
)


@st.composite
def _check_statuses(draw: st.DrawFn) -> m.CheckStatusInfo:
    kind = draw(st.sampled_from(list(m.CheckKind)))
    field, values = {
        m.CheckKind.COMMAND: ("exit_code", st.integers(-(2**31), 2**31 - 1)),
        m.CheckKind.HTTP: ("status_code", st.integers(100, 599)),
        m.CheckKind.TCP: ("succeeded", st.booleans()),
    }[kind]
    return m.CheckStatusInfo(kind, **{field: draw(st.none() | values)})


statuses = st.builds(
    m.TaskStatus,
    ids,
    st.sampled_from(list(m.TaskState)),
    st.sampled_from(list(m.Source)),
    st.sampled_from(list(m.Reason)),
    words,
    st.binary(max_size=9),
    st.just("") | ids,
    st.just("") | ids,
    st.floats(0, 2**40),
    st.just("") | st.uuids().map(lambda uuid: uuid.hex) | words,
    st.none(),
    st.none() | st.booleans(),
    st.none() | _check_statuses(),
)

assert {each.value for each in m.TaskState} == set(v1.TaskState.__members__)
