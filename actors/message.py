"""Messages: immutable typed records with a stable tag, declared once."""

from __future__ import annotations

from typing import Any, cast, dataclass_transform

import msgspec

from .upid import UPID

__all__ = ["Message", "decode_hook", "encode_hook", "message_type", "message_types"]

_registry: dict[str, type[Message]] = {}
_generation = 0


def encode_hook(value: Any) -> Any:
    """Encode what msgspec does not know: a UPID travels as its text."""
    if type(value) is UPID:
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be part of a message")


def decode_hook(type_: type, value: Any) -> Any:
    """Decode what `encode_hook` encoded; ValueError on bad text."""
    if type_ is UPID:
        if not isinstance(value, str):
            raise ValueError(f"a UPID is text, not {value!r}")
        return UPID.parse(value)
    raise TypeError(f"{type_.__name__} cannot be part of a message")


@dataclass_transform(frozen_default=True)
class MessageMeta(msgspec.StructMeta):
    """Makes every subclass a tagged frozen Struct and keeps the registry of tags."""

    def __new__(
        mcls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        tag: str | None = None,
        **options: Any,
    ) -> Any:
        options.setdefault("frozen", True)
        options.setdefault("omit_defaults", True)
        # Messages hold no cycles: fields are set once, from values that exist already. Leaving them out
        # of the garbage collector takes a tenth off a send and most of the cost of a full mailbox.
        options.setdefault("gc", False)
        tag = name if tag is None else tag
        cls = super().__new__(mcls, name, bases, namespace, tag=tag, tag_field="t", **options)
        if namespace.get("__module__") != __name__ or name != "Message":
            _register(tag, cast("type[Message]", cls))
        return cls


def _register(tag: str, cls: type[Message]) -> None:
    known = _registry.get(tag)
    if known is not None and not _same_declaration(known, cls):
        raise TypeError(
            f"message tag {tag!r} is taken by {known.__module__}.{known.__qualname__}; give "
            f"{cls.__module__}.{cls.__qualname__} a tag of its own: class {cls.__name__}(Message, tag=...)"
        )
    _registry[tag] = cls
    global _generation
    _generation += 1


def _same_declaration(one: type, other: type) -> bool:
    # A module that is reloaded, a notebook cell that is run again, declare the same message once more.
    return (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)


class Message(msgspec.Struct, metaclass=MessageMeta):
    """Base of all messages: frozen records, by reference inside a system, MessagePack between systems.

    Fields are anything that msgspec validates (numbers, str, bytes, containers, other structs) and UPIDs.
    Two versions of a program can talk: unknown fields are ignored, and a field added later has a default.
    The tag on the wire is the class's name unless `tag` is given; a tag belongs to one class for ever.

    >>> class Greet(Message):
    ...     name: str
    ...     times: int = 1
    >>> Greet("world")
    Greet(name='world', times=1)
    """


def message_type(tag: str) -> type[Message] | None:
    """The class declared for this tag, if any."""
    return _registry.get(tag)


def message_types() -> tuple[int, tuple[type[Message], ...]]:
    """A number that grows whenever a message is declared, and all messages declared so far."""
    return _generation, tuple(_registry.values())
