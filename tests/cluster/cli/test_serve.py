"""How nodes are served."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
import rich_click as click

from cluster.cli.serve import serve


@pytest.fixture
def thawed() -> Iterator[None]:
    # Another test, in this process, may have served something, too.
    gc.unfreeze()
    yield
    gc.unfreeze()


class Node:
    """Starts, and has ended."""

    address = "127.0.0.1:1"

    async def start(self) -> None:
        self.frozen = gc.get_freeze_count()

    async def stop(self) -> None:
        pass


@pytest.mark.usefixtures("thawed")
def test_what_was_imported_is_not_gone_through_again_and_again() -> None:
    node = Node()

    async def ended(_node: Node) -> str:
        return "it has ended"

    before = gc.get_freeze_count()
    with pytest.raises(click.ClickException, match="it has ended"):
        serve(lambda: node, ended=ended)
    assert node.frozen > before + 10_000
