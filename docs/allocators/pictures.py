"""The pictures of ideas.md, drawn from what the allocators answer: `python -m docs.allocators.pictures [DIRECTORY]`.

Run it in the repository's root. It needs matplotlib: `pip install -e '.[docs]'`. Without DIRECTORY it writes
docs/allocators/images anew; with one version of matplotlib the bytes are always the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from allocators import DRFAllocator, Grant
from allocators.policies import Pool, asset_fairness, ceei, drf, max_min, steps

BLUE, ORANGE, GREEN, PINK, GREY = "#2b7bba", "#e8912d", "#3a9d6e", "#c46aa2", "#8a8a8a"
"""Told apart by those who see no red or no green, too, and dark enough for white letters."""
PAPER = Pool.of([[1, 4], [3, 1]], [9, 18])
"""The DRF paper's example: 9 CPUs and 18 GB, tasks of <1, 4> and <3, 1>."""
STYLE = {
    "svg.hashsalt": "ostrom",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "hatch.linewidth": 0.6,
}


# Parts of pictures


def panels(width: float, height: float, columns: int, ratios: Iterable[float] | None = None) -> list[Axes]:
    """Axes side by side in a new figure."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    axes = figure.subplots(1, columns, squeeze=False, width_ratios=None if ratios is None else list(ratios))
    return list(axes[0])


def figure_of(axes: list[Axes]) -> Figure:
    """The figure that they are in."""
    figure = axes[0].get_figure()
    if not isinstance(figure, Figure):
        raise TypeError(f"no figure: {figure!r}")
    return figure


def block(
    ax: Axes,
    x: float,
    y: float,
    width: float,
    height: float,
    colour: str,
    text: str = "",
    *,
    hatched: bool = False,
) -> None:
    """A rectangle with a text in it; hatched: nobody has it."""
    face, edge = ("white", colour) if hatched else (colour, "white")
    ax.add_patch(
        Rectangle((x, y), width, height, facecolor=face, edgecolor=edge, hatch="///" if hatched else None)
    )
    if text:
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5} if hatched else None
        ax.text(
            x + width / 2,
            y + height / 2,
            text,
            ha="center",
            va="center",
            color="#333333" if hatched else "white",
            bbox=box,
        )


def stack(ax: Axes, x: float, parts: Iterable[tuple[float, str, str]], *, width: float = 0.8) -> float:
    """Blocks (height, colour, text) on each other; a colour of "" is what nobody has. Return the height of all."""
    bottom = 0.0
    for height, colour, text in parts:
        if height > 0:
            block(ax, x - width / 2, bottom, width, height, colour or GREY, text, hatched=not colour)
            bottom += height
    return bottom


def cpus(amounts: Mapping[str, int]) -> float:
    """How many."""
    return amounts.get("cpus", 0) / 1000


def named(number: float) -> str:
    """A number without needless zeros."""
    return f"{number:g}"


# Pictures


def water_filling() -> Figure:
    """Max-min fairness: amounts as columns under one level; weights as widths."""
    plain, weighted = axes = panels(8, 3.1, 2)
    for ax, wants, weights, capacity in (
        (plain, [2, 2.6, 4, 5], [1, 1, 1, 1], 10),
        (weighted, [5, 12, 1], [1, 3, 1], 9),
    ):
        got = max_min(wants, capacity, weights)
        x = 0.0
        for user, (want, weight, amount) in enumerate(zip(wants, weights, got.tolist(), strict=True)):
            ax.add_patch(
                Rectangle((x, 0), weight, want / weight, facecolor="none", edgecolor=GREY, linestyle="--")
            )
            block(
                ax, x, 0, weight, amount / weight, [BLUE, ORANGE, GREEN, PINK][user], named(round(amount, 2))
            )
            ax.text(
                x + weight / 2, want / weight + 0.08, f"wants {want:g}", ha="center", va="bottom", fontsize=9
            )
            x += weight
        level = float((got / weights).max())
        ax.axhline(level, color="#333333", linewidth=1)
        ax.text(x + 0.1, level + 0.06, f"level {level:g}", va="bottom")
        ax.set(xlim=(-0.1, x + 0.9), ylim=(0, 5.6), xticks=[])
    plain.set(title="10 among four", ylabel="amount")
    weighted.set(title="9 among three: weights 1, 3, 1 as widths", ylabel="amount / weight")
    return figure_of(axes)


def drf_steps() -> Figure:
    """Progressive filling, task by task: table 1 of the paper."""
    shares, *used = axes = panels(9, 3.2, 3, [1.5, 1, 1])
    table = list(steps(PAPER, order=[1, 0]))
    for user, (name, colour) in enumerate((("A", BLUE), ("B", ORANGE))):
        levels = [0.0] + [float(step.shares[user]) for step in table]
        shares.step(range(len(levels)), levels, where="post", color=colour, linewidth=2)
        mine = [number for number, step in enumerate(table, 1) if step.user == user]
        shares.plot(mine, [levels[number] for number in mine], "o", color=colour)
        for number in mine:
            shares.text(
                number - 0.1,
                levels[number] + 0.02,
                f"{name} {table[number - 1].shares[user]}",
                color=colour,
                ha="right",
                va="bottom",
            )
    shares.set(
        title="Dominant shares", xlabel="step", ylim=(0, 0.8), xlim=(0, 5.3), ylabel="part of the cluster"
    )
    for resource, (ax, title) in enumerate(zip(used, ("CPUs", "GB"), strict=True)):
        for number, step in enumerate(table, 1):
            amounts = [
                count * row[resource] for count, row in zip(step.tasks, PAPER.demands.tolist(), strict=True)
            ]
            stack(
                ax,
                number,
                [
                    (amount, colour, str(amount))
                    for amount, colour in zip(amounts, (BLUE, ORANGE), strict=True)
                ],
            )
        whole = int(PAPER.capacity[resource])
        ax.axhline(whole, color="#333333", linewidth=1)
        ax.set(
            title=f"{title} of {whole}",
            xlabel="step",
            xlim=(0.4, 5.6),
            ylim=(0, whole * 1.06),
            xticks=range(1, 6),
        )
    return figure_of(axes)


def three_policies() -> Figure:
    """What DRF, asset fairness and CEEI make of one pool."""
    axes = panels(9, 3.4, 3)
    fractions = PAPER.fractions()
    for ax, (name, policy) in zip(
        axes, (("DRF", drf), ("Asset fairness", asset_fairness), ("CEEI", ceei)), strict=True
    ):
        tasks = policy(PAPER)
        parts = 100 * fractions * tasks[:, None]
        for resource in range(2):
            stack(
                ax,
                resource,
                [
                    (float(part), colour, f"{name_} {part:.0f} %")
                    for part, colour, name_ in zip(parts[:, resource], (BLUE, ORANGE), "AB", strict=True)
                ],
            )
        if policy is drf:
            equal = "largest shares {:.0f} % and {:.0f} %".format(*parts.max(axis=1))
        elif policy is asset_fairness:
            equal = "sums of shares {:.0f} % and {:.0f} %".format(*parts.sum(axis=1))
        else:
            equal = f"product of tasks {np.prod(tasks):.2f}"
        ax.set(
            title="{}\nA {:.2f}, B {:.2f} tasks\n{}".format(name, *tasks, equal),
            xticks=[0, 1],
            xticklabels=["CPUs", "memory"],
            xlim=(-0.5, 1.5),
            ylim=(0, 104),
        )
        ax.axhline(100, color="#333333", linewidth=1)
    axes[0].set_ylabel("% of the cluster")
    return figure_of(axes)


def role_tree() -> Figure:
    """Roles, groups and frameworks; heights are shares of the cluster."""
    [ax] = axes = panels(8, 3.6, 1)
    allocator = DRFAllocator()
    weights = {"eng": 2.0, "ops": 1.0, "eng/dev": 3.0}
    for role, weight in weights.items():
        allocator.set_role(role, weight=weight)
    for framework, role in (("spark", "eng"), ("flink", "eng"), ("jenkins", "eng/dev"), ("backup", "ops")):
        allocator.set_framework(framework, [role])
    for number in range(60):
        allocator.add_agent(f"a{number:02}", {"cpus": 1000})
    allocator.allocate(now=0.0)
    shares, roles = allocator.shares(), allocator.role_shares()

    def below(role: str) -> float:
        return sum(share for (_, owner), share in shares.items() if owner == role)

    bottom = 0.0
    rows: list[list[tuple[str, float, str]]] = [[("the cluster\n60 CPUs", 1.0, GREY)], [], [], []]
    for role, colour in (("ops", GREEN), ("eng", BLUE)):
        rows[1].append((f"{role}, weight {weights[role]:g}\n{roles[role]:.1%}", roles[role], colour))
        children = [role] + [name for name in roles if name.startswith(role + "/")]
        for child in children:
            own = below(child)
            label = (
                f'"." weight 1\n{own:.1%}'
                if child == role
                else f"{child}, weight {weights[child]:g}\n{own:.1%}"
            )
            rows[2].append((label, own, colour))
            rows[3] += [
                (f"{framework} {share:.1%}", share, colour)
                for (framework, owner), share in shares.items()
                if owner == child
            ]
    for column, row in enumerate(rows):
        bottom = 0.0
        for text, share, colour in row:
            block(ax, column, bottom, 0.96, share, colour, text)
            bottom += share
    ax.set(xlim=(0, 4), ylim=(0, 1.0), xticks=[0.48, 1.48, 2.48, 3.48], yticks=[])
    ax.set_xticklabels(["root", "roles", "roles below, own frameworks", "frameworks"])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return figure_of(axes)


COLOURS = {"batch": ORANGE, "prod": BLUE, "f": BLUE, "g": ORANGE}


def agents_of(allocator: DRFAllocator, ax: Axes) -> None:
    """What each agent's frameworks hold, in CPUs."""
    names = sorted(allocator.agents)
    for x, agent in enumerate(names):
        held = [
            (cpus(amounts), COLOURS[framework], f"{framework} {cpus(amounts):g}")
            for (framework, _), amounts in sorted(allocator.allocated(agent).items())
        ]
        left = cpus(allocator.free(agent))
        stack(ax, x, [*held, (left, "", f"free {left:g}")])
    ax.set(xlim=(-0.5, len(names) - 0.5), ylim=(0, 4.2), xticks=range(len(names)), yticks=range(5))
    ax.set_xticklabels(names)


