"""`ostrom agent --isolation list`: what this machine can hold tasks to."""

from __future__ import annotations

from collections.abc import Mapping

from .tables import print_rows

__all__ = ["print_support"]


def print_support(support: Mapping[str, Mapping[str, str | None] | str]) -> None:
    """Print a row for each thing that an isolator can do, or cannot, and why."""
    rows = []
    for isolator, things in support.items():
        if isinstance(things, str):
            rows.append({"isolation": isolator, "what": "", "here": False, "reason": things})
            continue
        rows += [
            {"isolation": isolator, "what": name, "here": reason is None, "reason": reason or ""}
            for name, reason in things.items()
        ]
    print_rows(
        rows,
        as_json=False,
        columns={
            "ISOLATION": lambda row: str(row["isolation"]),
            "WHAT": lambda row: str(row["what"]),
            "HERE": lambda row: "yes" if row["here"] else "no",
            "WHY NOT": lambda row: str(row["reason"]),
        },
        nothing="nothing",
    )
