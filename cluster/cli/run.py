"""`ostrom run`: run a command as tasks, stream what they print, exit as they do."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import rich_click as click

import actors
from actors import until_signalled
from cluster.framework import FrameworkRefusedError
from cluster.messages import CommandInfo
from cluster.resources import Resources

from .credentials import asks_master, authorization
from .options import RESOURCES, ROLE, option
from .runner import CommandRunner

__all__ = ["run"]


def _environment(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for value in values:
        name, separator, text = value.partition("=")
        if not separator or not name:
            raise click.BadParameter(f"{value!r} is not NAME=VALUE")
        pairs[name] = text
    return pairs


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@asks_master
@option("--resources", type=RESOURCES, default="cpus:1;mem:128", help="What each task gets.")
@option("--instances", type=click.IntRange(1), default=1, help="How many tasks.")
@option("--role", type=ROLE, default="*", help="Role whose share is used.")
@option("--name", help="Name of the framework. Default: the command's.")
@option("--env", "environment", multiple=True, callback=_environment, help="NAME=VALUE for the tasks.")
@option("--shell", is_flag=True, help="The command is one line for /bin/sh.")
@option("--quiet", "-q", is_flag=True, help="Only the tasks' own output: no progress, no summary.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(
    master: str,
    resources: Resources,
    instances: int,
    role: str,
    name: str | None,
    environment: dict[str, str],
    shell: bool,
    quiet: bool,
    command: tuple[str, ...],
) -> None:
    """Run COMMAND as tasks on the cluster; stream their output; exit as they do.

    The exit status is 0 if every task's is, else the first other one; 1 for a task that was lost or could not
    be started. Ctrl-C kills the tasks.
    """
    if shell:
        info = CommandInfo(" ".join(command), environment=environment)
    else:
        info = CommandInfo(command[0], command, shell=False, environment=environment)
    if problem := info.problem():
        raise click.BadParameter(problem)
    runner = CommandRunner(
        name or Path(shlex.split(command[0])[0] if shell else command[0]).name,
        info,
        resources,
        instances,
        role,
        quiet=quiet,
        headers=authorization(),
    )

    async def main() -> int:
        return await runner.until(master, until_signalled())

    try:
        status = actors.run(main())
    except FrameworkRefusedError as error:
        raise click.ClickException(f"the master refuses: {error}") from error
    sys.exit(status)