def quota() -> Figure:
    """A guarantee that is kept free, and a limit that cuts an offer."""
    alone, both, cut = axes = panels(9, 3, 3, [4, 4, 2.2])
    allocator = DRFAllocator(np.random.default_rng(1))
    for number in range(1, 5):
        allocator.add_agent(f"a{number}", {"cpus": 4000})
    allocator.set_role("prod", guarantee={"cpus": 10_000})
    allocator.set_framework("batch", ["batch"])
    allocator.allocate(now=0.0)
    agents_of(allocator, alone)
    allocator.set_framework("prod", ["prod"])
    allocator.allocate(now=1.0)
    agents_of(allocator, both)
    alone.set(title="Guarantee of 10 for role prod:\nkept free while nobody is in it", ylabel="CPUs")
    both.set_title("A framework came to role prod")

    allocator = DRFAllocator(np.random.default_rng(1))
    for number in range(1, 3):
        allocator.add_agent(f"a{number}", {"cpus": 4000})
    allocator.set_role("small", limit={"cpus": 5000})
    allocator.set_framework("f", ["small"])
    allocator.allocate(now=0.0)
    allocator.set_framework("g", ["z"])
    allocator.allocate(now=1.0)
    agents_of(allocator, cut)
    cut.set_title("Limit of 5\nfor f's role")
    return figure_of(axes)


