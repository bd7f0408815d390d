"""A million random events, and then the books must be those of an allocator that was just told of it all.

python -m tests.allocators.long_run [events] [engine]
"""

from __future__ import annotations

import sys
import time

from tests.allocators.events import KINDS, History, check_rebuilt, check_state, seeded


def play(events, engine, *, seed=0):
    """Play so many events, with a decision after each few of them, and compare the books now and then."""
    history = History(seeded(seed), engine, kinds=KINDS)
    history.most = 8
    for number in range(1, events + 1):
        history.step()
        if history.random.random() < 0.5:
            history.wait()
            history.follow()
        if number % max(1, events // 10) == 0:
            check_rebuilt(history)
            check_state(history)
    return history


def main():
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    engine = sys.argv[2] if len(sys.argv) > 2 else "plain"
    start = time.perf_counter()
    play(events, engine)
    sys.stdout.write(
        f"{events} events, engine {engine}: {time.perf_counter() - start:.0f} s, the books are equal\n"
    )


if __name__ == "__main__":
    main()
