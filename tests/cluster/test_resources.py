from __future__ import annotations

import copy
import json
import pickle
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.resources import (
    MAX_BOUND,
    MAX_ITEMS,
    MAX_RANGES,
    MAX_SCALAR,
    ResourceError,
    Resources,
    sum_resources,
)

parse = Resources.parse


class Envelope(msgspec.Struct):
    resources: Resources = Resources()


# Few names and small numbers, so that two values often meet in the same place.
scalars = st.dictionaries(st.sampled_from(["cpus", "mem", "disk", "gpus", "licences"]), st.integers(0, 5000))
bounds = st.tuples(st.integers(0, 40), st.integers(0, 8)).map(lambda pair: (pair[0], pair[0] + pair[1]))
ranges = st.dictionaries(st.sampled_from(["ports", "vlans"]), st.lists(bounds, max_size=5).map(tuple))
sets = st.dictionaries(
    st.sampled_from(["zones", "keys"]), st.lists(st.sampled_from("abcdef"), max_size=5).map(tuple)
)
resources = st.builds(Resources, scalars, ranges, sets)


def members(r: Resources) -> set[tuple[str, int | str]]:
    """A model to compare with: every item of every range and set on its own."""
    ports = {
        (name, n) for name, pairs in r.ranges.items() for low, high in pairs for n in range(low, high + 1)
    }
    return ports | {(name, item) for name, items in r.sets.items() for item in items}


def is_canonical(r: Resources) -> bool:
    for value in r.scalars.values():
        if type(value) is not int or not 0 < value <= MAX_SCALAR:
            return False
    for pairs in r.ranges.values():
        if type(pairs) is not tuple or not pairs or any(low > high or low < 0 for low, high in pairs):
            return False
        if any(after[0] <= before[1] + 1 for before, after in pairwise(pairs)):
            return False
    if any(not items or items != tuple(sorted(set(items))) for items in r.sets.values()):
        return False
    return len(r.names()) == len(set(r.names())) and Resources(r.scalars, r.ranges, r.sets) == r


@given(st.lists(bounds))
def test_ranges_are_coalesced_without_gaining_or_losing_a_number(pairs: list[tuple[int, int]]) -> None:
    r = Resources(ranges={"ports": tuple(pairs)})
    assert is_canonical(r)
    assert members(r) == {("ports", n) for low, high in pairs for n in range(low, high + 1)}


@given(resources, resources)
def test_adding_then_subtracting_gives_the_first_again(a: Resources, b: Resources) -> None:
    if members(a) & members(b):
        with pytest.raises(ResourceError, match="would be counted twice"):
            a + b
        return
    both = a + b
    assert is_canonical(both)
    assert both - b == a
    assert both - a == b
    assert members(both) == members(a) | members(b)
    assert all(both.scalar(name) == a.scalar(name) + b.scalar(name) for name in both.scalars)


@given(resources, resources, resources)
def test_addition_is_commutative_and_associative(a: Resources, b: Resources, c: Resources) -> None:
    if members(a) & members(b) or members(a) & members(c) or members(b) & members(c):
        return
    assert a + b == b + a
    assert (a + b) + c == a + (b + c) == sum_resources(iter([c, a, b]))
    assert hash(a + b) == hash(b + a)


@given(resources, resources)
def test_what_is_contained_is_exactly_what_can_be_subtracted(a: Resources, b: Resources) -> None:
    fits = members(b) <= members(a) and all(a.scalar(name) >= n for name, n in b.scalars.items())
    assert a.contains(b) is (b in a) is fits
    assert (a.missing(b) == "") is fits
    if fits:
        rest = a - b
        assert is_canonical(rest)
        assert members(rest) == members(a) - members(b)
        assert rest + b == a
    else:
        with pytest.raises(ResourceError, match="not enough: ") as caught:
            a - b
        assert str(caught.value) == f"not enough: {a.missing(b)}"


