"""ZooKeeper, for those who look there for a Mesos master. Nothing of ours is kept in it, or decided by it."""

from .address import ZooKeeperAddress

__all__ = ["ZooKeeperAddress"]
