"""Quantities of resources: what an agent has, an offer holds, a task asks for.

The vocabulary and the text form are those of Apache Mesos: scalars (``cpus:0.5``, ``mem:64``), ranges
(``ports:[31000-32000]``) and sets (``zones:{a,b}``). Scalars are whole numbers of thousandths, so that
what is added and taken away a million times comes out exact; ``mem`` and ``disk`` are in MiB.
"""

from __future__ import annotations

import copy
import itertools
import operator
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec
from msgspec.structs import force_setattr

Ranges = tuple[tuple[int, int], ...]
"""Inclusive ``(low, high)`` pairs, sorted, neither overlapping nor adjacent."""

Quantity = int | float | Decimal | str | Iterable[tuple[int, int]] | Iterable[str]
"""What `Resources.of` takes for one name."""

THOUSANDTHS = 1000
MAX_SCALAR = 10**15
"""Largest amount of one resource, in thousandths; ranges and sets count a thousand for each item."""
MAX_BOUND = 2**63 - 1
"""Largest number a range may hold."""
MAX_RANGES = 10_000
"""Most separate ranges under one name."""
MAX_ITEMS = 10_000
"""Most items in one set."""
MAX_NAME = 128
"""Longest resource name and set item, in characters."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-/]*")
_NUMBER = re.compile(r"([0-9]+)(?:\.([0-9]+))?")
_RANGE = re.compile(r"\s*([0-9]+)\s*-\s*([0-9]+)\s*")
_RESERVED = frozenset(" ,;{}[]")
_ORDER = {name: place for place, name in enumerate(("cpus", "mem", "disk", "gpus"))}
_MOST_SHOWN = 5


class ResourceError(ValueError):
    """Resources that are malformed, not there, or counted twice."""


class Resources(msgspec.Struct, frozen=True, omit_defaults=True):
    """An immutable quantity of named resources, equal and hashable by value.

    Always canonical: zero scalars, empty ranges and empty sets are absent, ranges are sorted and coalesced,
    set items sorted and unique. On the wire it is a map of three fields, each left out when empty. The
    constructor checks everything, for it also meets bytes from sockets; `parse` and `of` are the ways to
    write one by hand. The mappings are for reading: never change them in place.

    Attributes:
        scalars: Thousandths by name: ``cpus:0.5`` is 500; ``mem`` and ``disk`` are thousandths of a MiB.
        ranges: Inclusive pairs by name.
        sets: Items by name.

    Raises:
        ResourceError: From the constructor, naming the field and the value; msgspec turns it into its
            ``ValidationError`` when decoding.
    """

    scalars: Mapping[str, int] = msgspec.field(default_factory=dict)
    ranges: Mapping[str, Ranges] = msgspec.field(default_factory=dict)
    sets: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check and normalise all three fields."""
        for field, by_name in (("scalars", self.scalars), ("ranges", self.ranges), ("sets", self.sets)):
            if not isinstance(by_name, Mapping):
                raise ResourceError(f"{field}: {_shown(by_name)} is not a mapping of names")
            for name in by_name:
                check_name(name, field)
        _check_kinds(self.scalars, self.ranges, self.sets)
        force_setattr(
            self,
            "scalars",
            {name: value for name, value in self.scalars.items() if _checked_scalar(name, value)},
        )
        ranges = {name: _checked_ranges(name, value) for name, value in self.ranges.items()}
        force_setattr(self, "ranges", {name: value for name, value in ranges.items() if value})
        sets = {name: _checked_items(name, value) for name, value in self.sets.items()}
        force_setattr(self, "sets", {name: value for name, value in sets.items() if value})

    @classmethod
    def parse(cls, text: str) -> Resources:
        """Read Mesos's text form, as in ``cpus:4;mem:8192;ports:[31000-32000];zones:{a,b}``.

        Args:
            text: Pieces ``name:value`` between semicolons, whitespace free; ``mem`` and ``disk`` in MiB. At
                most three decimals: more are refused, not rounded. Empty text is no resources.

        Raises:
            ResourceError: Naming the piece that does not parse, or the name given twice.
        """
        scalars: dict[str, int] = {}
        ranges: dict[str, Ranges] = {}
        sets: dict[str, tuple[str, ...]] = {}
        seen: set[str] = set()
        for piece in text.split(";"):
            piece = piece.strip()
            if not piece:
                continue
            name, colon, value = (part.strip() for part in piece.partition(":"))
            if not colon or not value:
                raise ResourceError(f"{_shown(piece)} does not read as name:value")
            check_name(name, _shown(piece))
            if name in seen:
                raise ResourceError(f"{name} is given twice, the second time in {_shown(piece)}")
            seen.add(name)
            if value.startswith("["):
                ranges[name] = parse_ranges(value, name)
            elif value.startswith("{"):
                sets[name] = parse_set(value, name)
            else:
                scalars[name] = _parse_scalar(name, value)
        return cls(scalars, ranges, sets)

    @classmethod
    def of(cls, /, **quantities: Quantity) -> Resources:
        """Build from Python values: ``Resources.of(cpus=1.5, mem=64, ports=[(80, 90)], zones={"a"})``.

        Args:
            quantities: By name: a number (``mem`` and ``disk`` in MiB), text as `parse` reads a value, pairs
                for ranges, or strings for a set. A float must be exact to three decimals as Python prints it.

        Raises:
            ResourceError: Naming the resource whose value is none of these, or has more than three decimals.
        """
        scalars: dict[str, int] = {}
        ranges: dict[str, Ranges] = {}
        sets: dict[str, tuple[str, ...]] = {}
        for name, value in quantities.items():
            if isinstance(value, bool):
                raise ResourceError(f"{name}: {value} is not a quantity")
            if isinstance(value, str):
                text = value.strip()
                if text.startswith("["):
                    ranges[name] = parse_ranges(text, name)
                elif text.startswith("{"):
                    sets[name] = parse_set(text, name)
                else:
                    scalars[name] = _parse_scalar(name, text)
            elif isinstance(value, int):
                scalars[name] = value * THOUSANDTHS
            elif isinstance(value, float):
                scalars[name] = _from_decimal(name, Decimal(repr(value)))
            elif isinstance(value, Decimal):
                scalars[name] = _from_decimal(name, value)
            elif isinstance(value, Iterable):
                pairs: list[tuple[int, int]] = []
                items: list[str] = []
                for item in value:
                    if isinstance(item, str):
                        items.append(item)
                    else:
                        pairs.append(item)
                if pairs and items:
                    raise ResourceError(f"{name}: {_shown(value)} mixes ranges and set items")
                if items:
                    sets[name] = tuple(items)
                else:
                    ranges[name] = tuple(pairs)
            else:
                raise ResourceError(f"{name}: {_shown(value)} is not a quantity")
        return cls(scalars, ranges, sets)

    def __add__(self, other: Resources) -> Resources:
        """Both together.

        Raises:
            ResourceError: If an item of a range or set is in both, as it would be counted twice; if a name is
                of different kinds; or if the sum is beyond the limits of this module.
        """
        if not isinstance(other, Resources):
            return NotImplemented
        if self.ranges or self.sets or other.ranges or other.sets:
            return sum_resources((self, other))
        scalars = dict(self.scalars)
        for name, amount in other.scalars.items():
            total = scalars.get(name, 0) + amount
            if total > MAX_SCALAR:
                raise _too_large(name, total)
            scalars[name] = total
        return _trusted_scalars(scalars)

    def __sub__(self, other: Resources) -> Resources:
        """What is left after taking `other` away.

        Raises:
            ResourceError: Naming what is short when `other` is not contained; or if what is left of a range
                would be in more than `MAX_RANGES` pieces.
        """
        if not isinstance(other, Resources):
            return NotImplemented
        scalars = dict(self.scalars)
        for name, amount in other.scalars.items():
            left = scalars.get(name, 0) - amount
            if left > 0:
                scalars[name] = left
            elif left == 0:
                del scalars[name]
            else:
                raise self._short(other)
        if not (self.ranges or self.sets or other.ranges or other.sets):
            return _trusted_scalars(scalars)
        if not self.contains(other):
            raise self._short(other)
        ranges = dict(self.ranges)
        for name, pairs in other.ranges.items():
            rest = _range_difference(ranges[name], pairs)
            if len(rest) > MAX_RANGES:
                raise ResourceError(
                    f"{name}: what is left is in {len(rest)} ranges, at most {MAX_RANGES} are allowed"
                )
            if rest:
                ranges[name] = rest
            else:
                del ranges[name]
        sets = dict(self.sets)
        for name, items in other.sets.items():
            kept = _without(sets[name], items)
            if kept:
                sets[name] = kept
            else:
                del sets[name]
        return _trusted(scalars, ranges, sets)

    def __and__(self, other: Resources) -> Resources:
        """What is in both; a name of different kinds has nothing in common.

        Raises:
            ResourceError: If that is more than `MAX_RANGES` ranges under one name.
        """
        if not isinstance(other, Resources):
            return NotImplemented
        scalars = {
            name: min(amount, other.scalars[name])
            for name, amount in self.scalars.items()
            if name in other.scalars
        }
        ranges: dict[str, Ranges] = {}
        for name, pairs in self.ranges.items():
            common = _range_intersection(pairs, other.ranges.get(name, ()))
            if len(common) > MAX_RANGES:
                raise ResourceError(
                    f"{name}: in common are {len(common)} ranges, at most {MAX_RANGES} are allowed"
                )
            if common:
                ranges[name] = common
        sets: dict[str, tuple[str, ...]] = {}
        for name, items in self.sets.items():
            shared = set(other.sets.get(name, ()))
            both = tuple(item for item in items if item in shared)
            if both:
                sets[name] = both
        return _trusted(scalars, ranges, sets)

    def contains(self, other: Resources) -> bool:
        """Whether all of `other` is here, so that it can be subtracted."""
        scalars = self.scalars
        for name, amount in other.scalars.items():
            if scalars.get(name, 0) < amount:
                return False
        for name, pairs in other.ranges.items():
            if _range_difference(pairs, self.ranges.get(name, ())):
                return False
        return all(not _without(items, self.sets.get(name, ())) for name, items in other.sets.items())

    def __contains__(self, other: Resources) -> bool:
        return self.contains(other)

    def __bool__(self) -> bool:
        return bool(self.scalars or self.ranges or self.sets)

    def missing(self, other: Resources) -> str:
        """What `other` asks beyond what is here, for people: ``cpus: 4 asked, 2 there``. Empty if nothing."""
        lines: list[str] = []
        for name in other.names():
            kind, there = _kind(other, name), _kind(self, name)
            if there not in ("", kind):
                lines.append(f"{name}: {kind} asked, {there} there")
            elif kind == "a scalar":
                asked, have = other.scalars[name], self.scalars.get(name, 0)
                if asked > have:
                    lines.append(f"{name}: {_number_text(asked)} asked, {_number_text(have)} there")
            elif kind == "ranges":
                lacking = _range_difference(other.ranges[name], self.ranges.get(name, ()))
                if lacking:
                    lines.append(f"{name}: {_some([_range_text(pair) for pair in lacking])} not there")
            else:
                absent = _without(other.sets[name], self.sets.get(name, ()))
                if absent:
                    lines.append(f"{name}: {_some(absent)} not there")
        return "; ".join(lines)

    def scalar(self, name: str) -> int:
        """The scalar's thousandths; 0 if there is no such scalar."""
        return self.scalars.get(name, 0)

    def number(self, name: str) -> float:
        """The scalar as a float, to display and not to compare; 0 if there is no such scalar."""
        return self.scalars.get(name, 0) / THOUSANDTHS

    @property
    def cpus(self) -> float:
        """Cores, to display."""
        return self.number("cpus")

    @property
    def mem(self) -> float:
        """Memory in MiB, to display."""
        return self.number("mem")

    @property
    def disk(self) -> float:
        """Disk in MiB, to display."""
        return self.number("disk")

    @property
    def gpus(self) -> float:
        """GPUs, to display."""
        return self.number("gpus")

    def names(self) -> list[str]:
        """All names: cpus, mem, disk, gpus, then the others alphabetically."""
        every = (*self.scalars, *self.ranges, *self.sets)
        return sorted(every, key=lambda name: (_ORDER.get(name, len(_ORDER)), name))

    def amounts(self) -> dict[str, int]:
        """How much of each name, in thousandths; an item of a range or set counts 1000."""
        amounts = dict(self.scalars)
        for name, pairs in self.ranges.items():
            amounts[name] = _count(pairs) * THOUSANDTHS
        for name, items in self.sets.items():
            amounts[name] = len(items) * THOUSANDTHS
        return amounts

    def take(self, amounts: Mapping[str, int]) -> Resources:
        """Pick a part of these resources with exactly the given amounts: the lowest numbers, first set items.

        Args:
            amounts: Thousandths by name, as `amounts` gives them; any integer type, NumPy's too.

        Raises:
            ResourceError: If an amount is negative, more than is there, or not whole for a range or set.
        """
        scalars: dict[str, int] = {}
        ranges: dict[str, Ranges] = {}
        sets: dict[str, tuple[str, ...]] = {}
        for name, asked in amounts.items():
            amount = operator.index(asked)
            if amount < 0:
                raise ResourceError(f"{name}: cannot take the negative amount {_number_text(amount)}")
            if amount == 0:
                continue
            if name in self.ranges:
                ranges[name] = _first(self.ranges[name], _whole(name, amount, _count(self.ranges[name])))
            elif name in self.sets:
                sets[name] = self.sets[name][: _whole(name, amount, len(self.sets[name]))]
            elif amount > self.scalar(name):
                raise _not_there(name, amount, self.scalar(name))
            else:
                scalars[name] = amount
        return _trusted(scalars, ranges, sets)

    def scalars_only(self) -> Resources:
        """The scalars without ranges and sets, such as can be summed over agents."""
        if not (self.ranges or self.sets):
            return self
        return _trusted_scalars(dict(self.scalars))

    def __hash__(self) -> int:
        return hash(
            (frozenset(self.scalars.items()), frozenset(self.ranges.items()), frozenset(self.sets.items()))
        )

    def __str__(self) -> str:
        """The canonical text, which `parse` reads back."""
        pieces: list[str] = []
        for name in self.names():
            if name in self.scalars:
                pieces.append(f"{name}:{_number_text(self.scalars[name])}")
            elif name in self.ranges:
                pieces.append(f"{name}:[{','.join(_range_text(pair) for pair in self.ranges[name])}]")
            else:
                pieces.append(f"{name}:{{{','.join(self.sets[name])}}}")
        return ";".join(pieces)

    def __repr__(self) -> str:
        return f"Resources({str(self)!r})"

    def _short(self, other: Resources) -> ResourceError:
        return ResourceError(f"not enough: {self.missing(other)}")


