"""Weights, quotas and roles as operators set them and are shown them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from cluster.resources import Resources
from cluster.v1 import types as v1
from cluster.v1.errors import RefusedError, shown
from cluster.v1.types import Resource, Value
from cluster.v1.types.master import Call, Response
from cluster.v1.types.quota import QuotaConfig, QuotaInfo, QuotaRequest, QuotaStatus

from .operator_resources import quantities_to
from .resources import read_resources

__all__ = [
    "RoleQuota",
    "quota_config_of",
    "quota_request_of",
    "quotas_to",
    "role_to",
    "weights_of",
    "weights_to",
]


class RoleQuota(Struct, frozen=True):
    """What is guaranteed to a role, and the most that it gets."""

    role: str
    guarantee: Resources = Resources()
    limit: Resources = Resources()


def weights_of(update: Call.UpdateWeights) -> dict[str, float]:
    """Weights by role. RefusedError."""
    found: dict[str, float] = {}
    for place, each in enumerate(update.weight_infos):
        where = f"update_weights.weight_infos[{place}]"
        if each.role is None:
            raise RefusedError(f"{where}.role is missing")
        if not 0 < each.weight < math.inf:
            raise RefusedError(f"{where}.weight is {each.weight:g}, not a number above 0")
        if each.role in found:
            raise RefusedError(f"{where}.role is {shown(each.role)}, as another's")
        found[each.role] = each.weight
    return found


def weights_to(weights: Mapping[str, float]) -> Response.GetWeights:
    """The weights that were set."""
    return Response.GetWeights(
        weight_infos=tuple(
            v1.WeightInfo(role=role, weight=weight) for role, weight in sorted(weights.items())
        )
    )


def quota_request_of(request: QuotaRequest, path: str) -> RoleQuota:
    """What SET_QUOTA asks for: in Mesos a guarantee is a limit, too. RefusedError."""
    if request.role is None:
        raise RefusedError(f"{path}.role is missing")
    if not request.guarantee:
        raise RefusedError(f"{path}.guarantee is empty")
    names = [each.name for each in request.guarantee]
    for place, each in enumerate(request.guarantee):
        where = f"{path}.guarantee[{place}]"
        if each.type is not Value.Type.SCALAR:
            raise RefusedError(f"{where} is no scalar, and only those are guaranteed")
        if each.role not in (None, "*") or each.reservation is not None or each.reservations:
            raise RefusedError(f"{where} is reserved, and a guarantee is not")
        if each.revocable is not None:
            raise RefusedError(f"{where} is revocable, and a guarantee is not")
        if names.index(each.name) != place:
            raise RefusedError(f"{where}.name is {shown(each.name)}, as another's")
    guarantee = read_resources(request.guarantee, f"{path}.guarantee").plain
    return RoleQuota(request.role, guarantee, guarantee)


def quota_config_of(config: QuotaConfig, path: str) -> RoleQuota:
    """What UPDATE_QUOTA asks for. RefusedError."""
    limit = _scalars(config.limits, f"{path}.limits")
    for name in config.limits:
        if name not in limit.scalars:
            raise RefusedError(f"{path}.limits[{shown(name)}] is 0: limits are above 0 here")
    return RoleQuota(config.role, _scalars(config.guarantees, f"{path}.guarantees"), limit)


def _scalars(quantities: Mapping[str, Value.Scalar], path: str) -> Resources:
    listed = [
        Resource(name=name, type=Value.Type.SCALAR, scalar=scalar) for name, scalar in quantities.items()
    ]
    return read_resources(listed, path).plain


def quotas_to(quotas: Iterable[RoleQuota]) -> QuotaStatus:
    """The quotas that were set, also in the older form, which has the guarantee only."""
    ours = list(quotas)
    return QuotaStatus(
        infos=tuple(QuotaInfo(role=each.role, guarantee=_guarantee(each.guarantee)) for each in ours),
        configs=tuple(
            QuotaConfig(
                role=each.role, guarantees=quantities_to(each.guarantee), limits=quantities_to(each.limit)
            )
            for each in ours
        ),
    )


def _guarantee(resources: Resources) -> tuple[Resource, ...]:
    return tuple(
        Resource(name=name, type=Value.Type.SCALAR, scalar=scalar)
        for name, scalar in quantities_to(resources).items()
    )


def role_to(name: str, weight: float, frameworks: Sequence[str], resources: tuple[Resource, ...]) -> v1.Role:
    """A role, who is in it, and what is allocated or offered to it."""
    return v1.Role(
        name=name,
        weight=weight,
        frameworks=tuple(v1.FrameworkID(value=each) for each in frameworks),
        resources=resources,
    )