def reservations() -> Figure:
    """What one offer of an agent with reservations contains, for frameworks of several roles."""
    [ax] = axes = panels(7, 3.4, 1)
    reserved = {"eng": {"cpus": 3000}, "eng/dev": {"cpus": 2000}}
    roles = ["sales", "eng", "eng/ops", "eng/dev"]
    colours = {"": GREY, "eng": BLUE, "eng/dev": GREEN}
    for x, role in enumerate(roles):
        allocator = DRFAllocator()
        allocator.add_agent("a1", {"cpus": 8000}, reservations=reserved)
        allocator.set_framework("f", [role])
        [grant] = allocator.allocate(now=0.0).grants
        got = {"": cpus(grant.amounts), **{owner: cpus(some) for owner, some in grant.reserved.items()}}
        whole = {
            "": cpus(allocator.total("a1")) - 5,
            **{owner: cpus(some) for owner, some in reserved.items()},
        }
        stack(
            ax,
            x,
            [
                (whole[part], colours[part] if part in got else "", f"{whole[part]:g} {part or 'unreserved'}")
                for part in whole
            ],
        )
    ax.set(xlim=(-0.5, 3.5), ylim=(0, 8.2), xticks=range(len(roles)), ylabel="CPUs of the agent")
    ax.set_xticklabels([f"offered to {role}" for role in roles])
    figure = figure_of(axes)
    figure.suptitle("Reserved for a role: for it and the roles below; hatched: not in the offer", fontsize=11)
    return figure


def played(hold_after: float | None) -> list[tuple[float, float, float, float]]:
    """One agent full of small tasks, of which one ends every five seconds; `big` wants all of it.

    Return the time, what `small` has, what is held, and what `big` has, after each event.
    """
    allocator = DRFAllocator(hold_time=100.0, max_held=1.0)
    allocator.add_agent("a1", {"cpus": 4000}, {("small", "r"): {"cpus": 4000}})
    allocator.set_framework("small", ["r"])
    allocator.set_framework("big", ["s"], min_offer=[{"cpus": 4000}], hold_after=hold_after)
    seen = []
    for second in range(51):
        held = allocator.allocated("a1")
        if second and second % 5 == 0 and ("small", "r") in held:
            allocator.release("a1", "small", "r", {"cpus": 1000}, now=float(second))
        allocator.allocate(float(second))
        held = allocator.allocated("a1")
        small, big = cpus(held.get(("small", "r"), {})), cpus(held.get(("big", "s"), {}))
        seen.append((float(second), small, cpus(allocator.free("a1")), big))
    return seen


