"""The campaign, as much of it as the tests have time for: see tests/simulation/__main__.py for more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .plan import ETCD_FROM, WIDER_FROM
from .seeds import FOUND

RANGES = [range(80), range(WIDER_FROM, WIDER_FROM + 60), range(ETCD_FROM, ETCD_FROM + 60)]
ROOT = Path(__file__).parents[2]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Python's: in processes of its own it is not slowed down by what measures the tests."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        cwd=ROOT,
    )


@pytest.mark.parametrize("seeds", RANGES, ids=str)
def test_whatever_fails_nothing_is_lost(seeds: range) -> None:
    jobs, first, number = os.cpu_count() or 1, seeds.start, len(seeds)
    done = run("-m", "tests.simulation", "--seed", str(first), "--seeds", str(number), "--jobs", str(jobs))
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]


@pytest.mark.parametrize("seed", [seed for seed in FOUND if not any(seed in seeds for seeds in RANGES)])
def test_what_was_found_once(seed: int) -> None:
    done = run("-m", "tests.simulation", "--seeds", "1", "--seed", str(seed))
    assert done.returncode == 0, f"{FOUND[seed]}\n{done.stdout[-20_000:]}"


@pytest.mark.parametrize("seed", [3, 12, 30])
def test_the_same_seed_is_the_same_events_in_every_process(seed: int) -> None:
    program = (
        "import logging; logging.disable(logging.CRITICAL)\n"
        "from tests.simulation.run import run_seed\n"
        f"result = run_seed({seed})\n"
        "print(result.events, result.digest)\n"
    )
    outputs = {run("-c", program, PYTHONHASHSEED=hash_seed).stdout for hash_seed in ("0", "4242")}
    assert len(outputs) == 1
    assert outputs != {""}
