"""What a node serves, as an OpenAPI document for machines and people."""

from .details import AGENT, MASTER
from .document import PATH, document, install

__all__ = ["AGENT", "MASTER", "PATH", "document", "install"]
