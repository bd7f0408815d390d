"""How many changes become few transactions: plain functions, without I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .state import Change, encode

__all__ = ["BATCH_BYTES", "BATCH_ROWS", "Row", "batches", "coalesce", "row_of"]

BATCH_ROWS = 100
"""Objects in a transaction. etcd takes 128 operations (`--max-txn-ops`), and there are some besides."""

BATCH_BYTES = 1_310_720
"""Of a transaction: 1.25 MiB. etcd takes 1.5 (`--max-request-bytes`). Two of the largest objects fit (`MAX_OBJECT`)."""

ROW_BYTES = 256
"""What an object's key and framing take besides its kind, id and value: the path is short."""


class Row(NamedTuple):
    """An object as it is stored; None deletes it."""

    kind: str
    id: str
    value: bytes | None

    @property
    def size(self) -> int:
        """Bytes of a request, at most."""
        return ROW_BYTES + len(self.kind) + len(self.id.encode()) + len(self.value or b"")


def row_of(change: Change) -> Row:
    """A change, encoded. ValueError naming it if its value or its id cannot be."""
    try:
        row = Row(change.kind, change.id, None if change.value is None else encode(change))
        size = row.size
    except UnicodeEncodeError as error:
        raise ValueError(f"{change.kind} {change.id[:255]!r} is not UTF-8") from error
    if size > BATCH_BYTES:
        raise ValueError(f"{change.kind} {change.id[:255]!r} takes {size} bytes, {BATCH_BYTES} are possible")
    return row


def coalesce(changes: Iterable[Change]) -> list[list[Change]]:
    """Of each object the last change, in units that are to be made at once; they come as each first appears.

    What is known of one id is a unit, of whatever kinds; and so are the windows, that machines move between.
    """
    units: dict[tuple[str, str], dict[tuple[str, str], Change]] = {}
    for change in changes:
        unit = ("windows", "") if change.kind == "windows" else ("", change.id)
        units.setdefault(unit, {})[change.kind, change.id] = change
    return [list(unit.values()) for unit in units.values()]


def batches(
    changes: Iterable[Change], rows: int = BATCH_ROWS, size: int = BATCH_BYTES
) -> Iterator[tuple[Row, ...]]:
    """Changes as transactions, in order, each of at most so many rows and bytes. ValueError as `row_of` has it.

    A unit is divided only if it alone is too much for one.
    """
    batch: list[Row] = []
    left = size
    for unit in coalesce(changes):
        together = [row_of(change) for change in unit]
        if batch and (len(batch) + len(together) > rows or sum(row.size for row in together) > left):
            yield tuple(batch)
            batch, left = [], size
        for row in together:
            if batch and (len(batch) == rows or row.size > left):
                yield tuple(batch)
                batch, left = [], size
            batch.append(row)
            left -= row.size
    if batch:
        yield tuple(batch)
