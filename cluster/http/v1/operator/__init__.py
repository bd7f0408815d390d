"""`/api/v1`: Mesos's operator API of a master."""

from .api import OperatorApi

__all__ = ["OperatorApi"]
