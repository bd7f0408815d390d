"""Isolators by their names."""

from __future__ import annotations

import pytest

from isolation import DiskUsage, MemoryMonitor, PortsCheck, isolators_named, support_of


def test_those_that_look_are_made_by_their_names_without_a_loop() -> None:
    made = isolators_named("posix, memory-monitor,disk,ports", "tests-named")
    assert [type(each) for each in made[1:]] == [MemoryMonitor, DiskUsage, PortsCheck]
    assert [each.name for each in made] == ["posix", "memory-monitor", "disk", "ports"]


@pytest.mark.parametrize(
    ("names", "error"),
    [
        ("disk,du", "'du' is not known; known are posix, .*memory-monitor"),
        ("disk,disk", "'disk' is there twice"),
        ("ports-strict,ports", "'ports-strict,ports' has ports twice"),
    ],
)
def test_what_is_not_known_or_there_twice_is_named(names: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        isolators_named(names, "tests-named")


def test_the_table_of_what_can_be_done() -> None:
    table = support_of("tests-named")
    assert {name: table[name] for name in ("memory-monitor", "disk", "ports", "ports-strict")} == {
        "memory-monitor": {"memory": None},
        "disk": {"disk": None},
        "ports": {"ports": None},
        "ports-strict": {"ports": None},
    }
