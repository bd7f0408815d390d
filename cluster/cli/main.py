"""The command's outline: what there is, and what all of it shares."""

from __future__ import annotations

import logging
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import rich_click as click
from rich.console import Console
from rich.logging import RichHandler

from .drain import deactivate, drain, gone, reactivate
from .local import local
from .maintenance import maintenance
from .master import master
from .nodes import agent
from .operate import explain, quota, reservations, reserve, teardown, unreserve, weights
from .options import load_config, option
from .run import run
from .show import agents, frameworks, leader, offers, state, tasks

__all__ = ["main"]

click.rich_click.COMMAND_GROUPS = {
    "ostrom": [
        {"name": "Nodes", "commands": ["local", "master", "agent"]},
        {"name": "Work", "commands": ["run"]},
        {"name": "Look", "commands": ["agents", "frameworks", "tasks", "offers", "state", "leader"]},
        {
            "name": "Operate",
            "commands": [
                "weights",
                "quota",
                "reservations",
                "reserve",
                "unreserve",
                "drain",
                "deactivate",
                "reactivate",
                "gone",
                "maintenance",
                "teardown",
                "explain",
            ],
        },
    ]
}


def _version() -> str:
    try:
        return version("ostrom")
    except PackageNotFoundError:
        return "unknown"


@click.group(name="ostrom", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_version(), prog_name="ostrom")
@option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    callback=load_config,
    is_eager=True,
    expose_value=False,
    help="TOML file with a table for each command. Without it, ostrom.toml here, if there is one.",
)
@option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
    default="info",
    help="How much is told on standard error.",
)
def main(log_level: str) -> None:
    """Run a cluster, run work on it, look at it, operate it.

    ostrom local starts a whole cluster on this machine; ostrom run runs a command on it.
    """
    console = Console(stderr=True)
    handler: logging.Handler
    if console.is_terminal:
        handler = RichHandler(console=console, show_path=False, rich_tracebacks=True)
        handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logger = logging.getLogger("ostrom")
    logger.handlers = [handler]
    logger.setLevel(log_level.upper())
    logger.propagate = False


for command in (
    *(local, master, agent, run),
    *(agents, frameworks, tasks, offers, state, leader),
    *(weights, quota, reservations, reserve, unreserve),
    *(drain, deactivate, reactivate, gone, maintenance),
    *(teardown, explain),
):
    main.add_command(command)