def sum_resources(parts: Iterable[Resources]) -> Resources:
    """All parts together, in one pass.

    Raises:
        ResourceError: As ``+`` does. Agents have the same ports each, so sum their `Resources.scalars_only`.
    """
    scalars: dict[str, int] = {}
    pairs_of: dict[str, list[tuple[int, int]]] = {}
    items_of: dict[str, list[str]] = {}
    for part in parts:
        for name, amount in part.scalars.items():
            scalars[name] = scalars.get(name, 0) + amount
        for name, pairs in part.ranges.items():
            pairs_of.setdefault(name, []).extend(pairs)
        for name, items in part.sets.items():
            items_of.setdefault(name, []).extend(items)
    for name, amount in scalars.items():
        if amount > MAX_SCALAR:
            raise _too_large(name, amount)
    if not (pairs_of or items_of):
        return _trusted_scalars(scalars)
    _check_kinds(scalars, pairs_of, items_of)
    ranges = {name: _disjoint_union(name, collected) for name, collected in pairs_of.items()}
    sets = {name: _disjoint_items(name, listed) for name, listed in items_of.items()}
    return _trusted(scalars, ranges, sets)


def check_name(name: object, where: str) -> None:
    """Check a resource's or attribute's name.

    Args:
        name: What should be a name.
        where: The field or text it is in, for the error.

    Raises:
        ResourceError: If it is not a letter or underscore, then letters, digits and ``_.-/``, or
            is longer than `MAX_NAME`.
    """
    if not isinstance(name, str) or len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise ResourceError(
            f"{where}: {_shown(name)} is not a name: a letter or _ first, then letters, digits and _.-/, "
            f"at most {MAX_NAME} characters"
        )


