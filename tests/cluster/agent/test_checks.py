"""Checks as they are described, and what follows from what they see: plain numbers."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from cluster.agent.checks import CheckState, HealthState, Verdict
from cluster.messages.checks import (
    Check,
    CheckKind,
    CheckStatusInfo,
    CommandCheck,
    HealthCheck,
    HTTPCheck,
    TCPCheck,
)

TCP = TCPCheck(80)


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        (Check(), "check has 0 of command, http and tcp, must have one"),
        (HealthCheck(), "health_check has 0 of command, http and tcp, must have one"),
        (Check(tcp=TCP, http=HTTPCheck(80)), "check has 2 of command, http and tcp, must have one"),
        (Check(tcp=TCPCheck(0)), "check.tcp.port is 0, must be 1 to 65535"),
        (HealthCheck(http=HTTPCheck(65536)), "health_check.http.port is 65536, must be 1 to 65535"),
        (Check(http=HTTPCheck(80, "health")), "check.http.path is 'health', must begin with /"),
        (Check(http=HTTPCheck(80, "")), "check.http.path is '', must begin with /"),
        (
            Check(http=HTTPCheck(80, "/a\r\nHost: b")),
            "check.http.path is '/a\\r\\nHost: b', must not contain",
        ),
        (Check(http=HTTPCheck(80, "/\udcff")), "check.http.path is '/\\udcff', must not contain"),
        (Check(http=HTTPCheck(80, scheme="ftp")), "check.http.scheme is 'ftp', must be http or https"),
        (
            Check(http=HTTPCheck(80, statuses=(200, 20))),
            "check.http.statuses: 20 is not a status, 100 to 599",
        ),
        (Check(command=CommandCheck()), "check.command.value is empty"),
        (Check(command=CommandCheck("a\0b")), "check.command.value: 'a\\x00b' contains a NUL character"),
        (
            Check(command=CommandCheck("true", environment={"A=B": ""})),
            "check.command.environment: 'A=B' is not the name of a variable",
        ),
        (
            Check(command=CommandCheck("true", ("true", "x"))),
            "check.command.arguments are given (2), but shell is true",
        ),
        (Check(tcp=TCP, delay_seconds=-1), "check.delay_seconds is -1, must be 0 to 31536000"),
        (Check(tcp=TCP, interval_seconds=0), "check.interval_seconds is 0, must be 0.1 to 31536000"),
        (Check(tcp=TCP, timeout_seconds=math.inf), "check.timeout_seconds is inf, must be 0 to 31536000"),
        (
            HealthCheck(tcp=TCP, grace_period_seconds=math.nan),
            "health_check.grace_period_seconds is nan, must be 0 to 31536000",
        ),
        (
            HealthCheck(tcp=TCP, consecutive_failures=0),
            "health_check.consecutive_failures is 0, must be 1 or more",
        ),
    ],
)
def test_what_is_wrong_is_said_by_field_and_value(check: Check | HealthCheck, problem: str) -> None:
    said = check.problem()
    assert said is not None
    assert said.startswith(problem)


@pytest.mark.parametrize(
    "check",
    [
        Check(tcp=TCP, delay_seconds=0, timeout_seconds=0),
        Check(http=HTTPCheck(65535, "/health?deep=1", "https", (204,))),
        HealthCheck(
            command=CommandCheck("/bin/test", ("test", "-e", "x"), shell=False, environment={"A": ""})
        ),
        HealthCheck(tcp=TCP, consecutive_failures=1, grace_period_seconds=0),
    ],
)
def test_what_is_right_survives_the_wire(check: Check | HealthCheck) -> None:
    assert check.problem() is None
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(check), type=type(check)) == check


def test_the_defaults_are_those_of_mesos() -> None:
    check, health = Check(tcp=TCP), HealthCheck(tcp=TCP)
    for each in (check, health):
        assert (each.delay_seconds, each.interval_seconds, each.timeout_seconds) == (15, 10, 20)
    assert (health.consecutive_failures, health.grace_period_seconds) == (3, 10)
    http = HTTPCheck(80)
    assert (http.path, http.scheme) == ("/", "http")
    assert [status for status in range(100, 600) if http.accepts(status)] == list(range(200, 400))


def test_statuses_take_the_place_of_200_to_399() -> None:
    http = HTTPCheck(80, statuses=(404, 418))
    assert [status for status in range(100, 600) if http.accepts(status)] == [404, 418]


def test_a_command_is_run_as_a_tasks_is() -> None:
    assert CommandCheck("test -e x").argv() == ("/bin/sh", "-c", "test -e x")
    assert CommandCheck("/bin/test", ("anything", "-e", "x"), shell=False).argv() == ("/bin/test", "-e", "x")


@pytest.mark.parametrize(
    ("kind", "fields", "problem"),
    [
        (CheckKind.TCP, {}, None),
        (CheckKind.TCP, {"succeeded": False}, None),
        (CheckKind.HTTP, {"status_code": 500}, None),
        (CheckKind.COMMAND, {"exit_code": 0}, None),
        (CheckKind.TCP, {"exit_code": 0}, "check_status.exit_code is 0, but the check is TCP"),
        (CheckKind.HTTP, {"succeeded": False}, "check_status.succeeded is False, but the check is HTTP"),
        (CheckKind.COMMAND, {"status_code": 9}, "check_status.status_code is 9, but the check is COMMAND"),
    ],
)
def test_a_status_says_what_its_kind_can_see(kind: CheckKind, fields: Any, problem: str | None) -> None:
    assert CheckStatusInfo(kind, **fields).problem() == problem


# Health.


def health(**fields: Any) -> HealthState:
    """A state that began at second 1000, without a grace period unless it is given."""
    return HealthState(HealthCheck(tcp=TCP, **{"grace_period_seconds": 0.0, **fields}), 1000.0)


def test_the_first_probe_comes_after_the_delay_and_the_next_an_interval_after_the_last_ended() -> None:
    state = health(delay_seconds=7.0, interval_seconds=3.0)
    assert state.next_at == 1007.0
    state.result(True, "", 1011.0)
    assert state.next_at == 1014.0
    state.result(False, "", 1020.0)
    assert state.next_at == 1023.0
    state.skip(1024.0)
    assert state.next_at == 1027.0


def told(state: HealthState, results: str, now: float = 5000.0) -> list[bool | str | None]:
    """What is told after each of the results, `+` or `-`."""
    verdicts = [state.result(sign == "+", "", now) for sign in results]
    return [verdict and ("kill" if verdict.kill else verdict.healthy) for verdict in verdicts]


def test_the_first_success_is_told_and_the_first_after_failures() -> None:
    assert told(health(), "+++--+++") == [True, None, None, False, False, True, None, None]


def test_failures_in_a_row_kill() -> None:
    assert told(health(consecutive_failures=3), "--+---") == [False, False, True, False, False, "kill"]
    assert told(health(consecutive_failures=1), "-") == ["kill"]


def test_a_verdict_says_it_in_words() -> None:
    state = health(consecutive_failures=2)
    assert state.result(True, "HTTP 200", 1015.0) == Verdict(True, False, 0, "healthy: HTTP 200")
    text = "health check failed, 1 of 2 in a row: HTTP 500"
    assert state.result(False, "HTTP 500", 1025.0) == Verdict(False, False, 1, text)
    text = "health check failed, 2 of 2 in a row: refused"
    assert state.result(False, "refused", 1035.0) == Verdict(False, True, 2, text)


def test_failures_in_the_grace_period_do_not_count() -> None:
    state = health(grace_period_seconds=60.0, consecutive_failures=2)
    assert told(state, "-----", 1060.0) == [None] * 5
    assert (state.healthy, state.failures) == (None, 0)
    assert told(state, "--", 1060.001) == [False, "kill"]


def test_a_success_ends_the_grace_period() -> None:
    state = health(grace_period_seconds=60.0, consecutive_failures=2)
    assert told(state, "-+--", 1001.0) == [None, True, False, "kill"]


def test_a_failure_after_the_grace_period_then_a_success() -> None:
    assert told(health(grace_period_seconds=60.0), "-+-", 1061.0) == [False, True, False]


def test_health_goes_on_after_the_agent_began_anew() -> None:
    check = HealthCheck(tcp=TCP, grace_period_seconds=60.0, consecutive_failures=2)
    # It was healthy: that is not told again, and the grace period is over.
    assert told(HealthState(check, 1000.0, healthy=True), "+-+", 1001.0) == [None, False, True]
    assert told(HealthState(check, 1000.0, healthy=False), "--", 1001.0) == [False, "kill"]
    assert told(HealthState(check, 1000.0, healthy=False), "++", 1001.0) == [True, None]
    assert told(HealthState(check, 1000.0), "-", 1001.0) == [None]


# Checks.


def test_a_check_tells_what_is_new() -> None:
    check = Check(http=HTTPCheck(80), delay_seconds=1.0, interval_seconds=3.0)
    state = CheckState(check, 1000.0)
    assert state.next_at == 1001.0
    unknown, good, bad = (CheckStatusInfo(CheckKind.HTTP, status_code=code) for code in (None, 200, 500))
    news = [state.result(seen, 1002.0) for seen in (unknown, good, good, bad, bad, unknown, unknown, good)]
    assert news == [None, good, None, bad, None, unknown, None, good]
    assert state.next_at == 1005.0
    assert state.status == good


def test_a_check_goes_on_after_the_agent_began_anew() -> None:
    good = CheckStatusInfo(CheckKind.HTTP, status_code=200)
    check = Check(http=HTTPCheck(80))
    assert CheckState(check, 1000.0, good).result(good, 1100.0) is None
    assert CheckState(check, 1000.0, good).result(check.unknown(), 1100.0) == check.unknown()
