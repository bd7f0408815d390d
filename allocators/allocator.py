"""The default allocator: Mesos's hierarchical weighted DRF, on events."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from allocators.checks import check_flag, check_time
from allocators.core import Core, PlainCore
from allocators.errors import AllocatorError
from allocators.explanation import why_not
from allocators.grants import Grants
from allocators.interface import Amounts, Decision, Revocation
from allocators.movements import Movements
from allocators.orders import Order
from allocators.revocation import revocations

__all__ = ["EXCLUDE_FROM_SHARE", "MIN_ALLOCATABLE", "DRFAllocator"]

MIN_ALLOCATABLE: tuple[Amounts, ...] = ({"cpus": 10}, {"mem": 32_000})
"""Mesos's default smallest offer: 0.01 cpus, or 32 MiB of memory."""

EXCLUDE_FROM_SHARE = frozenset({"ports"})
"""Resources that are offered and charged, but do not make a share."""


class DRFAllocator(Movements):
    """Coarse-grained offers by hierarchical weighted dominant shares; implements `OfferAllocator`.

    What is offered counts as allocated at once. Each agent in turn, in random order, goes whole to the first
    client that may have it: roles by share/weight at every level, then the frameworks of the role by share;
    ties go to fewer allocations so far, then to the name. After each grant the shares are new (progressive
    filling). Totals are of all agents, active or not.

    Quotas cut offers: to what the limits of the role and of all above it still allow, and to what is free in the
    cluster beyond the guarantees that others lack. Before all else those who lack some of their own guarantee are
    served. What a cut offer leaves goes on to the next.

    `allocate` looks only at agents where something changed since the last call: a release, a filter that
    ended, a changed agent; at all agents with anything free after a framework or role was added, revived
    or got another minimum; and, if there are quotas, when what changed gave somebody more room. Weights and shares
    alone change nothing, for an agent left free had no client that might have it. A client left out once (`release`
    with `refuse` 0) is considered again in the call after next: a master that calls `allocate` on events only should
    also call it now and then.

    Fairness is Mesos's: nobody who may have an agent is passed over for a sibling of larger share/weight, and
    shares are level as far as whole agents allow. Inner nodes sum their subtrees, as in Mesos; this is not
    H-DRF (which is in `allocators.policies`). The order is that of DRF (Ghodsi et al., NSDI 2011), applied at every
    level of the tree. Other than in Mesos, limits and guarantees may be set for roles at every level, and bind all
    that is below.

    Arguments: `rng` orders the agents (default: seed 0); `order` says who is next among siblings (default:
    dominant shares); `engine` is "plain", or "numba", which is compiled and for large clusters, and keeps to
    dominant shares; `min_allocatable` is the smallest offer, as
    alternatives of name to thousandths of which one must be reached (empty: any amount above zero);
    `exclude_from_share` are resources that do not count in shares; at most a part `max_held` of the agents, rounded
    up, is held for frameworks that wait (`hold_after`), each for at most `hold_time` seconds. Raises `AllocatorError`
    if these are malformed.

    Cost: an event O(clients that refuse before one takes it + depth * log(siblings)); agents that come and go
    change all totals, so the next `allocate` sorts the levels that it looks at anew.
    """

    def __init__(
        self,
        rng: np.random.Generator | None = None,
        *,
        order: Order | None = None,
        engine: str = "plain",
        min_allocatable: Sequence[Amounts] = MIN_ALLOCATABLE,
        exclude_from_share: Collection[str] = EXCLUDE_FROM_SHARE,
        hold_time: float = 600.0,
        max_held: float = 0.1,
    ) -> None:
        if rng is not None and not isinstance(rng, np.random.Generator):
            raise AllocatorError(f"rng must be a numpy.random.Generator, not {rng!r}")
        core = _engine(engine, order)
        super().__init__(core, exclude_from_share, min_allocatable, hold_time, max_held)
        self._rng = np.random.default_rng(0) if rng is None else rng

    def allocate(self, now: float, *, full: bool = False) -> Decision:
        """See `OfferAllocator.allocate`; `now` must not run backwards for filters to end in order."""
        check_time(now, "now")
        check_flag(full, "full")
        core = self.core
        self.dirty.update(core.expire(now))
        self._see_windows(now)
        filled = list(self.holds.before(now)) if self.holds else []
        everywhere = full or self.all_dirty or core.widened
        candidates = core.offerable(None if everywhere else self.dirty)
        if len(candidates) > 1:
            candidates = self._rng.permutation(candidates)
        grants = self.grants(core.run(candidates))
        if filled:
            grants = [*filled, *grants]
        self.dirty = {number for number, _ in self.left_out if number in self.agent_names}
        self.left_out.clear()
        self.all_dirty = core.widened = False
        if self.holds:
            who = grants.clients if isinstance(grants, Grants) else [(g.framework, g.role) for g in grants]
            filled = self.holds.after(now, set(who))
            grants = [*grants, *filled] if filled else grants
        return Decision(grants, self.next_expiry())

    def revocations(self, now: float) -> list[Revocation]:
        """See `OfferAllocator.revocations`."""
        check_time(now, "now")
        self.dirty.update(self.core.expire(now))
        self._see_windows(now)
        return revocations(self)

    def explain(self, framework: str, agent: str, now: float) -> list[str]:
        """See `OfferAllocator.explain`: one reason a line, those of a role begin with its name."""
        state = self.framework(framework)
        number = self.agent(agent)
        check_time(now, "now")
        self.dirty.update(self.core.expire(now))
        self._see_windows(now)
        return why_not(self, framework, state, number, self.inactive, self.windows, self.holds, now)

    def next_expiry(self) -> float | None:
        """See `OfferAllocator.next_expiry`."""
        expiry = self.core.next_expiry()
        if not self.windows and not self.holds:
            return expiry
        times = (expiry, self.windows.next_change(), self.holds.next_change())
        return min((time for time in times if time is not None), default=None)

    def free(self, agent: str) -> dict[str, int]:
        """See `OfferAllocator.free`; what is held for a framework that waits is still free."""
        return self.holds.add_to(self.agent(agent), super().free(agent))

    def _see_windows(self, now: float) -> None:
        """Have maintenance windows begin and end."""
        if not self.windows:
            return
        seen = self.windows.see(now)
        for number in seen:
            active = number not in self.inactive and not self.windows.within(number)
            if active != self.core.is_active(number):
                self.core.set_active(number, active=active)
                self.dirty.add(number)
            if self.windows.window(number) is None:
                self.dirty.add(number)  # it was kept from those who need it for longer than was left
            if not active:
                self.holds.end_on(number)
        for name, state in self.frameworks.items():
            if state.constraints is not None and state.constraints.available_for > 0:
                self.constrain(name, state, seen)


def _engine(engine: str, order: Order | None) -> Core:
    if order is not None and (isinstance(order, type) or not callable(getattr(order, "key", None))):
        raise AllocatorError(f"order must be an Order, with steady and key, not {order!r}")
    if engine == "plain":
        return PlainCore(order)
    if engine != "numba":
        raise AllocatorError(f"engine is {engine!r}, not plain or numba")
    if order is not None:
        raise AllocatorError(f"engine numba keeps to dominant shares, not {order!r}")
    try:
        from allocators.core.arrays import ArrayCore
    except ModuleNotFoundError as error:
        raise AllocatorError(
            f"engine numba needs a package that is not installed, {error.name}: pip install 'ostrom[fast]'"
        ) from error
    return ArrayCore()
