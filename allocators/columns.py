"""Names of resources and their columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from allocators.core import Core, Minimum

__all__ = ["Columns"]


class Columns:
    """Which column of a core's rows is which resource; made when a resource is first named."""

    def __init__(self, core: Core, excluded: Collection[str]) -> None:
        self.names: list[str] = []
        self.of: dict[str, int] = {}
        self.revocable: dict[str, int] = {}
        self._core = core
        self._excluded = excluded

    def column(self, name: str) -> int:
        """Return the column of a resource."""
        column = self.of.get(name)
        if column is None:
            column = self.of[name] = self._core.add_column(counted=name not in self._excluded)
            self.names.append(name)
        return column

    def row(self, amounts: Mapping[str, int], revocable: Mapping[str, int] | None = None) -> list[int]:
        """Return a row with these amounts, and zeros."""
        columns = [self.column(name) for name in amounts]
        if not revocable:
            row = [0] * len(self.names)
            for column, amount in zip(columns, amounts.values(), strict=True):
                row[column] = amount
            return row
        values = list(amounts.values())
        for name, amount in revocable.items():
            twin = self.revocable.get(name)
            if twin is None:
                base = self.column(name)
                twin = self.revocable[name] = self._core.add_column(counted=False, twin=base)
                self.names.append(name)
            columns.append(twin)
            values.append(amount)
        row = [0] * len(self.names)
        for column, amount in zip(columns, values, strict=True):
            row[column] = amount
        return row

    def amounts(self, row: list[int]) -> dict[str, int]:
        """Return what of a row is above zero and not revocable, by name; the row may be from before a resource came."""
        twins = self.revocable.values()
        return {
            name: amount
            for column, (name, amount) in enumerate(zip(self.names, row, strict=False))
            if amount > 0 and column not in twins
        }

    def revocable_amounts(self, row: list[int]) -> dict[str, int]:
        """Return what of a row is above zero and revocable, by name."""
        width = len(row)
        return {
            name: row[column] for name, column in self.revocable.items() if column < width and row[column] > 0
        }

    def minimum(self, alternatives: Collection[Mapping[str, int]]) -> Minimum:
        """Return alternatives by column."""
        return [[(self.column(name), amount) for name, amount in one.items()] for one in alternatives]
