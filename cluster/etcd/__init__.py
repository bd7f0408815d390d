"""etcd, as much of it as an election and a registry need, over its own HTTP/JSON gateway."""

from .address import EtcdAddress
from .client import EtcdClient
from .interface import (
    CompactedError,
    Compare,
    Delete,
    Etcd,
    EtcdError,
    EtcdRefusedError,
    EtcdUnavailableError,
    Event,
    Get,
    KeyValue,
    Lease,
    LeaseGoneError,
    Page,
    Put,
    TxnResult,
    WatchSilentError,
)

__all__ = [
    "CompactedError",
    "Compare",
    "Delete",
    "Etcd",
    "EtcdAddress",
    "EtcdClient",
    "EtcdError",
    "EtcdRefusedError",
    "EtcdUnavailableError",
    "Event",
    "Get",
    "KeyValue",
    "Lease",
    "LeaseGoneError",
    "Page",
    "Put",
    "TxnResult",
    "WatchSilentError",
]
