"""`ostrom agents|frameworks|tasks|offers|state`: what the master knows, as a table or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import rich_click as click
from rich.console import Console
from rich.table import Table

from .api import get_json
from .options import F, master_option, option

PIPE_WIDTH = 1000

__all__ = ["agents", "frameworks", "offers", "state", "tasks"]


def _json_option(function: F) -> F:
    return option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(function)


def _print(
    rows: Sequence[Any], as_json: bool, columns: dict[str, Callable[[Any], str]], nothing: str
) -> None:
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


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%H:%M:%S") if seconds else ""


@click.command()
@master_option
@_json_option
def agents(master: str, as_json: bool) -> None:
    """List the agents, what they have and what is used."""
    rows = get_json(master, "/agents")
    _print(
        rows,
        as_json,
        {
            "AGENT": lambda row: row["id"],
            "HOST": lambda row: row["hostname"],
            "ADDRESS": lambda row: row["address"],
            "STATE": lambda row: "up" if row["connected"] else "disconnected",
            "TOTAL": lambda row: row["resources_text"],
            "FREE": lambda row: row["free_text"],
            "ATTRIBUTES": lambda row: row["attributes_text"],
        },
        "no agents",
    )


@click.command()
@master_option
@_json_option
def frameworks(master: str, as_json: bool) -> None:
    """List the frameworks and their shares."""
    rows = get_json(master, "/frameworks")
    _print(
        rows,
        as_json,
        {
            "FRAMEWORK": lambda row: row["id"],
            "NAME": lambda row: row["name"],
            "ROLES": lambda row: ",".join(row["roles"]),
            "STATE": lambda row: "active" if row["connected"] else "disconnected",
            "SHARE": lambda row: f"{row['share']:.1%}",
            "TASKS": lambda row: str(row["tasks"]),
            "OFFERS": lambda row: str(row["offers"]),
        },
        "no frameworks",
    )


@click.command()
@master_option
@option("--framework", help="Only tasks of this framework.")
@option("--completed", is_flag=True, help="Also tasks that have ended.")
@_json_option
def tasks(master: str, framework: str | None, completed: bool, as_json: bool) -> None:
    """List the tasks."""
    query = {"framework": framework} if framework else {}
    if completed:
        query["completed"] = "1"
    rows = get_json(master, "/tasks", **query)
    _print(
        rows,
        as_json,
        {
            "TASK": lambda row: row["id"],
            "STATE": lambda row: row["state"].removeprefix("TASK_"),
            "FRAMEWORK": lambda row: row["framework_id"],
            "AGENT": lambda row: row["agent_id"],
            "RESOURCES": lambda row: row["resources_text"],
            "SINCE": lambda row: _when(row["timestamp"]),
            "MESSAGE": lambda row: row["message"],
        },
        "no tasks",
    )


@click.command()
@master_option
@_json_option
def offers(master: str, as_json: bool) -> None:
    """List the offers that frameworks have not answered yet."""
    rows = get_json(master, "/offers")
    _print(
        rows,
        as_json,
        {
            "OFFER": lambda row: row["id"],
            "FRAMEWORK": lambda row: row["framework_id"],
            "ROLE": lambda row: row["role"],
            "AGENT": lambda row: row["agent_id"],
            "RESOURCES": lambda row: row["resources_text"],
        },
        "no offers",
    )


@click.command()
@master_option
def state(master: str) -> None:
    """Print all that the master knows, as JSON."""
    click.echo(json.dumps(get_json(master, "/state"), indent=2))
