"""Elections, as many of them as the tests have time for: see tests/simulation/elections for more."""

from __future__ import annotations

import os

import pytest

from .elections.seeds import FOUND
from .test_campaign import run

SEEDS = 200
CAMPAIGN = ("-m", "tests.simulation.elections")


def test_whatever_fails_at_most_one_leads() -> None:
    jobs = str(os.cpu_count() or 1)
    done = run(*CAMPAIGN, "--seeds", str(SEEDS), "--jobs", jobs)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]


@pytest.mark.parametrize("seed", FOUND)
def test_what_was_found_once(seed: int) -> None:
    done = run(*CAMPAIGN, "--seeds", "1", "--seed", str(seed))
    assert done.returncode == 0, f"{FOUND[seed]}\n{done.stdout[-20_000:]}"


@pytest.mark.parametrize(
    ("control", "seed", "kind", "tolerated"),
    [
        ("believes", 2, "two-leaders", "leads-without-key"),
        ("believes", 2, "leads-without-key", ""),
        ("marginless", 8, "two-leaders", "leads-without-key"),
        ("late", 113, "leads-without-key", ""),
        ("unguarded", 3, "stale-write", ""),
        ("lingering", 12, "leads-without-key", ""),
    ],
)
def test_a_contender_that_lacks_a_safeguard_is_caught(
    control: str, seed: int, kind: str, tolerated: str
) -> None:
    done = run(
        *CAMPAIGN, "--control", control, "--tolerate", tolerated, "--seed", str(seed), "--seeds", "1", "-v"
    )
    assert done.returncode == 1, done.stderr
    assert f"seed {seed}: {kind} after" in done.stdout
    assert f"replay: python -m tests.simulation.elections --seed {seed}" in done.stdout


def test_a_contender_that_lacks_none_is_not() -> None:
    done = run(*CAMPAIGN, "--control", "right", "--seeds", "10")
    assert done.returncode == 0, done.stdout[-20_000:]


@pytest.mark.parametrize("seed", [1, 5])
def test_the_same_seed_is_the_same_election_in_every_process(seed: int) -> None:
    program = (
        "import logging; logging.disable(logging.CRITICAL)\n"
        "from tests.simulation.elections.run import run_seed\n"
        f"print(run_seed({seed}).digest)\n"
    )
    before = f"from tests.simulation.elections.run import run_seed; run_seed({seed + 1})\n"
    outputs = {
        run("-c", text, PYTHONHASHSEED=hash_seed).stdout
        for text, hash_seed in ((program, "0"), (program, "4242"), (before + program, "7"))
    }
    assert len(outputs) == 1
    assert outputs != {""}
