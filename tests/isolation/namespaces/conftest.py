from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make namespaces here")
