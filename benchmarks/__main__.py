"""`make bench`: run every benchmark, and write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BENCHMARKS = (
    "actors",
    "launch",
    "recovery",
    "registry",
    "failover",
    "http_api",
    "isolation",
    "fairness",
    "allocators",
)
TARGET = Path("docs/benchmarks.md")


def run(name: str, quick: bool) -> dict[str, Any]:
    """Run one, in a process of its own, and return what it printed."""
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", *(["--quick"] if quick else [])]
    print(" ".join(command[1:]), flush=True)
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    result: dict[str, Any] = json.loads(output.splitlines()[-1])
    return result


def page(results: list[dict[str, Any]], quick: bool) -> str:
    """The results as a page."""
    lines = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} processors, {platform.system()}",
        f"{platform.release().split('-')[0]}, Python {platform.python_version()}{', --quick' if quick else ''}.",
        "A ratio is to a reference that ran in the same minutes; the plain values are this machine's. The rows against",
        "other actor libraries are there if those are installed: `.venv/bin/pip install -e '.[peers]'`, and `erl`.",
    ]
    for result in results:
        lines += ["", f"## {result['benchmark']}", "", f"`python -m benchmarks.{result['benchmark']}`", ""]
        lines += [
            "| figure | value | unit | reference | ratio | target | met |",
            "|---|---:|---|---|---:|---|---|",
        ]
        for each in result["results"]:
            met = {None: "", True: "yes", False: "**no**"}[each["met"]]
            cells = (each["name"], f"{each['value']:g}", each["unit"], each["reference"] or "")
            rest = ("" if each["ratio"] is None else f"{each['ratio']:g}", each["target"] or "", met)
            lines.append(f"| {' | '.join((*cells, *rest))} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run them all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    quick = parser.parse_args().quick
    results = [run(name, quick) for name in BENCHMARKS]
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(page(results, quick))
    print(f"wrote {TARGET}")


if __name__ == "__main__":
    main()
