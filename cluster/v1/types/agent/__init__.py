"""The operator API of an agent."""

from .calls import Call
from .processes import ProcessIO
from .responses import Response

__all__ = ["Call", "ProcessIO", "Response"]
