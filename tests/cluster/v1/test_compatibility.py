"""docs/mesos-compatibility.md leaves nothing of the scheduler API out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from cluster.v1.schema import Proto, fields_of
from cluster.v1.types import master
from cluster.v1.types.scheduler import Call, Event

PAGE = Path(__file__).parents[3] / "docs" / "mesos-compatibility.md"
ROW = re.compile(r"^\| `([\w.]+)` \| ([\w*, ]+) \| .+ \|$", re.MULTILINE)
# They say what they are of.
WRAPPERS = {"value", "nanoseconds", "regex", "labels"}


def listed() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for message, fields in ROW.findall(PAGE.read_text()):
        found.setdefault(message, []).extend(fields.split(", "))
    return found


def test_every_field_of_calls_and_events_is_listed_once() -> None:
    rows, seen = listed(), set[str]()

    def walk(message: type[Proto]) -> None:
        name, fields = message.__qualname__, fields_of(message)
        names = [field.name for field in fields]
        if name in seen:
            return
        if len(names) > 1 or not WRAPPERS.issuperset(names) or name in rows:
            seen.add(name)
            assert name in rows, f"{name} is not on the page: {', '.join(names)}"
            if rows[name] == ["*"]:
                return
            assert sorted(rows[name]) == sorted(names), name
        for field in fields:
            if field.kind == "message":
                walk(field.type)

    # A label has a key and a value, and that is all there is to it.
    seen.add("Label")
    walk(Call)
    walk(Event)
    assert set(rows) <= seen, set(rows) - seen


def test_the_texts_on_the_page_are_those_of_the_code() -> None:
    said: list[str] = []
    for path in (PAGE.parents[1] / "cluster/v1/translate").glob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text()))
        said += [
            node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
    # What is between the parts that vary.
    fixed = {part.strip(" :,'") for each in said for part in each.split(": ") if len(part) >= 9}
    prose = re.sub(r"```.*?```", "", PAGE.read_text(), flags=re.DOTALL)
    quoted = re.findall(r'"([a-z][^"|]+)"', prose)
    assert len(quoted) > 25
    for text in quoted:
        assert any(text in each or each in text for each in fixed), text


def test_every_call_of_operators_is_listed() -> None:
    _, _, section = PAGE.read_text().partition("\n## The operator API of the master\n")
    section = section.partition("\n## ")[0]
    listed = re.findall(r"[A-Z]+(?:_[A-Z]+)+|SUBSCRIBE|TEARDOWN", section)
    for enum in (master.Call.Type, master.Event.Type):
        missing = {each.value for each in enum} - {"UNKNOWN", "SUBSCRIBED", "HEARTBEAT", *listed}
        assert not missing