def parse_ranges(text: str, name: str) -> Ranges:
    """Read ``[1-5,8-9]`` into canonical ranges.

    Raises:
        ResourceError: Naming the resource and the range that does not parse.
    """
    pairs: list[tuple[int, int]] = []
    for piece in _between(text, "[", "]", name):
        match = _RANGE.fullmatch(piece)
        if match is None:
            raise ResourceError(f"{name}: {_shown(piece.strip())} in {_shown(text)} is not a range low-high")
        pairs.append((_bound(name, match[1]), _bound(name, match[2])))
    return _checked_ranges(name, pairs)


def parse_set(text: str, name: str) -> tuple[str, ...]:
    """Read ``{a,b}`` into a sorted set.

    Raises:
        ResourceError: Naming the resource and the item that is none.
    """
    return _checked_items(name, [piece.strip() for piece in _between(text, "{", "}", name)])


def _between(text: str, opening: str, closing: str, name: str) -> list[str]:
    if not (text.startswith(opening) and text.endswith(closing)):
        raise ResourceError(f"{name}: {_shown(text)} does not end with {closing}")
    inner = text[1:-1]
    return inner.split(",") if inner.strip() else []


def _bound(name: str, digits: str) -> int:
    # int() refuses thousands of digits with an error of its own, and is slow just below that.
    if len(digits) > len(str(MAX_BOUND)):
        raise ResourceError(f"{name}: {_shown(digits)} is too large, at most {MAX_BOUND} is allowed")
    return int(digits)


