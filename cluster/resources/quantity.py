"""Resources: scalars, ranges and sets, added, subtracted, compared."""

from __future__ import annotations

import copy
import operator
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec
from msgspec.structs import force_setattr

from .arithmetic import (
    disjoint_items,
    disjoint_union,
    first_of,
    range_difference,
    range_intersection,
    whole_items,
    without,
)
from .checks import (
    MAX_RANGES,
    Ranges,
    check_kinds,
    check_name,
    checked_items,
    checked_ranges,
    checked_scalar,
    count_of,
)
from .errors import (
    MAX_SCALAR,
    THOUSANDTHS,
    ResourceError,
    not_there,
    number_text,
    range_text,
    shown,
    some_of,
    too_large,
)
from .parsing import from_decimal, parse_ranges, parse_scalar, parse_set

Quantity = int | float | Decimal | str | Iterable[tuple[int, int]] | Iterable[str]
"""What `Resources.of` takes for one name."""

ORDER = {name: place for place, name in enumerate(("cpus", "mem", "disk", "gpus"))}


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
                raise ResourceError(f"{field}: {shown(by_name)} is not a mapping of names")
            for name in by_name:
                check_name(name, field)
        check_kinds(self.scalars, self.ranges, self.sets)
        force_setattr(
            self,
            "scalars",
            {name: value for name, value in self.scalars.items() if checked_scalar(name, value)},
        )
        ranges = {name: checked_ranges(name, value) for name, value in self.ranges.items()}
        force_setattr(self, "ranges", {name: value for name, value in ranges.items() if value})
        sets = {name: checked_items(name, value) for name, value in self.sets.items()}
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
                raise ResourceError(f"{shown(piece)} does not read as name:value")
            check_name(name, shown(piece))
            if name in seen:
                raise ResourceError(f"{name} is given twice, the second time in {shown(piece)}")
            seen.add(name)
            if value.startswith("["):
                ranges[name] = parse_ranges(value, name)
            elif value.startswith("{"):
                sets[name] = parse_set(value, name)
            else:
                scalars[name] = parse_scalar(name, value)
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
                    scalars[name] = parse_scalar(name, text)
            elif isinstance(value, int):
                scalars[name] = value * THOUSANDTHS
            elif isinstance(value, float):
                scalars[name] = from_decimal(name, Decimal(repr(value)))
            elif isinstance(value, Decimal):
                scalars[name] = from_decimal(name, value)
            elif isinstance(value, Iterable):
                pairs: list[tuple[int, int]] = []
                items: list[str] = []
                for item in value:
                    if isinstance(item, str):
                        items.append(item)
                    else:
                        pairs.append(item)
                if pairs and items:
                    raise ResourceError(f"{name}: {shown(value)} mixes ranges and set items")
                if items:
                    sets[name] = tuple(items)
                else:
                    ranges[name] = tuple(pairs)
            else:
                raise ResourceError(f"{name}: {shown(value)} is not a quantity")
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
                raise too_large(name, total)
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
            rest = range_difference(ranges[name], pairs)
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
            kept = without(sets[name], items)
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
            common = range_intersection(pairs, other.ranges.get(name, ()))
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
            if range_difference(pairs, self.ranges.get(name, ())):
                return False
        return all(not without(items, self.sets.get(name, ())) for name, items in other.sets.items())

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
                    lines.append(f"{name}: {number_text(asked)} asked, {number_text(have)} there")
            elif kind == "ranges":
                lacking = range_difference(other.ranges[name], self.ranges.get(name, ()))
                if lacking:
                    lines.append(f"{name}: {some_of([range_text(pair) for pair in lacking])} not there")
            else:
                absent = without(other.sets[name], self.sets.get(name, ()))
                if absent:
                    lines.append(f"{name}: {some_of(absent)} not there")
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
        return sorted(every, key=lambda name: (ORDER.get(name, len(ORDER)), name))

    def amounts(self) -> dict[str, int]:
        """How much of each name, in thousandths; an item of a range or set counts 1000."""
        amounts = dict(self.scalars)
        for name, pairs in self.ranges.items():
            amounts[name] = count_of(pairs) * THOUSANDTHS
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
                raise ResourceError(f"{name}: cannot take the negative amount {number_text(amount)}")
            if amount == 0:
                continue
            if name in self.ranges:
                ranges[name] = first_of(
                    self.ranges[name], whole_items(name, amount, count_of(self.ranges[name]))
                )
            elif name in self.sets:
                sets[name] = self.sets[name][: whole_items(name, amount, len(self.sets[name]))]
            elif amount > self.scalar(name):
                raise not_there(name, amount, self.scalar(name))
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
                pieces.append(f"{name}:{number_text(self.scalars[name])}")
            elif name in self.ranges:
                pieces.append(f"{name}:[{','.join(range_text(pair) for pair in self.ranges[name])}]")
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
            raise too_large(name, amount)
    if not (pairs_of or items_of):
        return _trusted_scalars(scalars)
    check_kinds(scalars, pairs_of, items_of)
    ranges = {name: disjoint_union(name, collected) for name, collected in pairs_of.items()}
    sets = {name: disjoint_items(name, listed) for name, listed in items_of.items()}
    return _trusted(scalars, ranges, sets)


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


def _kind(resources: Resources, name: str) -> str:
    if name in resources.scalars:
        return "a scalar"
    if name in resources.ranges:
        return "ranges"
    return "a set" if name in resources.sets else ""


_EMPTY = Resources()
