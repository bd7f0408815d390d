"""What a cluster and a pass over it take at their peak: what Python and NumPy allocate, told by tracemalloc."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

from benchmarks.report import Row

from .clusters import flat
from .timing import figure
from .workload import ENGINES

__all__ = ["measure_memory"]


def peak(engine: str, agents: int, frameworks: int) -> float:
    """MiB at the peak of building a cluster and of a first pass. To be run in a fresh process."""
    flat(100, 10)(engine).run()
    tracemalloc.start()
    flat(agents, frameworks)(engine).run()
    return tracemalloc.get_traced_memory()[1] / 2**20


def measure_memory(quick: bool) -> list[Row]:
    """Each in a process of its own; unless quick a large cluster, too, and the plain engine as the reference."""
    rows = []
    for agents, frameworks in ((10_000, 1_000),) if quick else ((10_000, 1_000), (50_000, 6_000)):
        found: dict[str, float] = {}
        for engine in ENGINES[:1] if quick else ENGINES:
            command = [
                sys.executable,
                "-m",
                "benchmarks.allocators.memory",
                engine,
                str(agents),
                str(frameworks),
            ]
            fresh = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found[engine] = float(fresh.stdout)
        name = f"memory_{agents}x{frameworks}"
        if "numba" in found:
            rows.append(
                figure(name, found["numba"], "MiB", reference="plain", reference_value=found.get("plain"))
            )
        else:
            rows.append(figure(f"plain_{name}", found["plain"], "MiB"))
    return rows


if __name__ == "__main__":
    print(peak(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