def _parse_scalar(name: str, text: str) -> int:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ResourceError(
            f"{name}: {_shown(text)} is neither a number, a range [low-high] nor a set {{item}}"
        )
    whole, decimals = match[1], match[2] or ""
    if len(decimals) > 3:
        raise ResourceError(f"{name}: {_shown(text)} has more than three decimals")
    if len(whole) > len(str(MAX_SCALAR)):
        raise _too_large(name, None)
    amount = int(whole) * THOUSANDTHS + int(decimals.ljust(3, "0"))
    _checked_scalar(name, amount)
    return amount


def _from_decimal(name: str, value: Decimal) -> int:
    if not value.is_finite() or value < 0:
        raise ResourceError(f"{name}: {value} is not a quantity")
    if value > MAX_SCALAR // THOUSANDTHS:
        raise _too_large(name, None)
    if not value:
        return 0
    # By its digits: Decimal's own arithmetic rounds to the precision of whatever context is current.
    _, digits, exponent = value.as_tuple()
    shift = int(exponent) + 3
    tail = digits[shift:] if shift < 0 else ()
    if any(tail):
        raise ResourceError(f"{name}: {_shown(str(value))} has more than three decimals")
    head = digits[: len(digits) - len(tail)]
    number = int("".join(map(str, head)) or "0")
    return number * 10**shift if shift > 0 else number


