"""The campaign's command line."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import islice

from .run import Result, run_seed
from .seeds import TOLERATED


def _say(*texts: object) -> None:
    sys.stdout.write(" ".join(map(str, texts)) + "\n")


def _quiet() -> None:
    logging.disable(logging.CRITICAL)


def _run(seed: int, tolerate: frozenset[str], whole: bool) -> tuple[Result, float]:
    began = time.perf_counter()
    result = run_seed(seed, tolerate=tolerate, whole=whole)
    return result, time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="the first")
    parser.add_argument("--minutes", type=float, help="begin no seed after so many minutes")
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    parser.add_argument(
        "--tolerate", action="append", default=[], help="a kind of violation that is counted only"
    )
    parser.add_argument(
        "--known", action="store_true", help="tolerate what is known (seeds.py), as the tests do"
    )
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first seed that fails")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="the plan and the whole trace of each seed"
    )
    options = parser.parse_args()
    _quiet()
    tolerate = frozenset(options.tolerate) | (TOLERATED if options.known else frozenset())
    began = time.perf_counter()
    seeds = iter(range(options.seed, options.seed + options.seeds))
    failed: dict[str, list[int]] = {}
    totals: Counter[str] = Counter()
    ran, busy, virtual = 0, 0.0, 0.0

    def take(result: Result, seconds: float) -> None:
        nonlocal ran, busy, virtual
        ran += 1
        busy += seconds
        virtual += result.seconds
        totals.update(result.counts)
        totals.update({f"tolerated {kind}": number for kind, number in result.tolerated.items()})
        if result.violation is not None:
            failed.setdefault(result.violation.kind, []).append(result.plan.seed)
        if options.verbose:
            _say(result.plan.describe())
            _say(result.report())
        elif result.violation is not None:
            _say(result.summary() if options.keep_going else result.report())

    def more() -> bool:
        late = options.minutes is not None and time.perf_counter() - began > 60 * options.minutes
        return not late and (options.keep_going or not failed)

    if options.jobs == 1:
        for seed in seeds:
            if not more():
                break
            result, seconds = _run(seed, tolerate, options.verbose)
            take(result, seconds)
    else:
        with ProcessPoolExecutor(options.jobs, initializer=_quiet) as pool:
            waiting = {
                pool.submit(_run, seed, tolerate, options.verbose) for seed in islice(seeds, 2 * options.jobs)
            }
            while waiting:
                done = next(as_completed(waiting))
                waiting.remove(done)
                take(*done.result())
                if more():
                    waiting |= {
                        pool.submit(_run, seed, tolerate, options.verbose) for seed in islice(seeds, 1)
                    }
    for name, number in sorted(totals.items()):
        _say(f"{number:10} {name}")
    for kind, which in sorted(failed.items()):
        _say(f"{len(which):10} failed by {kind}: seeds {' '.join(map(str, sorted(which)[:30]))}")
    elapsed = time.perf_counter() - began
    _say(
        f"{ran} seeds, {sum(map(len, failed.values()))} failed; {virtual / 3600:.1f} virtual hours in {elapsed:.0f} s, "
        f"{busy / max(ran, 1):.2f} s a seed"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
