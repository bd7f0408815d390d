"""`ostrom agents|frameworks|tasks|offers|state`: what the master knows, as a table or as JSON."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import rich_click as click

from .api import get_json
from .credentials import asks_master
from .options import option
from .tables import json_option, moment, print_rows

__all__ = ["agent_state", "agents", "frameworks", "leader", "offers", "state", "tasks"]


def agent_state(row: dict[str, Any]) -> str:
    """What an agent is, in the words of operators."""
    known = row["state"] in ("active", "disconnected", "unreachable", "recovering")
    return row["state"] if known or row["connected"] else f"{row['state']}, disconnected"


@click.command()
@asks_master
def leader(master: str) -> None:
    """Print the address of the master that leads, HOST:PORT. Status 1 if there is none."""
    click.echo(get_json(master, "/leader")["leader"] or fail("no master leads now"))


def fail(text: str) -> NoReturn:
    """End the command with one line."""
    raise click.ClickException(text)


@click.command()
@asks_master
@json_option
def agents(master: str, as_json: bool) -> None:
    """List the agents, what they have and what is used."""
    rows = get_json(master, "/ostrom/agents")
    print_rows(
        rows,
        as_json,
        {
            "AGENT": lambda row: row["id"],
            "HOST": lambda row: row["hostname"],
            "ADDRESS": lambda row: row["address"],
            "STATE": agent_state,
            "TOTAL": lambda row: row["resources_text"],
            "FREE": lambda row: row["free_text"],
            "RESERVED": lambda row: " ".join(f"{role}={text}" for role, text in row["reserved_text"].items()),
            "ATTRIBUTES": lambda row: row["attributes_text"],
        },
        "no agents",
    )


@click.command()
@asks_master
@json_option
def frameworks(master: str, as_json: bool) -> None:
    """List the frameworks and their shares."""
    rows = get_json(master, "/ostrom/frameworks")
    print_rows(
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
@asks_master
@option("--framework", help="Only tasks of this framework.")
@option("--completed", is_flag=True, help="Also tasks that have ended.")
@json_option
def tasks(master: str, framework: str | None, completed: bool, as_json: bool) -> None:
    """List the tasks."""
    query = {"framework": framework} if framework else {}
    if completed:
        query["completed"] = "1"
    rows = get_json(master, "/ostrom/tasks", **query)
    print_rows(
        rows,
        as_json,
        {
            "TASK": lambda row: row["id"],
            "STATE": lambda row: row["state"].removeprefix("TASK_"),
            "FRAMEWORK": lambda row: row["framework_id"],
            "AGENT": lambda row: row["agent_id"],
            "RESOURCES": lambda row: row["resources_text"],
            "SINCE": lambda row: moment(row["timestamp"]),
            "MESSAGE": lambda row: row["message"],
        },
        "no tasks",
    )


@click.command()
@asks_master
@json_option
def offers(master: str, as_json: bool) -> None:
    """List the offers that frameworks have not answered yet."""
    rows = get_json(master, "/ostrom/offers")
    print_rows(
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
@asks_master
def state(master: str) -> None:
    """Print all that the master knows, as JSON."""
    click.echo(json.dumps(get_json(master, "/ostrom/state"), indent=2))
