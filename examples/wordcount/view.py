"""What the demo shows: one live picture while it runs, tables afterwards."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .framework import Batch, Placed, WordCount

__all__ = ["Sample", "live", "placement_table", "share_table", "top_table"]

BAR = 28
ROWS = 10


@dataclass(frozen=True, slots=True)
class Sample:
    """The dominant share of each role (0 to 1) at a moment, in seconds since the start."""

    seconds: float
    shares: Mapping[str, float]


def live(words: WordCount, batch: Batch, samples: Sequence[Sample]) -> RenderableType:
    """The picture while it runs: how far each framework is, and what share of the cluster it holds."""
    progress = Table.grid(padding=(0, 2))
    for kind, total in (("map", len(words.chunks)), ("reduce", words.reducers)):
        done = words.done(kind)
        progress.add_row(
            f"word-count {kind}", ProgressBar(total, done, width=BAR), f"{done} of {total} tasks"
        )
    progress.add_row("batch", "", f"{batch.done('command')} commands run")
    shares = Table.grid(padding=(0, 2))
    for role, share in sorted(samples[-1].shares.items() if samples else ()):
        shares.add_row(f"share of {role}", ProgressBar(1.0, min(share, 1.0), width=BAR), f"{share:.0%}")
    return Group(progress, shares)


def top_table(counts: Counter[str], number: int = 10) -> Table:
    """The most frequent identifiers."""
    table = Table("identifier", "count", title=f"The {number} most frequent of {len(counts):,} identifiers")
    table.columns[1].justify = "right"
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:number]:
        table.add_row(Text(name), f"{count:,}")
    return table


def placement_table(placed: Sequence[Placed]) -> Table:
    """Where the tasks ran, and how long: medians from submission to start (waiting) and from there to the end."""
    kinds = list(dict.fromkeys(each.kind for each in placed))
    table = Table("agent", *(f"{kind} tasks" for kind in kinds), title="Placement and timing")
    by_agent: dict[str, Counter[str]] = defaultdict(Counter)
    for each in placed:
        by_agent[each.agent_id][each.kind] += 1
    for agent_id, tasks in sorted(by_agent.items()):
        table.add_row(agent_id, *(str(tasks[kind]) for kind in kinds))
    table.add_section()
    of_kind = {kind: [each for each in placed if each.kind == kind] for kind in kinds}
    waited = (median(each.started - each.submitted for each in of_kind[kind]) for kind in kinds)
    ran = (median(each.ended - each.started for each in of_kind[kind]) for kind in kinds)
    table.add_row("median wait", *(f"{seconds:.2f} s" for seconds in waited))
    table.add_row("median run", *(f"{seconds:.2f} s" for seconds in ran))
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def share_table(samples: Sequence[Sample]) -> Table:
    """The shares over time: at most ten rows, each the mean of the samples it stands for."""
    roles = sorted({role for sample in samples for role in sample.shares})
    table = Table("seconds", title="Dominant shares over time (two roles of equal weight)")
    for role in roles:
        table.add_column(role, min_width=BAR)
    size = max(1, -(-len(samples) // ROWS))
    for first in range(0, len(samples), size):
        group = samples[first : first + size]
        means = (sum(sample.shares.get(role, 0.0) for sample in group) / len(group) for role in roles)
        cells = (f"{'█' * round(mean * (BAR - 6)):{BAR - 6}} {mean:4.0%}" for mean in means)
        table.add_row(f"{group[0].seconds:.1f}", *cells)
    return table
