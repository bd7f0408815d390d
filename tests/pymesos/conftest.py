from __future__ import annotations

from pathlib import Path

import pytest

from examples.pymesos_minimal.install import interpreter


@pytest.fixture(scope="session")
def pymesos() -> Path:
    """The Python that has PyMesos."""
    return interpreter()