def hold() -> Figure:
    """A big task behind small ones, without a hold and with one."""
    axes = panels(9, 3, 2)
    for ax, hold_after in zip(axes, (None, 12.0), strict=True):
        times, small, held, big = np.array(played(hold_after)).T
        ax.stackplot(
            times,
            small,
            held,
            big,
            colors=[ORANGE, "white", BLUE],
            step="post",
            edgecolor="white",
            linewidth=0,
        )
        ax.fill_between(
            times,
            small,
            small + held,
            step="post",
            facecolor="none",
            edgecolor=GREY,
            hatch="///",
            linewidth=0,
        )
        ax.set(
            xlim=(0, 50),
            ylim=(0, 4.2),
            xlabel="seconds; a small task ends every 5",
            title="big waits" if hold_after is None else f"big waits, hold_after={hold_after:g}",
            yticks=range(5),
        )
    axes[0].set_ylabel("CPUs of the agent")
    axes[1].legend(
        handles=[
            Patch(facecolor=ORANGE, label="small's tasks"),
            Patch(facecolor="white", edgecolor=GREY, hatch="///", label="held for big"),
            Patch(facecolor=BLUE, label="offered to big"),
        ],
        loc="lower left",
        framealpha=1.0,
    )
    return figure_of(axes)


THINKS, RUNS, REFUSES = 0.4, 2.0, 4.0
"""Seconds: how long a framework looks at an offer, how long its task runs, how long it wants to hear no more."""


def filters() -> Figure:
    """One agent, three frameworks: what is declined goes on at once, and comes back when the filter ends."""
    [ax] = axes = panels(9, 2.6, 1)
    allocator = DRFAllocator()
    allocator.add_agent("a1", {"cpus": 4000})
    names = ["batch", "jenkins", "spark"]
    for name in names:
        allocator.set_framework(name, [name])
    busy: dict[str, float] = {"batch": 4.0, "jenkins": 99.0}  # until then they decline
    now = 0.0
    while now < 9:
        decision = allocator.allocate(now)
        if not decision.grants:
            now = decision.next_expiry if decision.next_expiry is not None else 99.0
            continue
        [grant] = decision.grants
        y = 2 - names.index(grant.framework)
        block(ax, now, y - 0.35, THINKS, 0.7, GREEN)
        now += THINKS
        if busy.get(grant.framework, 0.0) > now:
            answer(allocator, grant, now, REFUSES)
            block(ax, now, y - 0.15, REFUSES, 0.3, GREY, hatched=True)
        else:
            block(ax, now, y - 0.35, RUNS, 0.7, BLUE, "task")
            now += RUNS
            answer(allocator, grant, now, None)
    ax.set(xlim=(0, 9), ylim=(-0.6, 2.6), yticks=[2, 1, 0], xlabel="seconds")
    ax.set_yticklabels(names)
    ax.legend(
        handles=[
            Patch(facecolor=GREEN, label="on offer"),
            Patch(facecolor="white", edgecolor=GREY, hatch="///", label="declined: filtered"),
            Patch(facecolor=BLUE, label="used"),
        ],
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=3,
        frameon=False,
    )
    return figure_of(axes)


def answer(allocator: DRFAllocator, grant: Grant, now: float, refuse: float | None) -> None:
    """Give all of a grant back."""
    allocator.release(grant.agent, grant.framework, grant.role, grant.amounts, refuse=refuse, now=now)


PICTURES: dict[str, Callable[[], Figure]] = {
    "water-filling": water_filling,
    "drf-steps": drf_steps,
    "three-policies": three_policies,
    "role-tree": role_tree,
    "quota": quota,
    "reservations": reservations,
    "hold": hold,
    "filters": filters,
}


def main(directory: Path, form: str = "svg") -> None:
    """Draw all of them into the directory."""
    directory.mkdir(exist_ok=True)
    with mpl.rc_context(STYLE):
        for name, picture in PICTURES.items():
            kept = {"Date": None, "Creator": None} if form == "svg" else None
            picture().savefig(directory / f"{name}.{form}", metadata=kept)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2] or [Path(__file__).parent / "images"]), *sys.argv[2:3])
