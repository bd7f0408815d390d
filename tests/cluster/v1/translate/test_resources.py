"""Resources as frameworks write them, in both formats."""

from __future__ import annotations

import json as python_json
import math
from typing import Any

import pytest

from cluster.resources import Resources
from cluster.v1 import json
from cluster.v1.errors import RefusedError
from cluster.v1.translate.resources import Quantities, read_resources, write_resources
from cluster.v1.types import Request, Resource, Value

CPUS = '{"name":"cpus","type":"SCALAR","scalar":{"value":%s}%s}'


def read(*texts: str) -> Quantities:
    data = f'{{"resources":[{",".join(texts)}]}}'
    return read_resources(json.decode(data.encode(), Request).resources, "resources")


def cpus(value: object, more: str = "") -> str:
    return CPUS % (value, f",{more}" if more else "")


@pytest.mark.parametrize(
    ("value", "thousandths"),
    [
        (1, 1000),
        (0.1, 100),
        (0.0005, 1),
        (0.0004, 0),
        (0.30000000000000004, 300),
        (1e-300, 0),
        (0, 0),
        (-0.0, 0),
    ],
)
def test_scalars_are_rounded_to_thousandths(value: float, thousandths: int) -> None:
    assert read(cpus(value)).plain.scalar("cpus") == thousandths


def test_a_zero_scalar_is_no_request() -> None:
    gpus = '{"name":"gpus","type":"SCALAR","scalar":{"value":0}}'
    assert read(cpus(1), gpus) == Quantities(Resources.of(cpus=1))


def test_what_is_of_one_name_is_added() -> None:
    ports = '{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":%d,"end":%d}]}}'
    assert read(cpus(1), cpus(0.5), ports % (1, 5), ports % (6, 9)).plain == Resources.of(
        cpus=1.5, ports=[(1, 9)]
    )


def test_sets() -> None:
    zones = '{"name":"zones","type":"SET","set":{"item":["b","a"]}}'
    assert read(zones).plain == Resources.of(zones=["a", "b"])


def test_both_formats_of_reservations_are_read() -> None:
    old = read(cpus(2, '"role":"eng","reservation":{"principal":"p"}'), cpus(1, '"role":"*"'))
    new = read(cpus(2, '"reservations":[{"type":"DYNAMIC","role":"eng"}]'), cpus(1, '"reservations":[]'))
    assert old == new == Quantities(Resources.of(cpus=1), {"eng": Resources.of(cpus=2)})
    assert old.lasting == Resources.of(cpus=3)


def test_what_it_is_allocated_to_changes_nothing() -> None:
    assert read(cpus(1, '"allocation_info":{"role":"eng"}')) == Quantities(Resources.of(cpus=1))


def test_revocable_ones_are_apart() -> None:
    assert read(cpus(1), cpus(2, '"revocable":{}')) == Quantities(
        Resources.of(cpus=1), revocable=Resources.of(cpus=2)
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (cpus(-1), "resources[0]: 'cpus' is -1.0, not a quantity"),
        (cpus("1e30"), "resources[0]: scalars: cpus is too large"),
        ('{"name":"cpus","type":"SCALAR"}', "resources[0].scalar is missing"),
        ('{"name":"cpus","type":"RANGES","scalar":{"value":1}}', "resources[0].ranges is missing"),
        ('{"name":"x","type":"TEXT"}', "resources[0]: 'x' is a text"),
        ('{"name":"a b","type":"SCALAR","scalar":{"value":1}}', "resources[0]: scalars: 'a b' is not a name"),
        (
            '{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":9,"end":5}]}}',
            "resources[0]: ranges: ports holds 9-5, whose low end is above",
        ),
        (
            '{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":0,"end":18446744073709551615}]}}',
            "resources[0]: ranges: ports holds 18446744073709551615",
        ),
        (cpus(1, '"disk":{}'), "resources[0].disk: there are no persistent volumes"),
        (cpus(1, '"shared":{}'), "resources[0].shared: nothing is shared"),
        (cpus(1, '"provider_id":{"value":"p"}'), "resources[0].provider_id: there are no resource providers"),
        (cpus(1, '"role":"eng","reservations":[{"role":"eng"}]'), "resources[0]: has reservations, and role"),
        (cpus(1, '"reservation":{}'), "resources[0].reservation: there is none for role '*'"),
        (
            cpus(1, '"reservations":[{"role":"a"},{"role":"a/b"}]'),
            "resources[0].reservations: what is reserved",
        ),
        (cpus(1, '"reservations":[{"type":"DYNAMIC"}]'), "resources[0].reservations[0].role is ''"),
        (
            cpus(1, '"role":"a","reservation":{"labels":{"labels":[{"key":"k"}]}}'),
            "resources[0]: labels of reservations",
        ),
        (cpus(1, '"role":"a","revocable":{}'), "resources[0]: what is revocable cannot be reserved"),
    ],
)
def test_what_is_wrong_is_named(text: str, problem: str) -> None:
    with pytest.raises(RefusedError) as caught:
        read(text)
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_quantity(value: float) -> None:
    resource = Resource(name="cpus", type=Value.Type.SCALAR, scalar=Value.Scalar(value=value))
    with pytest.raises(RefusedError, match="not a quantity"):
        read_resources([resource], "resources")


def test_an_item_that_is_there_twice_is_refused() -> None:
    ports = '{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":5}]}%s}'
    with pytest.raises(RefusedError, match=r"^resources: ports"):
        read(ports % "", ports % ',"role":"eng"')


def test_how_they_are_written() -> None:
    quantities = Quantities(Resources.of(cpus=0.5), {"eng": Resources.of(mem=64)}, Resources.of(cpus=2))

    def written(*, refinement: bool = False, allocated_to: str | None = None) -> Any:
        resources = write_resources(quantities, refinement=refinement, allocated_to=allocated_to)
        return python_json.loads(json.encode(Request(resources=resources)))["resources"]

    half, mem, two = ({"value": value} for value in (0.5, 64.0, 2.0))
    assert written() == [
        {"name": "cpus", "type": "SCALAR", "scalar": half, "role": "*"},
        {"name": "mem", "type": "SCALAR", "scalar": mem, "role": "eng", "reservation": {}},
        {"name": "cpus", "type": "SCALAR", "scalar": two, "role": "*", "revocable": {}},
    ]
    told = {"allocation_info": {"role": "eng"}}
    assert written(refinement=True, allocated_to="eng") == [
        {"name": "cpus", "type": "SCALAR", "scalar": half, **told},
        {
            "name": "mem",
            "type": "SCALAR",
            "scalar": mem,
            **told,
            "reservations": [{"type": "DYNAMIC", "role": "eng"}],
        },
        {"name": "cpus", "type": "SCALAR", "scalar": two, **told, "revocable": {}},
    ]
