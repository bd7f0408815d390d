"""Changes become transactions: none is lost, none is too large, and what belongs together stays together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.messages import FrameworkInfo
from cluster.registry import MAX_OBJECT, Change, RegistryState
from cluster.registry.batches import BATCH_BYTES, BATCH_ROWS, batches, coalesce, row_of
from cluster.registry.state import decode

SIZE = 1000
KINDS = ("ended", "weights", "cluster", "gone")

changes = st.lists(
    st.builds(
        lambda kind, id_, number: Change(
            kind, id_, number and ("x" * (30 * number) if kind == "cluster" else float(number))
        ),
        st.sampled_from(KINDS),
        st.sampled_from(["A", "B", "eng", "eng/dev", "é" * 20, *(f"i{n}" for n in range(20))]),
        st.one_of(st.none(), st.integers(1, 20)),
    ),
    max_size=60,
)


@given(changes, st.integers(len(KINDS), 12))
def test_each_object_is_written_once_as_it_is_in_the_end(made: list[Change], rows: int) -> None:
    written = [row for batch in batches(made, rows, 2 * SIZE) for row in batch]
    last = {(change.kind, change.id): change.value for change in made}
    assert len(written) == len(last)
    assert {
        (row.kind, row.id): None if row.value is None else decode(row.kind, row.value) for row in written
    } == last


@given(changes, st.integers(1, 12))
def test_no_batch_is_empty_or_too_large(made: list[Change], rows: int) -> None:
    for batch in batches(made, rows, SIZE):
        assert 1 <= len(batch) <= rows
        assert sum(row.size for row in batch) <= SIZE


@given(changes, st.integers(len(KINDS), 12))
def test_what_is_known_of_an_id_is_written_at_once_where_it_fits(made: list[Change], rows: int) -> None:
    size = 2 * SIZE
    units = {unit[0].id: unit for unit in coalesce(made)}
    found = [{row.id for row in batch} for batch in batches(made, rows, size)]
    for id_, unit in units.items():
        assert {change.id for change in unit} == {id_}
        if sum(row_of(change).size for change in unit) <= size:
            assert sum(id_ in ids for ids in found) == 1


@given(changes, st.integers(1, 12))
def test_ids_come_as_they_first_appear(made: list[Change], rows: int) -> None:
    first = list(dict.fromkeys(change.id for change in made))
    assert list(dict.fromkeys(row.id for batch in batches(made, rows, SIZE) for row in batch)) == first


@given(changes, st.integers(len(KINDS), 12), st.integers(0, 60))
def test_after_any_batch_an_id_is_as_before_or_as_after(made: list[Change], rows: int, done: int) -> None:
    before, after = RegistryState(gone={"A": 1.0}, weights={"eng": 3.0}), RegistryState()
    after = before.copy()
    for change in made:
        after.apply(change)
    midway = before.copy()
    for batch in list(batches(made, rows, 5 * SIZE))[:done]:
        for row in batch:
            midway.apply(Change(row.kind, row.id, None if row.value is None else decode(row.kind, row.value)))
    for id_ in {change.id for change in made}:
        known = [[getattr(state, kind).get(id_) for kind in KINDS] for state in (before, midway, after)]
        assert known[1] in (known[0], known[2])


def test_the_windows_change_together() -> None:
    moved = [Change("windows", "w", None), *(Change("ended", f"F{n}", 1.0) for n in range(99))]
    first, second = batches([*moved, Change("windows", "w:m", None)])
    assert [row.id for row in first if row.kind == "windows"] == ["w", "w:m"]
    assert (len(first), len(second)) == (BATCH_ROWS, 1)


def test_a_unit_that_is_too_much_for_a_batch_is_divided() -> None:
    windows = [Change("windows", f"w{n}", None) for n in range(2 * BATCH_ROWS + 1)]
    ended = Change("ended", "F", 1.0)
    assert [len(batch) for batch in batches([ended, *windows])] == [1, BATCH_ROWS, BATCH_ROWS, 1]


def test_two_of_the_largest_objects_that_masters_take_fit_in_a_batch() -> None:
    largest = Change("cluster", "x" * 1024, "x" * (MAX_OBJECT - 2))
    (batch,) = batches([largest, largest._replace(kind="frameworks", value=FrameworkInfo("x" * MAX_OBJECT))])
    assert len(batch) == 2


def test_what_cannot_be_written_is_named() -> None:
    with pytest.raises(ValueError, match=rf"cluster 'big' takes 1310\d+ bytes, {BATCH_BYTES} are possible"):
        list(batches([Change("cluster", "big", "x" * BATCH_BYTES)]))
    for bad in (
        Change("weights", "\udc80", 1.0),
        Change("cluster", "x", "\udc80"),
        Change("gone", "\udc80", None),
    ):
        with pytest.raises(ValueError, match=f"{bad.kind} {bad.id!r} is not UTF-8".replace("\\", "\\\\")):
            list(batches([bad]))
