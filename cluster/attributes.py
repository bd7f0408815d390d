"""What an agent says about itself, as in ``rack:r1;cores:8``: to choose agents by, never to be consumed.

The text form is that of Apache Mesos's ``--attributes``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import force_setattr

from cluster.resources import Ranges, ResourceError, check_name, parse_ranges, parse_set

MAX_TEXT = 1024
"""Longest text value, in characters."""
MAX_ATTRIBUTES = 1000
"""Most attributes of one agent."""

# Longer ones are serial numbers and the like, which a float would round: they stay text.
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_RESERVED = frozenset(";,{}[]")

AttributeValue = str | float | Ranges | frozenset[str]
"""Text, a number, ranges (inclusive, sorted, coalesced) or a set of text."""


class AttributesError(ValueError):
    """Attributes that are malformed."""


class Attributes(msgspec.Struct, frozen=True, omit_defaults=True):
    """An agent's attributes: immutable, equal and hashable by value, in the order they were given.

    Attributes:
        items: The text of each value by name; ranges and sets are canonical, text and numbers as they were
            written (so ``8`` and ``8.0`` read as the same number but are not equal as attributes).

    Raises:
        AttributesError: From the constructor, naming the attribute; msgspec turns it into its
            ``ValidationError`` when decoding.
    """

    items: Mapping[str, str] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check names and values, and bring ranges and sets into canonical form."""
        if not isinstance(self.items, Mapping):
            raise AttributesError(f"items: a {type(self.items).__name__} is not a mapping of names")
        if len(self.items) > MAX_ATTRIBUTES:
            raise AttributesError(
                f"items: {len(self.items)} attributes, at most {MAX_ATTRIBUTES} are allowed"
            )
        try:
            for name in self.items:
                check_name(name, "items")
            force_setattr(self, "items", {name: _canonical(name, text) for name, text in self.items.items()})
        except ResourceError as error:
            raise AttributesError(str(error)) from error

    @classmethod
    def parse(cls, text: str) -> Attributes:
        """Read ``rack:r1;cores:8;ports:[1-5];tags:{a,b}``; empty text is no attributes.

        Raises:
            AttributesError: Naming the piece that does not parse, or the name given twice.
        """
        items: dict[str, str] = {}
        for piece in text.split(";"):
            if not piece.strip():
                continue
            name, colon, value = (part.strip() for part in piece.partition(":"))
            if not (name and colon and value):
                raise AttributesError(f"{piece.strip()[:100]!r} does not read as name:value")
            if name in items:
                raise AttributesError(f"{name} is given twice")
            items[name] = value
        return cls(items)

    def get(self, name: str) -> AttributeValue | None:
        """The typed value, or None if there is no such attribute."""
        text = self.items.get(name)
        if text is None:
            return None
        if text.startswith("["):
            return parse_ranges(text, name)
        if text.startswith("{"):
            return frozenset(parse_set(text, name))
        return float(text) if _NUMBER.fullmatch(text) else text

    def __contains__(self, name: str) -> bool:
        return name in self.items

    def __iter__(self) -> Iterator[str]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __hash__(self) -> int:
        return hash(frozenset(self.items.items()))

    def __str__(self) -> str:
        """The canonical text, which `parse` reads back."""
        return ";".join(f"{name}:{text}" for name, text in self.items.items())

    def __repr__(self) -> str:
        return f"Attributes({str(self)!r})"


def _canonical(name: str, text: object) -> str:
    if not isinstance(text, str):
        raise AttributesError(f"{name}: a {type(text).__name__} is not text")
    if text.startswith("["):
        return f"[{','.join(f'{low}-{high}' for low, high in parse_ranges(text, name))}]"
    if text.startswith("{"):
        return f"{{{','.join(parse_set(text, name))}}}"
    if not 0 < len(text) <= MAX_TEXT or not text.isprintable() or text != text.strip():
        raise AttributesError(
            f"{name}: {text[:100]!r} is not 1 to {MAX_TEXT} printable characters without outer spaces"
        )
    if not _RESERVED.isdisjoint(text):
        raise AttributesError(f"{name}: {text[:100]!r} holds one of ;,{{}}[]")
    return text
