"""etcd, as much of it as an election and a registry need, over its own HTTP/JSON gateway."""

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
)

__all__ = [
    "CompactedError",
    "Compare",
    "Delete",
    "Etcd",
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
]