@given(resources, resources)
def test_the_intersection_is_the_largest_part_of_both(a: Resources, b: Resources) -> None:
    common = a & b
    assert is_canonical(common)
    assert common == b & a
    assert common in a
    assert common in b
    assert members(common) == members(a) & members(b)
    assert all(common.scalar(name) == min(n, b.scalar(name)) for name, n in a.scalars.items())


@given(resources)
def test_the_text_and_the_wire_bring_the_same_value_back(a: Resources) -> None:
    assert is_canonical(a)
    assert parse(str(a)) == a
    assert hash(parse(str(a))) == hash(a)
    assert repr(a) == f"Resources({str(a)!r})"
    assert bool(a) is bool(str(a))
    for codec in (msgspec.msgpack, msgspec.json):
        assert codec.decode(codec.encode(Envelope(a)), type=Envelope).resources == a
    assert pickle.loads(pickle.dumps(a)) == copy.deepcopy(a) == a  # noqa: S301


@given(resources, st.data())
def test_taking_amounts_gives_exactly_those(a: Resources, data: st.DataObject) -> None:
    there = a.amounts()
    assert a.take(there) == a
    asked = {}
    for name, amount in there.items():
        step = 1 if name in a.scalars else 1000
        asked[name] = data.draw(st.integers(0, amount // step)) * step
    part = a.take(asked)
    assert is_canonical(part)
    assert part in a
    assert part.amounts() == {name: amount for name, amount in asked.items() if amount}
    for name in part.ranges:
        left = {n for key, n in members(a - part) if key == name}
        assert all(n > part.ranges[name][-1][1] for n in left)


wild = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 12)
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["cpus", "ports", "", "a b"]), inner)
    ),
    max_leaves=8,
)
loose_ranges = st.lists(st.lists(st.integers(-1, 9), min_size=2, max_size=2), max_size=4)
names = st.sampled_from(["cpus", "ports", "x", "", "a b", "9"])
loose = st.fixed_dictionaries(
    {},
    optional={
        "scalars": st.dictionaries(names, st.integers(-2, 5)) | wild,
        "ranges": st.dictionaries(names, loose_ranges) | wild,
        "sets": st.dictionaries(names, st.lists(st.sampled_from(["a", "b", "", "a,b", "\n"]))) | wild,
        "later": wild,
    },
)


@given(wild | loose)
def test_decoding_garbage_never_yields_a_value_that_is_not_canonical(garbage: Any) -> None:
    payload = msgspec.msgpack.encode({"resources": garbage})
    try:
        decoded = msgspec.msgpack.decode(payload, type=Envelope).resources
    except msgspec.ValidationError:
        return
    assert is_canonical(decoded)


def test_the_wire_form_is_three_maps_each_left_out_when_empty() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(Resources())) == {}
    r = parse("cpus:0.5;ports:[1-2,4-4];zones:{b,a}")
    assert json.loads(msgspec.json.encode(r)) == {
        "scalars": {"cpus": 500},
        "ranges": {"ports": [[1, 2], [4, 4]]},
        "sets": {"zones": ["a", "b"]},
    }
    # What is computed is encoded no differently from what is constructed.
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(parse("cpus:1") - parse("cpus:1"))) == {}


def test_unknown_fields_are_ignored() -> None:
    decoded = msgspec.json.decode(
        b'{"resources":{"scalars":{"cpus":1},"shared":[1]},"more":2}', type=Envelope
    )
    assert decoded.resources == Resources({"cpus": 1})


def test_decoding_normalises() -> None:
    payload = (
        b'{"scalars":{"cpus":0},"ranges":{"ports":[[5,9],[1,2],[3,6]],"n":[]},"sets":{"z":["b","a","b"]}}'
    )
    decoded = msgspec.json.decode(payload, type=Resources)
    assert decoded.scalars == {}
    assert decoded.ranges == {"ports": ((1, 9),)}
    assert decoded.sets == {"z": ("a", "b")}


