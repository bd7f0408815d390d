from __future__ import annotations

from tests.cluster.etcd_members import etcd, etcd_binary

__all__ = ["etcd", "etcd_binary"]
