"""The campaign, as much of it as the tests have time for: see tests/simulation/__main__.py for more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .run import run_seed
from .seeds import FOUND, TOLERATED

CHUNKS = 10
SEEDS = int(os.environ.get("OSTROM_SIMULATION_SEEDS", "200"))
"""About half a second each."""


@pytest.fixture(autouse=True)
def _no_logs(caplog: pytest.LogCaptureFixture) -> None:
    """What a crashed system logs is many lines, and says nothing: the trace does."""
    caplog.set_level(100)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_whatever_fails_nothing_is_lost(chunk: int) -> None:
    for seed in range(chunk * SEEDS // CHUNKS, (chunk + 1) * SEEDS // CHUNKS):
        result = run_seed(seed, tolerate=TOLERATED)
        assert result.violation is None, result.report()


@pytest.mark.parametrize("seed", [seed for seed in FOUND if seed >= SEEDS])
def test_what_was_found_once(seed: int) -> None:
    result = run_seed(seed, tolerate=TOLERATED)
    assert result.violation is None, f"{FOUND[seed]}\n{result.report()}"


@pytest.mark.parametrize("seed", [3, 12, 30])
def test_the_same_seed_is_the_same_events_in_every_process(seed: int) -> None:
    program = (
        "import logging; logging.disable(logging.CRITICAL)\n"
        "from tests.simulation.run import run_seed\n"
        "from tests.simulation.seeds import TOLERATED\n"
        f"result = run_seed({seed}, tolerate=TOLERATED)\n"
        "print(result.events, result.digest)\n"
    )
    outputs = set()
    for hash_seed in ("0", "4242"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[2],
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1, outputs