def test_decoding_errors_name_place_field_and_value() -> None:
    with pytest.raises(
        msgspec.ValidationError, match=r"scalars: cpus is negative, -5 thousandths - at `\$.resources`"
    ):
        msgspec.json.decode(b'{"resources":{"scalars":{"cpus":-5}}}', type=Envelope)
    with pytest.raises(msgspec.ValidationError, match="Expected `int`, got `float`"):
        msgspec.json.decode(b'{"scalars":{"cpus":1.5}}', type=Resources)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scalars": {"cpus": -1}}, "scalars: cpus is negative, -1 thousandths"),
        ({"scalars": {"cpus": 1.5}}, "scalars: cpus is 1.5, not a whole number of thousandths"),
        ({"scalars": {"cpus": True}}, "scalars: cpus is True, not a whole number of thousandths"),
        ({"scalars": {"cpus": MAX_SCALAR + 1}}, f"scalars: cpus is too large, {MAX_SCALAR + 1} thousandths"),
        ({"scalars": {"cpus": 10**9000}}, "scalars: cpus is too large, a very large number"),
        ({"scalars": {"9x": 1}}, "scalars: '9x' is not a name"),
        ({"scalars": {"": 1}}, "scalars: '' is not a name"),
        ({"scalars": {"cpus\n": 1}}, r"scalars: 'cpus\n' is not a name"),
        ({"scalars": {"a" * 129: 1}}, "at most 128 characters"),
        ({"scalars": {7: 1}}, "scalars: 7 is not a name"),
        ({"scalars": [("cpus", 1)]}, "scalars: [('cpus', 1)] is not a mapping"),
        ({"ranges": {"ports": ((5, 4),)}}, "ranges: ports holds 5-4, whose low end is above its high end"),
        ({"ranges": {"ports": ((-1, 4),)}}, "ranges: ports holds the negative number -1"),
        ({"ranges": {"ports": ((1, 2**63),)}}, f"ranges: ports holds {2**63}, at most {MAX_BOUND}"),
        ({"ranges": {"ports": ((10**9000, 1),)}}, "ranges: ports holds a very large number, at most"),
        (
            {"ranges": {"ports": ((0, 10**12),)}},
            f"ranges: ports holds {10**12 + 1} numbers, at most {10**12}",
        ),
        ({"ranges": {"ports": ((1, 2, 3),)}}, "ranges: ports holds (1, 2, 3), not a pair"),
        ({"ranges": {"ports": ((1, 2.0),)}}, "ranges: ports holds (1, 2.0), not a pair of whole numbers"),
        ({"ranges": {"ports": ((False, 2),)}}, "ranges: ports holds (False, 2), not a pair of whole numbers"),
        ({"ranges": {"ports": 5}}, "ranges: ports is 5, not a sequence of pairs"),
        (
            {"ranges": {"ports": ((1, 1),) * (MAX_RANGES + 1)}},
            "ranges: ports has 10001 ranges, at most 10000",
        ),
        ({"ranges": {"p q": ()}}, "ranges: 'p q' is not a name"),
        ({"sets": {"zones": "ab"}}, "sets: zones is 'ab', not a sequence of items"),
        ({"sets": {"zones": ("a", 1)}}, "sets: zones holds 1, not an item"),
        ({"sets": {"zones": ("",)}}, "sets: zones holds '', not an item"),
        ({"sets": {"zones": ("a,b",)}}, "sets: zones holds 'a,b', not an item"),
        ({"sets": {"zones": ("a b",)}}, "sets: zones holds 'a b', not an item"),
        ({"sets": {"zones": ("\ud800",)}}, r"sets: zones holds '\ud800', not an item"),
        ({"sets": {"zones": ("a" * 129,)}}, "1 to 128 characters"),
        ({"sets": {"zones": ("a",) * (MAX_ITEMS + 1)}}, "sets: zones has 10001 items, at most 10000"),
        ({"scalars": {"x": 1}, "ranges": {"x": ((1, 2),)}}, "x is used in two kinds"),
        ({"ranges": {"x": ((1, 2),)}, "sets": {"x": ("a",)}}, "x is used in two kinds"),
        ({"scalars": {"x": 0}, "sets": {"x": ("a",)}}, "x is used in two kinds"),
    ],
)
def test_the_constructor_refuses(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ResourceError) as caught:
        Resources(**fields)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 400


