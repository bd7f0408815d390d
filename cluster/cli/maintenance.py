"""`ostrom maintenance`: when machines are planned to be down, and that they are."""

from __future__ import annotations

import json
from typing import IO, Any

import rich_click as click

from .api import get_json, post_json
from .credentials import asks_master
from .operate import confirm, yes_option
from .options import MASTER, detail
from .tables import json_option, moment, print_rows

__all__ = ["maintenance"]

WHEN = "%Y-%m-%d %H:%M:%S"


@click.group(invoke_without_command=True)
@asks_master
@json_option
@click.pass_context
def maintenance(ctx: click.Context, master: str, as_json: bool) -> None:
    """List the machines that are planned to be down, or are, and what frameworks say to it.

    A machine is named by its hostname or by its agent's id.
    """
    ctx.obj = master
    if ctx.invoked_subcommand is None:
        _print(get_json(master, "/ostrom/maintenance"), as_json)


# Without an environment variable, which the group's has: what is given to that wins over it.
_master_option = detail("--master", type=MASTER, help="Where the master is.")


def _print(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    print_rows(
        found["machines"],
        False,
        {
            "MACHINE": lambda row: row["machine"],
            "STATE": lambda row: row["state"],
            "FROM": lambda row: moment(row["start"], WHEN),
            "UNTIL": lambda row: (
                "" if row["duration"] is None else moment(row["start"] + row["duration"], WHEN)
            ),
            "AGENTS": lambda row: " ".join(row["agents"]),
            "ANSWERS": lambda row: "; ".join(
                f"{each['framework_id']}: {each['answer'] or 'none yet'}" for each in row["inverse_offers"]
            ),
            "WINDOW": lambda row: row["window"],
        },
        "no maintenance is planned",
    )


@maintenance.command()
@click.argument("file", type=click.File("rb"))
@_master_option
@json_option
@click.pass_obj
def schedule(inherited: str, file: IO[bytes], master: str | None, as_json: bool) -> None:
    """Replace the schedule by that of FILE (- is standard input).

    It is JSON: {"windows": [{"machines": ["m1"], "start": "2030-01-31T02:00:00+01:00", "duration": 3600}]}. A start may
    also be seconds since the epoch; without a duration (in seconds) there is no end.
    """
    try:
        body = json.load(file)
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"{file.name}: not JSON: {error}") from error
    _print(post_json(master or inherited, "/ostrom/maintenance/schedule", body), as_json)


@maintenance.command()
@click.argument("machines", metavar="MACHINE...", nargs=-1, required=True)
@yes_option
@_master_option
@json_option
@click.pass_obj
def down(inherited: str, machines: tuple[str, ...], yes: bool, master: str | None, as_json: bool) -> None:
    """Take machines of the schedule down: their agents end, with all that they run, and may not come back."""
    confirm(f"End everything on {' '.join(machines)}?", yes)
    _print(post_json(master or inherited, "/ostrom/maintenance/down", {"machines": machines}), as_json)


@maintenance.command()
@click.argument("machines", metavar="MACHINE...", nargs=-1, required=True)
@_master_option
@json_option
@click.pass_obj
def up(inherited: str, machines: tuple[str, ...], master: str | None, as_json: bool) -> None:
    """Say that machines are back: their agents may come, and they leave the schedule."""
    _print(post_json(master or inherited, "/ostrom/maintenance/up", {"machines": machines}), as_json)
