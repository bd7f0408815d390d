"""What commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import rich_click as click
from rich.console import Console
from rich.table import Table

from .options import F, option

__all__ = ["amounts", "json_option", "moment", "print_rows"]

PIPE_WIDTH = 1000


def json_option(function: F) -> F:
    """`--json`, the same for every command."""
    return option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(function)


def print_rows(
    rows: Sequence[Any], as_json: bool, columns: Mapping[str, Callable[[Any], str]], nothing: str
) -> None:
    """Print rows as a table, each column by its function; or as JSON."""
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo(nothing)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(cell(row) for cell in columns.values()))
    # A pipe has no width: what is folded there cannot be read by the next program.
    console = Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)
    console.print(table, markup=False, soft_wrap=not console.is_terminal)


def moment(seconds: float | None, form: str = "%H:%M:%S") -> str:
    """A time for people, in their time zone; nothing for 0 and None."""
    if not seconds:
        return ""
    try:
        return datetime.fromtimestamp(seconds).astimezone().strftime(form)
    except (OverflowError, ValueError, OSError):
        # Beyond the calendar.
        return f"{seconds:g}"


def amounts(numbers: Mapping[str, float]) -> str:
    """Amounts as resources are written."""
    return ";".join(f"{name}:{amount:g}" for name, amount in numbers.items())
