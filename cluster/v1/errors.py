"""The errors of what is no message of the v1 API, or asks for what is not here."""

from __future__ import annotations

__all__ = ["MessageError", "RefusedError", "shown"]

MOST = 80


class MessageError(ValueError):
    """Bytes that are no such message, or a message that cannot be taken; the text names the field by its path."""


class RefusedError(MessageError):
    """A message that is well-formed, and asks for what is not possible here; the text names the field by its path."""


def shown(value: object) -> str:
    """Write a value that may be anything, and of any size, in about eighty characters."""
    if isinstance(value, int) and value.bit_length() > 128:
        return "a very large number"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "an array"
    text = repr(value[: MOST + 1]) if isinstance(value, str | bytes) else repr(value)
    return text if len(text) <= MOST else text[: MOST - 3] + "..."
