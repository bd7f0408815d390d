"""The operator API of a master."""

from .calls import Call
from .events import Event
from .responses import Response

__all__ = ["Call", "Event", "Response"]