def _checked_scalar(name: str, value: object) -> int:
    if type(value) is not int:
        raise ResourceError(f"scalars: {name} is {_shown(value)}, not a whole number of thousandths")
    if value < 0:
        raise ResourceError(f"scalars: {name} is negative, {_shown(value)} thousandths")
    if value > MAX_SCALAR:
        raise _too_large(name, value)
    return value


def _checked_ranges(name: str, value: object) -> Ranges:
    if not isinstance(value, tuple | list):
        raise ResourceError(f"ranges: {name} is {_shown(value)}, not a sequence of pairs")
    if len(value) > MAX_RANGES:
        raise ResourceError(f"ranges: {name} has {len(value)} ranges, at most {MAX_RANGES} are allowed")
    for pair in value:
        if (
            not isinstance(pair, tuple | list)
            or len(pair) != 2
            or type(pair[0]) is not int
            or type(pair[1]) is not int
        ):
            raise ResourceError(f"ranges: {name} holds {_shown(pair)}, not a pair of whole numbers")
        low, high = pair
        if low < 0:
            raise ResourceError(f"ranges: {name} holds the negative number {_shown(low)}")
        if max(low, high) > MAX_BOUND:
            raise ResourceError(
                f"ranges: {name} holds {_shown(max(low, high))}, at most {MAX_BOUND} is allowed"
            )
        if low > high:
            raise ResourceError(f"ranges: {name} holds {low}-{high}, whose low end is above its high end")
    joined: list[tuple[int, int]] = []
    for low, high in sorted(map(tuple, value)):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return _limited(name, joined)