def test_an_error_about_a_long_value_stays_short() -> None:
    with pytest.raises(ResourceError) as caught:
        parse("cpus:" + "x" * 1_000_000)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", ""),
        (" ; ", ""),
        ("cpus:4;mem:8192;ports:[31000-32000,33000-33005];zones:{a,b}", None),
        (" mem : 64 ;\tcpus: 0.50 ; ", "cpus:0.5;mem:64"),
        ("ports: [ 3 - 4 , 1-2 ]; zones:{ b , a,b }", "ports:[1-4];zones:{a,b}"),
        ("x:1;gpus:2;disk:3;mem:4;cpus:5;a:{z};b:[7-7]", "cpus:5;mem:4;disk:3;gpus:2;a:{z};b:[7-7];x:1"),
        ("cpus:0;ports:[];zones:{ }", ""),
        ("cpus:0.001;mem:1000000000000", None),
        ("cpus:10;mem:100", None),
        ("nic/eth0.rate-1:1.25", None),
        ("addresses:{::1}", None),
    ],
)
def test_parse_reads_mesos_text(text: str, canonical: str | None) -> None:
    assert str(parse(text)) == (text if canonical is None else canonical)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cpus", "'cpus' does not read as name:value"),
        ("mem:1;cpus:", "'cpus:' does not read as name:value"),
        (":4", "':4': '' is not a name"),
        ("cpus(role):4", "'cpus(role):4': 'cpus(role)' is not a name"),
        ("cpus:four", "cpus: 'four' is neither a number, a range [low-high] nor a set {item}"),
        ("cpus:-1", "cpus: '-1' is neither"),
        ("cpus:1e3", "cpus: '1e3' is neither"),
        ("cpus:nan", "cpus: 'nan' is neither"),
        ("cpus:1 2", "cpus: '1 2' is neither"),
        ("cpus:٤", "cpus: '٤' is neither"),
        ("cpus:0.0001", "cpus: '0.0001' has more than three decimals"),
        ("cpus:1000000000000.001", "scalars: cpus is too large"),
        ("cpus:" + "9" * 9000, "scalars: cpus is too large"),
        ("cpus:1;cpus:2", "cpus is given twice, the second time in 'cpus:2'"),
        ("cpus:1;cpus:[1-2]", "cpus is given twice"),
        ("ports:[1-2", "ports: '[1-2' does not end with ]"),
        ("ports:[1-2,x]", "ports: 'x' in '[1-2,x]' is not a range low-high"),
        ("ports:[80]", "ports: '80' in '[80]' is not a range low-high"),
        ("ports:[1-2,]", "ports: '' in '[1-2,]' is not a range"),
        ("ports:[-1-2]", "ports: '-1-2' in"),
        ("ports:[2-1]", "ranges: ports holds 2-1"),
        (f"ports:[1-{'9' * 9000}]", "is too large, at most"),
        ("zones:{a", "zones: '{a' does not end with }"),
        ("zones:{a,,b}", "sets: zones holds '', not an item"),
        ("zones:{a;b}", "zones: '{a' does not end with }"),
    ],
)
def test_parse_refuses(text: str, message: str) -> None:
    with pytest.raises(ResourceError) as caught:
        parse(text)
    assert message in str(caught.value)


def test_of_takes_python_values() -> None:
    r = Resources.of(
        cpus=1.5,
        mem=64,
        disk=Decimal("1e3"),
        gpus="0.25",
        ports=[(31001, 31005), [31000, 31000]],
        zones={"b", "a"},
    )
    assert str(r) == "cpus:1.5;mem:64;disk:1000;gpus:0.25;ports:[31000-31005];zones:{a,b}"
    assert Resources.of(
        cpus=0.1, a=Decimal("2.5000"), b="[1-2]", c="{x}", d=(), e=0, f=Decimal("0e-9")
    ) == parse("cpus:0.1;a:2.5;b:[1-2];c:{x}")
    assert Resources.of(**{"nic/eth0": 1e-3}).scalars == {"nic/eth0": 1}
    assert Resources.of(mem=Decimal(10**12)).scalar("mem") == MAX_SCALAR
    assert Resources.of(ports=(pair for pair in [(1, 2)])) == parse("ports:[1-2]")


