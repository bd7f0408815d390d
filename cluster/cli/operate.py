"""`ostrom weights|quota|reservations|reserve|unreserve|teardown|explain`: who gets what, and who does not."""

from __future__ import annotations

import json
import sys
from typing import Any

import rich_click as click

from cluster.resources import Resources

from .api import ask_json, get_json, post_json
from .credentials import asks_master
from .options import RESOURCES, ROLE, WEIGHT, detail
from .tables import amounts, json_option, print_rows

__all__ = [
    "confirm",
    "explain",
    "quota",
    "reservations",
    "reserve",
    "teardown",
    "unreserve",
    "weights",
    "yes_option",
]

yes_option = detail("--yes", is_flag=True, help="Do not ask whether that is meant.")


def at_terminal() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty()


def confirm(question: str, yes: bool) -> None:
    """Ask a person; a program means what it says."""
    if not yes and at_terminal():
        click.confirm(question, abort=True)


@click.command()
@click.argument("new", metavar="[ROLE=WEIGHT]...", type=WEIGHT, nargs=-1)
@asks_master
@json_option
def weights(new: tuple[tuple[str, float], ...], master: str, as_json: bool) -> None:
    """List the weights of roles that are set, after setting those given. All others are 1."""
    found = post_json(master, "/ostrom/weights", dict(new)) if new else get_json(master, "/ostrom/weights")
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    columns = {"ROLE": lambda row: row[0], "WEIGHT": lambda row: f"{row[1]:g}"}
    print_rows(list(found.items()), False, columns, "no weights are set")


@click.command()
@click.argument("role", type=ROLE, required=False)
@detail("--guarantee", type=RESOURCES, help='RESOURCES that are kept free for the role; "" for none.')
@detail("--limit", type=RESOURCES, help='RESOURCES that the role gets at most; "" for no limit.')
@detail("--priority", type=int, help="NUMBER, for allocator priority.")
@detail("--remove", is_flag=True, help="End the role's quota, and its priority.")
@detail("--force", is_flag=True, help="Take names of resources that no agent has.")
@asks_master
@json_option
def quota(
    role: str | None,
    guarantee: Resources | None,
    limit: Resources | None,
    priority: int | None,
    remove: bool,
    force: bool,
    master: str,
    as_json: bool,
) -> None:
    """List the quotas, or that of a role, after setting what is given. What is not given stays as it is."""
    given = {
        "guarantee": None if guarantee is None else str(guarantee),
        "limit": None if limit is None else str(limit),
        "priority": priority,
    }
    new = {name: value for name, value in given.items() if value is not None}
    if (new or remove or force) and role is None:
        raise click.UsageError("ROLE is missing")
    if remove and new:
        raise click.UsageError(f"--remove and --{next(iter(new))}: one or the other")
    if remove:
        ask_json("DELETE", master, "/ostrom/quota", query={"role": str(role)})
    elif new or force:
        post_json(master, "/ostrom/quota", {"role": role, "force": force, **new})
    rows = get_json(master, "/ostrom/quota")
    if role is not None:
        rows = [row for row in rows if row["role"] == role]
    print_rows(
        rows,
        as_json,
        {
            "ROLE": lambda row: row["role"],
            "GUARANTEE": lambda row: row["guarantee_text"],
            "LIMIT": lambda row: row["limit_text"],
            "PRIORITY": lambda row: str(row["priority"] or ""),
            "USED": lambda row: amounts(row["used"]),
        },
        "no quotas are set" if role is None else f"{role} has no quota",
    )


def _print_reservations(rows: list[Any], as_json: bool) -> None:
    print_rows(
        rows,
        as_json,
        {
            "AGENT": lambda row: row["agent_id"],
            "HOST": lambda row: row["hostname"],
            "ROLE": lambda row: row["role"],
            "RESOURCES": lambda row: row["resources_text"],
        },
        "nothing is reserved",
    )


@click.command()
@asks_master
@json_option
def reservations(master: str, as_json: bool) -> None:
    """List what is reserved, for which role and where."""
    _print_reservations(get_json(master, "/ostrom/reservations"), as_json)


@click.command()
@click.argument("agent")
@click.argument("role", type=ROLE)
@click.argument("resources", type=RESOURCES)
@asks_master
@json_option
def reserve(agent: str, role: str, resources: Resources, master: str, as_json: bool) -> None:
    """Reserve RESOURCES of AGENT for ROLE: nobody else is offered them. They must be free, or on offer only."""
    body = {"agent": agent, "role": role, "resources": str(resources)}
    _print_reservations(post_json(master, "/ostrom/reserve", body), as_json)


@click.command()
@click.argument("agent")
@click.argument("role", type=ROLE)
@click.argument("resources", type=RESOURCES)
@asks_master
@json_option
def unreserve(agent: str, role: str, resources: Resources, master: str, as_json: bool) -> None:
    """Give RESOURCES of AGENT that are reserved for ROLE to everybody again. No task may use them."""
    body = {"agent": agent, "role": role, "resources": str(resources)}
    _print_reservations(post_json(master, "/ostrom/unreserve", body), as_json)


@click.command()
@click.argument("framework")
@yes_option
@asks_master
def teardown(framework: str, yes: bool, master: str) -> None:
    """End FRAMEWORK and all of its tasks."""
    confirm(f"End {framework} and all of its tasks?", yes)
    post_json(master, "/ostrom/teardown", framework=framework)
    click.echo(f"{framework} has ended")


@click.command()
@click.argument("framework")
@click.argument("agent", required=False)
@asks_master
@json_option
def explain(framework: str, agent: str | None, master: str, as_json: bool) -> None:
    """Say why FRAMEWORK is offered nothing: of each agent, or of AGENT."""
    query = {"framework": framework} | ({"agent": agent} if agent is not None else {})
    print_rows(
        get_json(master, "/ostrom/explain", **query),
        as_json,
        {
            "AGENTS": lambda row: " ".join(row["agents"]),
            "REASONS": lambda row: "; ".join(row["reasons"]) or "none: it would be offered, were it its turn",
        },
        "no agents",
    )
