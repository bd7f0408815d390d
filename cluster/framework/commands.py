"""Helpers that frameworks' programs begin with: commands that run Python, and a main function."""

from __future__ import annotations

import os
import sys
from typing import Any

import actors
from cluster.messages import CommandInfo

from .base import Framework

__all__ = ["python_command", "run_framework"]


def python_command(module: str, *arguments: str, environment: dict[str, str] | None = None) -> CommandInfo:
    """The command `python -m module arguments`, with this interpreter and what this process can import.

    For executors on machines that have the same files; elsewhere write a CommandInfo.
    """
    paths = [os.path.abspath(path) for path in sys.path if path != ""]  # noqa: PTH100 - "" is no Path
    if "" in sys.path:
        paths.insert(0, os.getcwd())  # noqa: PTH109
    return CommandInfo(
        sys.executable,
        (sys.executable, "-m", module, *arguments),
        shell=False,
        environment={"PYTHONPATH": os.pathsep.join(paths), **(environment or {})},
    )


def run_framework(framework: Framework, master: Any) -> None:
    """Be a framework: the main function of a framework's program. Raises what `Framework.run` raises."""
    actors.run(framework.run(master))