@given(st.integers(0, MAX_SCALAR))
def test_of_is_exact_for_decimals(thousandths: int) -> None:
    assert Resources.of(x=Decimal(thousandths).scaleb(-3)).scalar("x") == thousandths


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.1 + 0.2, "x: '0.30000000000000004' has more than three decimals"),
        (Decimal("0.00001"), "more than three decimals"),
        (Decimal("1." + "0" * 40 + "1"), "more than three decimals"),
        (Decimal("1e-999999"), "more than three decimals"),
        (Decimal("1e999999"), "scalars: x is too large"),
        (1e30, "scalars: x is too large"),
        (10**13, "scalars: x is too large"),
        (-1, "scalars: x is negative"),
        (-0.5, "x: -0.5 is not a quantity"),
        (float("nan"), "x: NaN is not a quantity"),
        (float("inf"), "x: Infinity is not a quantity"),
        (True, "x: True is not a quantity"),
        (None, "x: None is not a quantity"),
        ("", "x: '' is neither a number"),
        ([(1, 2), "a"], "mixes ranges and set items"),
        ([1, 2], "ranges: x holds 1, not a pair"),
    ],
)
def test_of_refuses(value: Any, message: str) -> None:
    with pytest.raises(ResourceError) as caught:
        Resources.of(x=value)
    assert message in str(caught.value)


def test_missing_says_what_was_asked_and_what_is_there() -> None:
    have = parse("cpus:2;mem:64;ports:[10-20];zones:{a}")
    asked = parse("cpus:4;mem:64;gpus:0.5;ports:[9-12,30-31];zones:{a,b};keys:{k}")
    assert have.missing(asked) == (
        "cpus: 4 asked, 2 there; gpus: 0.5 asked, 0 there; keys: k not there; ports: 9-9, 30-31 not there; "
        "zones: b not there"
    )
    assert parse("x:{a}").missing(parse("x:3")) == "x: a scalar asked, a set there"
    assert parse("x:3").missing(parse("x:[1-2]")) == "x: ranges asked, a scalar there"
    many = Resources(ranges={"ports": tuple((n, n) for n in range(0, 100, 2))})
    assert Resources().missing(many) == "ports: 0-0, 2-2, 4-4, 6-6, 8-8 and 45 more not there"
    with pytest.raises(ResourceError, match=r"^not enough: cpus: 4 asked, 2 there; gpus"):
        have - asked


def test_nothing_is_counted_twice() -> None:
    with pytest.raises(ResourceError, match="ports: 5-6 would be counted twice"):
        parse("ports:[1-6]") + parse("ports:[5-9]")
    with pytest.raises(ResourceError, match="ports: 6-6 would be counted twice"):
        parse("ports:[1-6]") + parse("ports:[6-9]")
    with pytest.raises(ResourceError, match="zones: b would be counted twice"):
        parse("zones:{a,b}") + parse("zones:{b,c}")
    assert parse("ports:[1-4]") + parse("ports:[5-9]") == parse("ports:[1-9]")
    with pytest.raises(ResourceError, match="x is used in two kinds"):
        parse("x:1") + parse("x:[1-2]")


