"""Fuzzing with atheris: `python -m tests.actors.fuzz_frames -max_total_time=600`; see CONTRIBUTING.md.

The first byte says how many of the next ones are the sizes of the reads; the rest is the stream.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["actors", "msgspec"]):
    from .fuzzed import SEEDS, Target, cut


def main() -> None:
    logging.disable(logging.CRITICAL)
    target = Target()

    def one(data: bytes) -> None:
        count = data[0] % 16 if data else 0
        target.feed(cut(data[1 + count :], data[1 : 1 + count]))

    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(SEEDS):
            (Path(corpus) / str(number)).write_bytes(b"\x00" + seed)
        atheris.Setup([*sys.argv, corpus], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
