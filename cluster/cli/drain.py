"""`ostrom drain|deactivate|reactivate|gone`: agents that are taken out of use, and back."""

from __future__ import annotations

import time

import rich_click as click

from .api import NoMasterError, get_json, post_json
from .credentials import asks_master
from .operate import confirm, yes_option
from .options import detail
from .show import agent_state

__all__ = ["deactivate", "drain", "gone", "reactivate"]

POLL = 1.0
"""Seconds between two looks at an agent that drains."""


@click.command()
@click.argument("agent")
@detail(
    "--max-grace-period",
    type=click.FloatRange(min=0),
    help="Seconds that a task has to end, at most; without it, what the task's own grace period says.",
)
@detail(
    "--mark-gone", is_flag=True, help="Once nothing is left on it, the agent is gone: it may not come back."
)
@detail("--wait", is_flag=True, help="Wait until nothing is left on it.")
@asks_master
def drain(agent: str, max_grace_period: float | None, mark_gone: bool, wait: bool, master: str) -> None:
    """End what AGENT runs, and offer it no more, until it is reactivated.

    Its tasks are killed as their frameworks would kill them, with the reason that the agent is drained.
    """
    body = {"agent": agent, "max_grace_period": max_grace_period, "mark_gone": mark_gone}
    row = post_json(master, "/ostrom/agents/drain", body)
    click.echo(f"{agent} is {agent_state(row)}")
    if wait:
        _wait(master, agent, mark_gone)


def pause() -> None:
    """Let the master be, for a while."""
    time.sleep(POLL)


def _wait(master: str, agent: str, mark_gone: bool) -> None:
    told = ""
    while True:
        try:
            row = next((row for row in get_json(master, "/ostrom/agents") if row["id"] == agent), None)
        except NoMasterError as error:
            # It may be back in a moment, or another be there; the agent goes on draining.
            row, text = {"state": "draining"}, error.format_message()
        else:
            if row is None:
                if not mark_gone:
                    raise click.ClickException(f"{agent} is no longer known")
                click.echo(f"{agent} is gone")
                return
            if row["drain"] is None or not row["drain"]["draining"]:
                raise click.ClickException(f"{agent} is {agent_state(row)}: it is drained no more")
            text = (
                f"{agent} is {agent_state(row)}, with {row['tasks']} tasks and {row['executors']} executors"
            )
        if row["state"] == "drained" and not mark_gone:
            click.echo(f"{agent} is drained")
            return
        if text != told:
            click.echo(text, err=True)
            told = text
        pause()


@click.command()
@click.argument("agent")
@asks_master
def deactivate(agent: str, master: str) -> None:
    """Offer AGENT no more. What it runs runs on."""
    click.echo(f"{agent} is {agent_state(post_json(master, '/ostrom/agents/deactivate', {'agent': agent}))}")


@click.command()
@click.argument("agent")
@asks_master
def reactivate(agent: str, master: str) -> None:
    """Offer AGENT again that was deactivated or drained."""
    click.echo(f"{agent} is {agent_state(post_json(master, '/ostrom/agents/reactivate', {'agent': agent}))}")


@click.command()
@click.argument("agent")
@yes_option
@asks_master
def gone(agent: str, yes: bool, master: str) -> None:
    """Declare that AGENT never comes back, so that its tasks can start elsewhere.

    Should it live, it is told to end, with all that it runs.
    """
    confirm(f"Declare {agent} gone for ever, and all of its tasks ended?", yes)
    post_json(master, "/ostrom/agents/gone", {"agent": agent})
    click.echo(f"{agent} is gone")