def test_sums_keep_the_limits_of_a_value() -> None:
    most = Resources({"cpus": MAX_SCALAR})
    with pytest.raises(ResourceError, match="scalars: cpus is too large"):
        most + Resources({"cpus": 1})
    with pytest.raises(ResourceError, match="scalars: cpus is too large"):
        sum_resources([most, most])
    with pytest.raises(ResourceError, match="ranges: ports holds"):
        parse("ports:[1-1000000000000]") + parse("ports:[1000000000001-1000000000001]")
    even = Resources(ranges={"ports": tuple((n, n) for n in range(0, 4 * MAX_RANGES, 4))})
    odd = Resources(ranges={"ports": tuple((n, n) for n in range(2, 4 * MAX_RANGES, 4))})
    with pytest.raises(ResourceError, match="ports has 20000 ranges, at most 10000"):
        even + odd
    with pytest.raises(ResourceError, match="ports: what is left is in 10001 ranges"):
        parse(f"ports:[0-{4 * MAX_RANGES}]") - odd
    wide = Resources(ranges={"ports": tuple((n, n + 2) for n in range(0, 4 * MAX_RANGES, 4))})
    shifted = Resources(ranges={"ports": tuple((n + 2, n + 4) for n in range(0, 4 * MAX_RANGES, 4))})
    with pytest.raises(ResourceError, match="ports: in common are 19999 ranges"):
        wide & shifted
    first = Resources(sets={"z": tuple(f"a{n}" for n in range(MAX_ITEMS))})
    with pytest.raises(ResourceError, match="z has 10001 items, at most 10000"):
        first + parse("z:{b}")


def test_take_refuses() -> None:
    r = parse("cpus:1;ports:[5-6,9-9];zones:{a}")
    for amounts, message in [
        ({"cpus": 1001}, "not enough: cpus: 1.001 asked, 1 there"),
        ({"gpus": 1}, "not enough: gpus: 0.001 asked, 0 there"),
        ({"ports": 4000}, "not enough: ports: 4 asked, 3 there"),
        ({"zones": 2000}, "not enough: zones: 2 asked, 1 there"),
        ({"ports": 1500}, "ports: 1.5 asked, but it is counted in whole items"),
        ({"cpus": -1}, "cpus: cannot take the negative amount -0.001"),
    ]:
        with pytest.raises(ResourceError) as caught:
            r.take(amounts)
        assert str(caught.value) == message
    with pytest.raises(TypeError):
        r.take({"cpus": 0.5})
    assert r.take({"ports": 3000, "gpus": 0}) == parse("ports:[5-6,9-9]")


def test_reading() -> None:
    r = parse("cpus:0.5;mem:64;disk:10;gpus:1;ports:[1-3];zones:{a,b}")
    assert (r.cpus, r.mem, r.disk, r.gpus) == (0.5, 64.0, 10.0, 1.0)
    assert (r.scalar("cpus"), r.scalar("ports"), r.scalar("none"), r.number("none")) == (500, 0, 0, 0.0)
    assert r.names() == ["cpus", "mem", "disk", "gpus", "ports", "zones"]
    assert r.amounts()["ports"] == 3000
    assert r.amounts()["zones"] == 2000
    assert r.scalars_only() == parse("cpus:0.5;mem:64;disk:10;gpus:1")
    assert repr(r.take({"cpus": 250})) == "Resources('cpus:0.25')"
    assert parse("cpus:1").scalars_only() == parse("cpus:1")
    assert not Resources()
    assert sum_resources([]) == Resources()


def test_values_do_not_change_and_share_nothing_with_their_makers() -> None:
    given_scalars, given_ranges = {"cpus": 1}, {}
    r = Resources(given_scalars, given_ranges)
    given_scalars["cpus"] = 2
    given_ranges["ports"] = ((1, 2),)
    assert r == Resources({"cpus": 1})
    with pytest.raises(AttributeError):
        r.scalars = {}
    before = str(r)
    _ = (r + parse("cpus:1;mem:1"), r - r, r & r, r.take({"cpus": 1}))
    r.amounts()["cpus"] = 7
    assert str(r) == before
    assert str(Resources()) == ""


def test_only_resources_combine() -> None:
    for combine in (lambda: Resources() + 1, lambda: Resources() - 1, lambda: Resources() & 1):
        with pytest.raises(TypeError, match="unsupported operand"):
            combine()
