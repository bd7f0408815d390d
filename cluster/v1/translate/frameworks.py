"""How frameworks introduce themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

from cluster.messages import AttributeConstraint, Capability, FrameworkInfo
from cluster.resources import Resources
from cluster.v1 import types as v1
from cluster.v1.errors import RefusedError, shown
from cluster.v1.types.constraints import OfferConstraints

from .common import labels_of, labels_to
from .constraints import constraints_of, constraints_to
from .resources import Quantities, read_resources, write_resources

__all__ = ["constraints_of_framework", "framework_of", "framework_to", "suppressed_of"]

T = TypeVar("T")
Type = v1.FrameworkInfo.Capability.Type

MAX_FAILOVER_TIMEOUT = 10 * 365 * 86400.0

_CAPABILITIES = {
    Type.PARTITION_AWARE: Capability.PARTITION_AWARE,
    Type.TASK_KILLING_STATE: Capability.TASK_KILLING_STATE,
    Type.REVOCABLE_RESOURCES: Capability.REVOCABLE_RESOURCES,
}


def framework_of(
    info: v1.FrameworkInfo, constraints: OfferConstraints | None = None, path: str = "framework_info"
) -> FrameworkInfo:
    """A framework as we know it. RefusedError for what cannot be, or is not here."""
    roles = _roles(info, path)
    return FrameworkInfo(
        info.name,
        user=info.user,
        id=info.id.value if info.id is not None else "",
        roles=roles,
        failover_timeout=_failover_timeout(info.failover_timeout, path),
        hostname=info.hostname or "",
        principal=info.principal or "",
        webui_url=info.webui_url or "",
        labels=labels_of(info.labels, f"{path}.labels"),
        capabilities=tuple(
            sorted({_CAPABILITIES[each.type] for each in info.capabilities if each.type in _CAPABILITIES})
        ),
        min_offer=_min_offer(info.offer_filters, roles, f"{path}.offer_filters"),
        constraints=_constraints(constraints, roles),
    )


def framework_to(info: FrameworkInfo) -> v1.FrameworkInfo:
    """A framework as Mesos shows it: as one of several roles, even if it has only one."""
    ours = {capability: theirs for theirs, capability in _CAPABILITIES.items()}
    capabilities = [*(ours[each] for each in info.capabilities), Type.MULTI_ROLE]
    minimum = v1.OfferFilters.MinAllocatableResources(quantities=tuple(map(_quantities, info.min_offer)))
    return v1.FrameworkInfo(
        user=info.user,
        name=info.name,
        id=v1.FrameworkID(value=info.id) if info.id else None,
        failover_timeout=info.failover_timeout,
        # What runs outlives its agent's process wherever the agent checkpoints; frameworks have no say in it.
        checkpoint=True,
        roles=info.roles,
        hostname=info.hostname or None,
        principal=info.principal or None,
        webui_url=info.webui_url or None,
        capabilities=tuple(v1.FrameworkInfo.Capability(type=each) for each in capabilities),
        labels=labels_to(info.labels),
        offer_filters={role: v1.OfferFilters(min_allocatable_resources=minimum) for role in info.roles}
        if info.min_offer
        else {},
    )


def constraints_of_framework(info: FrameworkInfo) -> OfferConstraints | None:
    """The offer constraints of a framework as Mesos shows them, or None if it has none."""
    return constraints_to(info.constraints, info.roles) if info.constraints else None


def suppressed_of(suppressed: tuple[str, ...], framework: FrameworkInfo, path: str) -> tuple[str, ...]:
    """The roles that are suppressed. RefusedError if one is none of the framework's."""
    for role in suppressed:
        if role not in framework.roles:
            raise RefusedError(f"{path}: {shown(role)} is not a role of the framework")
    return suppressed


def _roles(info: v1.FrameworkInfo, path: str) -> tuple[str, ...]:
    if Type.MULTI_ROLE in {each.type for each in info.capabilities}:
        if info.role is not None:
            raise RefusedError(
                f"{path}.role is for frameworks without the capability MULTI_ROLE, others have roles"
            )
        if not info.roles:
            raise RefusedError(f"{path}.roles is empty: a framework has at least one here")
        return info.roles
    if info.roles:
        raise RefusedError(f"{path}.roles is for frameworks with the capability MULTI_ROLE")
    return (info.role if info.role is not None else "*",)


def _failover_timeout(seconds: float | None, path: str) -> float:
    if seconds is None:
        return 0.0
    if not seconds >= 0:
        raise RefusedError(f"{path}.failover_timeout is {seconds}, not a number of seconds from 0")
    return min(seconds, MAX_FAILOVER_TIMEOUT)


def same_for_all(given: Mapping[str, T], roles: Collection[str], path: str) -> T | None:
    """What is said of each role, or None if nothing is. RefusedError if it is not the same for all roles."""
    if not given:
        return None
    for role in given:
        if role not in roles:
            raise RefusedError(f"{path}: {shown(role)} is not a role of the framework")
    first = next(iter(given.values()))
    if len(given) != len(roles) or any(each != first for each in given.values()):
        raise RefusedError(f"{path}: must be the same for all roles of the framework here")
    return first


def _min_offer(
    filters: Mapping[str, v1.OfferFilters], roles: Collection[str], path: str
) -> tuple[Resources, ...]:
    chosen = same_for_all(filters, roles, path)
    if chosen is None or chosen.min_allocatable_resources is None:
        return ()
    return tuple(
        _alternative(each.quantities, f"{path}: quantities[{place}]")
        for place, each in enumerate(chosen.min_allocatable_resources.quantities)
    )


def _alternative(quantities: Mapping[str, v1.Value.Scalar], path: str) -> Resources:
    listed = [
        v1.Resource(name=name, type=v1.Value.Type.SCALAR, scalar=scalar)
        for name, scalar in quantities.items()
    ]
    resources = read_resources(listed, path).plain
    if not resources:
        raise RefusedError(f"{path} is empty")
    return resources


def _quantities(resources: Resources) -> v1.OfferFilters.ResourceQuantities:
    written = write_resources(Quantities(resources))
    return v1.OfferFilters.ResourceQuantities(
        quantities={each.name: each.scalar for each in written if each.scalar is not None}
    )


def _constraints(
    constraints: OfferConstraints | None, roles: Collection[str]
) -> tuple[tuple[AttributeConstraint, ...], ...]:
    if constraints is None:
        return ()
    chosen = same_for_all(constraints.role_constraints, roles, "offer_constraints")
    return () if chosen is None else constraints_of(chosen, "offer_constraints")
