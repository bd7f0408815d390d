from __future__ import annotations

from pathlib import Path

import pytest

from examples.pymesos_minimal.install import interpreter
from tests.cluster.etcd_members import etcd, etcd_binary
from tests.system.zookeeper import ensemble, zookeeper_package

__all__ = ["ensemble", "etcd", "etcd_binary", "pymesos", "zookeeper_package"]


@pytest.fixture(scope="session")
def pymesos() -> Path:
    """The Python that has PyMesos."""
    return interpreter()
