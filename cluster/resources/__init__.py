"""Quantities of resources: what an agent has, an offer holds, a task asks for.

The vocabulary and the text form are those of Apache Mesos: scalars (``cpus:0.5``, ``mem:64``), ranges
(``ports:[31000-32000]``) and sets (``zones:{a,b}``). Scalars are whole numbers of thousandths, so that
what is added and taken away a million times comes out exact; ``mem`` and ``disk`` are in MiB.
"""

from .checks import MAX_BOUND, MAX_ITEMS, MAX_NAME, MAX_RANGES, Ranges, check_name
from .errors import MAX_SCALAR, THOUSANDTHS, ResourceError
from .parsing import parse_ranges, parse_set
from .quantity import Quantity, Resources, sum_resources

__all__ = [
    "MAX_BOUND",
    "MAX_ITEMS",
    "MAX_NAME",
    "MAX_RANGES",
    "MAX_SCALAR",
    "THOUSANDTHS",
    "Quantity",
    "Ranges",
    "ResourceError",
    "Resources",
    "check_name",
    "parse_ranges",
    "parse_set",
    "sum_resources",
]