def _checked_items(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, tuple | list | set | frozenset):
        raise ResourceError(f"sets: {name} is {_shown(value)}, not a sequence of items")
    if len(value) > MAX_ITEMS:
        raise ResourceError(f"sets: {name} has {len(value)} items, at most {MAX_ITEMS} are allowed")
    for item in value:
        if (
            not isinstance(item, str)
            or not 0 < len(item) <= MAX_NAME
            or not item.isprintable()
            or not _RESERVED.isdisjoint(item)
        ):
            raise ResourceError(
                f"sets: {name} holds {_shown(item)}, not an item: printable, without spaces or any of "
                f",;{{}}[], 1 to {MAX_NAME} characters"
            )
    return tuple(sorted(set(value)))


def _check_kinds(
    scalars: Mapping[str, object], ranges: Mapping[str, object], sets: Mapping[str, object]
) -> None:
    if not (ranges or sets):
        return
    for name in (*ranges, *sets):
        if (name in scalars) + (name in ranges) + (name in sets) > 1:
            raise ResourceError(f"{name} is used in two kinds, it can be one of scalar, ranges and set")


def _trusted(
    scalars: dict[str, int], ranges: dict[str, Ranges], sets: dict[str, tuple[str, ...]]
) -> Resources:
    # A copy runs no __post_init__, which would check again what was made from checked values.
    made = copy.copy(_EMPTY)
    force_setattr(made, "scalars", scalars)
    force_setattr(made, "ranges", ranges)
    force_setattr(made, "sets", sets)
    return made


def _trusted_scalars(scalars: dict[str, int]) -> Resources:
    made = copy.copy(_EMPTY)
    force_setattr(made, "scalars", scalars)
    return made


def _limited(name: str, pairs: list[tuple[int, int]]) -> Ranges:
    if len(pairs) > MAX_RANGES:
        raise ResourceError(f"ranges: {name} has {len(pairs)} ranges, at most {MAX_RANGES} are allowed")
    # The allocator counts ranges in 64-bit thousandths, next to the scalars.
    count = _count(pairs)
    if count * THOUSANDTHS > MAX_SCALAR:
        raise ResourceError(
            f"ranges: {name} holds {count} numbers, at most {MAX_SCALAR // THOUSANDTHS} are allowed"
        )
    return tuple(pairs)


def _disjoint_union(name: str, pairs: list[tuple[int, int]]) -> Ranges:
    joined: list[tuple[int, int]] = []
    for low, high in sorted(pairs):
        if joined and low <= joined[-1][1]:
            twice = _range_text((low, min(high, joined[-1][1])))
            raise ResourceError(f"{name}: {twice} would be counted twice")
        if joined and low == joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return _limited(name, joined)


