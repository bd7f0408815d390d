"""What Mesos's v1 messages are in ours, and ours in theirs. What ostrom has not is refused by name.

docs/mesos-compatibility.md lists every field.
"""

from .calls import Translated, translate_call
from .dialects import Dialect
from .events import subscribed_event, translate_event
from .executors import registered_event, translate_executor_call, translate_executor_event
from .masters import VERSION, master_to

__all__ = [
    "VERSION",
    "Dialect",
    "Translated",
    "master_to",
    "registered_event",
    "subscribed_event",
    "translate_call",
    "translate_event",
    "translate_executor_call",
    "translate_executor_event",
]
