"""A model of etcd, in virtual time: what a cluster promises, and all that a network may do to it."""

from .client import ModelEtcdClient, Weather
from .service import ModelEtcd
from .store import Store

__all__ = ["ModelEtcd", "ModelEtcdClient", "Store", "Weather"]
