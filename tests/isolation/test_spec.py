"""What is checked before anything is started, and what goes over the wire."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolation import UNLIMITED, ContainerSpec, Exit, Setup
from isolation.proc import below, parse_children, parse_stat
from isolation.usage import add_up
from isolation.wire import FRAME, ORDER, decode_exit, encode_order
from isolation.zygote.order import Order

GOOD: dict[str, Any] = {
    "id": "c",
    "argv": ("true",),
    "env": {},
    "cwd": Path("/"),
    "stdout": Path("/o"),
    "stderr": Path("/e"),
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""), ("id", "a/b"), ("id", ".."), ("id", "a..b"), ("id", "x" * 201), ("id", "a b"),
        ("argv", ()), ("argv", ("",)), ("argv", ("a\0b",)), ("argv", ("a", "\ud800")), ("argv", "true"),
        ("env", {"A": "b\0"}), ("env", {"": "b"}), ("env", {"A=B": "c"}),
        ("cwd", Path("relative")), ("stdout", Path("relative")), ("stderr", Path("relative")),
        ("rlimits", {"nonsense": (1, 1)}), ("rlimits", {"nofile": (2, 1)}), ("rlimits", {"nofile": (1,)}),
        ("rlimits", {"nofile": (-5, 1)}), ("rlimits", {"nofile": (UNLIMITED, 5)}),
        ("umask", -1), ("umask", 0o1000),
    ],
)  # fmt: skip
def test_bad_fields_are_named_with_their_value(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"ContainerSpec\.{field}"):
        ContainerSpec(**{**GOOD, field: value})


def test_how_it_ended_in_words() -> None:
    assert Exit(code=3).describe() == "exited with status 3"
    assert Exit(signal=9).describe() == "killed by SIGKILL"
    assert Exit(signal=signal.SIGRTMIN + 3).describe() == "killed by SIGRTMIN+3"
    assert Exit(signal=33).describe() == "killed by signal 33"


@pytest.mark.parametrize(
    ("status", "told", "end"),
    [
        (0, False, Exit(code=0)),
        (3 << 8, True, Exit(code=3)),
        (15, False, Exit(signal=15)),
        (9, False, Exit(signal=9)),
        (9, True, Exit(signal=9, destroyed=True)),
        (11 | 0x80, False, Exit(signal=11)),
    ],
)
def test_statuses(status: int, told: bool, end: Exit) -> None:
    assert decode_exit(status, told) == end


text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
names = st.text(st.characters(exclude_characters="\0=", exclude_categories=["Cs"]), min_size=1)


@given(
    st.lists(text, max_size=5),
    st.dictionaries(names, text, max_size=5),
    st.dictionaries(st.sampled_from(["nofile", "core"]), st.just((1, UNLIMITED))),
    st.integers(0, 0o777),
)
def test_an_order_arrives_as_it_was_sent(
    arguments: list[str], env: dict[str, str], limits: dict[str, tuple[int, int]], umask: int
) -> None:
    fields = {**GOOD, "argv": ("program", *arguments), "env": env, "rlimits": limits, "umask": umask}
    frame = encode_order(ContainerSpec(**fields), Setup(rlimits=limits))
    kind, length = FRAME.unpack_from(frame)
    assert (kind, length) == (ORDER, len(frame) - FRAME.size)
    order = Order(frame[FRAME.size :])
    assert [argument.decode() for argument in order.argv] == ["program", *arguments]
    assert {name.decode(): value.decode() for name, value in order.env.items()} == env
    assert (order.cwd, order.stdout, order.stderr) == (b"/", b"/o", b"/e")
    assert [limit[1:] for limit in order.limits] == [(1, UNLIMITED)] * len(limits)
    assert (order.umask, bool(order.search)) == (umask, True)


STAT = "7 ({}) S 5 7 7 0 -1 4194304 1 2 3 4 150 50 20 10 20 0 3 0 9000 1000000 12 0 0"


@pytest.mark.parametrize("command", ["sh", "a b", "a) S 1 (b", ")(", ""])
def test_a_line_of_stat_whatever_the_command_is_called(command: str) -> None:
    stat = parse_stat(STAT.format(command).encode())
    assert (stat.pid, stat.command, stat.state, stat.parent) == (7, command, "S", 5)
    assert (stat.user_seconds, stat.system_seconds) == (1.5, 0.5)
    assert (stat.threads, stat.start_ticks, stat.rss_bytes) == (3, 9000, 12 * 4096)


@pytest.mark.parametrize("line", [b"", b"7 sh S 1", b"7 (sh) S 1 2"])
def test_what_is_no_line_of_stat(line: bytes) -> None:
    with pytest.raises(ValueError, match="not a line"):
        parse_stat(line)


def test_a_tree_even_if_it_is_none() -> None:
    children = {1: [2, 3], 2: [4], 4: [1, 2]}
    assert sorted(below(1, lambda pid: children.get(pid, []))) == [2, 3, 4]
    assert parse_children(b"12 13 ") == [12, 13]


def test_usage_adds_up_what_lives_and_what_was_reaped() -> None:
    living = parse_stat(STAT.format("a").encode())
    zombie = parse_stat(STAT.replace(" S ", " Z ").format("b").encode())
    usage = add_up(living, [living, zombie])
    # 2 x (1.5 + 0.2) of the two, and 0.2 that their keeper reaped.
    assert usage.user_seconds == pytest.approx(3.6)
    assert (usage.processes, usage.threads, usage.rss_bytes) == (1, 3, 12 * 4096)
    assert add_up(None, []).processes == 0
