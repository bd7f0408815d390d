"""The one shape of a result, as JSON for programs and as a table for people."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

__all__ = ["Row", "main", "quantile", "row"]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `ratio` is to the reference, which ran in the same minute; `target` is what is aimed at."""

    name: str
    value: float
    unit: str
    reference: str | None = None
    ratio: float | None = None
    target: str | None = None
    met: bool | None = None


def row(
    name: str,
    value: float,
    unit: str,
    *,
    reference: str | None = None,
    reference_value: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Row:
    """Make a row; a target is of the ratio if there is a reference, else of the value."""
    ratio = None if reference_value is None else round(value / reference_value, 3)
    measured = value if ratio is None else ratio
    if at_least is not None:
        return Row(name, value, unit, reference, ratio, f">= {at_least:g}", measured >= at_least)
    if at_most is not None:
        return Row(name, value, unit, reference, ratio, f"<= {at_most:g}", measured <= at_most)
    return Row(name, value, unit, reference, ratio)


def quantile(values: Sequence[float], q: float) -> float:
    """The value below which a part `q` of the values lies: the next higher of them, not interpolated."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def main(benchmark: str, description: str, measure: Callable[[bool], list[Row]]) -> None:
    """Be a benchmark's program: `measure(quick)` returns the rows."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{benchmark}", description=description)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions: ends within 50 s")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args()
    rows = measure(options.quick)
    if options.json:
        print(json.dumps({"benchmark": benchmark, "results": [asdict(each) for each in rows]}))
        return
    table = Table("figure", "value", "unit", "reference", "ratio", "target", "met", title=description)
    for each in rows:
        met = "" if each.met is None else ("yes" if each.met else "no")
        ratio = "" if each.ratio is None else f"{each.ratio:g}"
        cells = (each.name, f"{each.value:g}", each.unit, each.reference or "", ratio, each.target or "", met)
        table.add_row(*cells)
    Console().print(table)
