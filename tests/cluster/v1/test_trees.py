"""Messages that are made step by step are the same as those that are made at once."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster.v1 import json, protobuf
from cluster.v1 import types as v1
from cluster.v1.descriptors import messages
from cluster.v1.errors import MessageError
from cluster.v1.schema import Proto, fields_of
from cluster.v1.trees import Tree, steps
from tests.cluster.v1.arbitrary import messages_of

some = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
any_message = st.sampled_from(list(messages())).flatmap(messages_of)


def tree_of(message: Proto, rng: Any) -> Tree:
    """A tree of a message, some of whose parts are large."""
    small, large = {}, {}
    for field in fields_of(type(message)):
        value = getattr(message, field.name)
        if field.kind != "message" or field.label == "map" or value is None or rng.random() < 0.3:
            small[field.name] = value
        elif field.label == "repeated":
            items = [tree_of(each, rng) if rng.random() < 0.5 else each for each in value]
            large[field.name] = iter([None, *items, None] if rng.random() < 0.5 else items)
        else:
            large[field.name] = tree_of(value, rng)
    return Tree(type(message), small, large)


def written(tree: Tree, format_: Literal["json", "protobuf"]) -> bytes:
    pieces: list[bytes] = []
    for _ in steps(tree, format_, pieces):
        pass
    return b"".join(pieces)


@some
@given(any_message, st.randoms(use_true_random=False))
def test_a_tree_is_the_message_that_it_is_of(message: Proto, rng: Any) -> None:
    assert json.decode(written(tree_of(message, rng), "json"), type(message)) == message
    assert protobuf.decode(written(tree_of(message, rng), "protobuf"), type(message)) == message


def test_each_item_is_a_step() -> None:
    ids = (v1.Label(key=str(number)) for number in range(10))
    tree = Tree(v1.Labels, large={"labels": ids})
    assert len(list(steps(tree, "json", []))) == 10
    # Nothing is made before it is needed.
    assert next(ids, None) is None
    more = (v1.Label(key=str(number)) for number in range(10))
    next(steps(Tree(v1.Labels, large={"labels": more}), "protobuf", []))
    assert next(more).key == "1"


@pytest.mark.parametrize("format_", ["json", "protobuf"])
def test_what_cannot_be_written(format_: Literal["json", "protobuf"]) -> None:
    with pytest.raises(MessageError, match="Label"):
        written(Tree(v1.Label, {"key": "\ud800"}), format_)
