from __future__ import annotations

from tests.cluster.etcd_members import etcd, etcd_binary
from tests.system.zookeeper import ensemble, zookeeper_package

__all__ = ["ensemble", "etcd", "etcd_binary", "zookeeper_package"]
