"""The campaign's command line."""

from __future__ import annotations

import argparse
import gc
import logging
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import islice

from .controls import CONTROLS
from .run import Result, run_seed


def _say(*texts: object) -> None:
    sys.stdout.write(" ".join(map(str, texts)) + "\n")


def _quiet() -> None:
    logging.disable(logging.CRITICAL)


def _run(seed: int, control: str, tolerate: frozenset[str], whole: bool) -> Result:
    result = run_seed(seed, control=control, tolerate=tolerate, whole=whole)
    gc.collect()
    return result


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.elections", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="the first")
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    parser.add_argument(
        "--control", choices=CONTROLS, default="", help="not the real contender, but one with a known fault"
    )
    parser.add_argument(
        "--tolerate", action="append", default=[], help="a kind of violation that is counted only"
    )
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first seed that fails")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="the plan and the whole trace of each seed"
    )
    options = parser.parse_args()
    _quiet()
    began = time.perf_counter()
    seeds = iter(range(options.seed, options.seed + options.seeds))
    failed: dict[str, list[int]] = {}
    totals: Counter[str] = Counter()
    settled: list[float] = []
    ran, virtual = 0, 0.0

    def take(result: Result) -> None:
        nonlocal ran, virtual
        ran += 1
        virtual += result.seconds
        totals.update(result.counts)
        if result.violation is None:
            settled.append(result.settled - result.plan.ttl)
        else:
            failed.setdefault(result.violation.kind, []).append(result.plan.seed)
        if options.verbose:
            _say(result.plan.describe())
            _say(result.report())
        elif result.violation is not None:
            _say(result.summary() if options.keep_going else result.report())

    with ProcessPoolExecutor(options.jobs, initializer=_quiet) as pool:
        known = options.control, frozenset(options.tolerate), options.verbose
        work = (pool.submit(_run, seed, *known) for seed in seeds)
        waiting = set(islice(work, 2 * options.jobs))
        while waiting:
            done = next(as_completed(waiting))
            waiting.remove(done)
            take(done.result())
            if options.keep_going or not failed:
                waiting |= set(islice(work, 1))
    for name, number in sorted(totals.items()):
        _say(f"{number:10} {name}")
    for kind, which in sorted(failed.items()):
        _say(f"{len(which):10} failed by {kind}: seeds {' '.join(map(str, sorted(which)[:30]))}")
    if settled:
        settled.sort()
        _say(
            f"settled, in seconds beyond the TTL: half {settled[len(settled) // 2]:.1f}, "
            f"99 % {settled[len(settled) * 99 // 100]:.1f}, all {settled[-1]:.1f}"
        )
    elapsed = time.perf_counter() - began
    _say(
        f"{ran} seeds, {sum(map(len, failed.values()))} failed; {virtual / 3600:.1f} virtual hours in {elapsed:.0f} s"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