def _disjoint_items(name: str, items: list[str]) -> tuple[str, ...]:
    ordered = sorted(items)
    twice = sorted({item for item, after in itertools.pairwise(ordered) if item == after})
    if twice:
        raise ResourceError(f"{name}: {_some(twice)} would be counted twice")
    if len(ordered) > MAX_ITEMS:
        raise ResourceError(f"sets: {name} has {len(ordered)} items, at most {MAX_ITEMS} are allowed")
    return tuple(ordered)


def _range_difference(have: Ranges, taken: Ranges) -> Ranges:
    rest: list[tuple[int, int]] = []
    place = 0
    for low, high in have:
        while place < len(taken) and taken[place][1] < low:
            place += 1
        start = low
        # `place` itself stays: the last taken range may reach into the next one of `have`.
        ahead = place
        while ahead < len(taken) and taken[ahead][0] <= high:
            if taken[ahead][0] > start:
                rest.append((start, taken[ahead][0] - 1))
            start = taken[ahead][1] + 1
            ahead += 1
        if start <= high:
            rest.append((start, high))
        place = max(place, ahead - 1)
    return tuple(rest)


def _range_intersection(one: Ranges, two: Ranges) -> Ranges:
    common: list[tuple[int, int]] = []
    i = j = 0
    while i < len(one) and j < len(two):
        low, high = max(one[i][0], two[j][0]), min(one[i][1], two[j][1])
        if low <= high:
            common.append((low, high))
        if one[i][1] < two[j][1]:
            i += 1
        else:
            j += 1
    return tuple(common)


def _without(items: tuple[str, ...], gone: tuple[str, ...]) -> tuple[str, ...]:
    excluded = set(gone)
    return tuple(item for item in items if item not in excluded)


def _first(pairs: Ranges, count: int) -> Ranges:
    taken: list[tuple[int, int]] = []
    for low, high in pairs:
        if count <= 0:
            break
        taken.append((low, min(high, low + count - 1)))
        count -= high - low + 1
    return tuple(taken)


def _whole(name: str, amount: int, there: int) -> int:
    count, part = divmod(amount, THOUSANDTHS)
    if part:
        raise ResourceError(f"{name}: {_number_text(amount)} asked, but it is counted in whole items")
    if count > there:
        raise _not_there(name, amount, there * THOUSANDTHS)
    return count


def _count(pairs: Iterable[tuple[int, int]]) -> int:
    return sum(high - low + 1 for low, high in pairs)


def _kind(resources: Resources, name: str) -> str:
    if name in resources.scalars:
        return "a scalar"
    if name in resources.ranges:
        return "ranges"
    return "a set" if name in resources.sets else ""


def _too_large(name: str, amount: int | None) -> ResourceError:
    found = "" if amount is None else f", {_shown(amount)} thousandths"
    return ResourceError(f"scalars: {name} is too large{found}; at most {MAX_SCALAR} thousandths are allowed")


def _not_there(name: str, asked: int, there: int) -> ResourceError:
    return ResourceError(f"not enough: {name}: {_number_text(asked)} asked, {_number_text(there)} there")


def _number_text(thousandths: int) -> str:
    whole, part = divmod(abs(thousandths), THOUSANDTHS)
    sign = "-" if thousandths < 0 else ""
    return f"{sign}{whole}.{part:03}".rstrip("0").rstrip(".") if part else f"{sign}{whole}"


def _range_text(pair: tuple[int, int]) -> str:
    return f"{pair[0]}-{pair[1]}"


def _some(texts: Iterable[str]) -> str:
    listed = list(texts)
    more = f" and {len(listed) - _MOST_SHOWN} more" if len(listed) > _MOST_SHOWN else ""
    return ", ".join(listed[:_MOST_SHOWN]) + more


def _shown(value: object) -> str:
    # Errors go to logs and back over sockets: a hostile value must not make them large.
    if isinstance(value, int) and value.bit_length() > 256:
        return "a very large number"
    text = repr(value[:100]) if isinstance(value, str | list | tuple) else repr(value)
    return text if len(text) <= 100 else text[:97] + "..."


_EMPTY = Resources()
