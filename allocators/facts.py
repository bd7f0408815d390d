"""Facts of frameworks and roles."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from allocators.agents import AgentFacts
from allocators.checks import (
    check_amounts,
    check_flag,
    check_minimum,
    check_name,
    check_priority,
    check_role,
    check_roles,
    check_time,
    check_weight,
)
from allocators.constraints import OfferConstraints
from allocators.errors import AllocatorError
from allocators.frameworks import Framework
from allocators.interface import Amounts
from allocators.roles import RoleSettings

__all__ = ["Facts"]


class Facts(AgentFacts):
    """Frameworks come, change and go; roles have weights and quotas."""

    def set_framework(
        self,
        framework: str,
        roles: Sequence[str],
        *,
        suppressed: Collection[str] = (),
        min_offer: Sequence[Amounts] = (),
        active: bool = True,
        revocable: bool = False,
        constraints: OfferConstraints | None = None,
        hold_after: float | None = None,
    ) -> None:
        """See `OfferAllocator.set_framework`. A suppressed role not in `roles` is an error."""
        check_name(framework, "framework")
        where = f"framework {framework!r}"
        wanted = set(check_roles(roles, f"{where}: roles"))
        quiet = set(check_roles(suppressed, f"{where}: suppressed roles"))
        if not quiet <= wanted:
            raise AllocatorError(f"{where}: suppressed roles it is not in: {sorted(quiet - wanted)}")
        alternatives = check_minimum(min_offer, where)
        check_flag(active, f"{where}: active")
        check_flag(revocable, f"{where}: revocable")
        if constraints is not None and not isinstance(constraints, OfferConstraints):
            raise AllocatorError(f"{where}: constraints must be OfferConstraints, not {constraints!r}")
        if hold_after is not None:
            check_time(hold_after, f"{where}: hold_after", least=0.0)
            if not alternatives:
                raise AllocatorError(f"{where}: hold_after needs a min_offer to wait for")

        state = self.frameworks.setdefault(framework, Framework())
        ready = state.ready()
        if (alternatives, constraints) != (state.min_offer, state.constraints) or (
            revocable and not state.revocable
        ):
            ready = set()  # what would not do may do now: as good as new
        revived = state.suppressed - quiet
        constrained = constraints != state.constraints
        state.registered, state.active, state.roles, state.suppressed = True, active, wanted, quiet
        state.min_offer, state.revocable, state.hold_after = alternatives, revocable, hold_after
        self.holds.heed(framework, patient=hold_after is not None)
        if constrained:
            self.constrain(framework, state, self.agent_names, lifted=True)
            state.constraints = constraints
            self.constrain(framework, state, self.agent_names)
        for role in sorted(wanted):
            self.client_of(framework, role)
        for role, client in state.clients.items():
            if not active or role not in wanted or role in revived:
                self.forgive(client)
        if state.ready() - ready or revived:
            self.all_dirty = True
        self.activate(state)
        for client in list(state.clients.values()):
            self.tidy(client)

    def remove_framework(self, framework: str) -> None:
        """See `OfferAllocator.remove_framework`."""
        state = self.framework(framework)
        clients = set(state.clients.values())
        self.holds.heed(framework, patient=False)
        if any(any(self.core.allocated(client)) for client in clients):
            for number in self.agent_names:
                for (client, part), row in list(self.core.held(number).items()):
                    if client in clients:
                        self.core.give(number, client, part, row)
                        self.dirty.add(number)
        self.constrain(framework, state, self.agent_names, lifted=True)
        for client in clients:
            self.forgive(client)
            self.core.set_client(client, active=False, minimum=None, revocable=False)
            self.roles.remove_client(client)
        del self.frameworks[framework]

    def set_role(
        self,
        role: str,
        *,
        weight: float | None = None,
        guarantee: Amounts | None = None,
        limit: Amounts | None = None,
        priority: int | None = None,
        force: bool = False,
    ) -> None:
        """See `OfferAllocator.set_role`. A guarantee above the limit is an error, too."""
        check_role(role)
        where = f"role {role!r}"
        old = self.roles.settings.get(role, RoleSettings())
        new = RoleSettings(
            old.weight if weight is None else check_weight(weight, where),
            old.priority if priority is None else check_priority(priority, where),
            old.guarantee if guarantee is None else check_amounts(guarantee, f"{where}: guarantee"),
            old.limit if limit is None else check_amounts(limit, f"{where}: limit"),
        )
        for name, least in new.guarantee.items():
            if least > new.limit.get(name, least):
                raise AllocatorError(
                    f"{where}: guarantee of {least} thousandths of {name} is above its limit of {new.limit[name]}"
                )
        check_flag(force, f"{where}: force")
        self.roles.check_limits(role, new)
        if guarantee is not None:
            self.roles.check_guarantees(role, new.guarantee, None if force else self.cluster())
            new.guarantee = {name: amount for name, amount in new.guarantee.items() if amount}

        node = self.roles.node(role)
        self.core.set_weight(node, new.weight)
        self.core.set_priority(node, new.priority)
        if guarantee is not None or limit is not None:
            self.columns_of([new.guarantee, new.limit])
            limits = self.roles.limits(new, self.columns.names, self.columns.revocable)
            self.core.set_quota(node, self.columns.row(new.guarantee), limits)
        if guarantee is not None:
            self.roles.set_guarantee(role, new.guarantee)
        self.roles.settings[role] = new
        if new == RoleSettings():
            del self.roles.settings[role]
            self.roles.prune(role)
