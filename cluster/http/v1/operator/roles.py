"""Weights and quotas."""

from __future__ import annotations

from cluster.master.validation import role_problem
from cluster.registry import Quota
from cluster.v1.errors import shown
from cluster.v1.translate.operator_roles import (
    RoleQuota,
    quota_config_of,
    quota_request_of,
    quotas_to,
    weights_of,
    weights_to,
)
from cluster.v1.types.master import Call, Response

from .desk import Desk, bad, conflict

__all__ = [
    "get_quota",
    "get_weights",
    "remove_quota",
    "set_quota",
    "update_quota",
    "update_weights",
]

Type = Response.Type


async def get_weights(desk: Desk, _: Call) -> Response:
    """Those that were set."""
    weights = await desk.see(lambda state: dict(state.registry.weights))
    return Response(type=Type.GET_WEIGHTS, get_weights=weights_to(weights))


async def update_weights(desk: Desk, call: Call) -> None:
    """Set some; none is no error."""
    weights = weights_of(call.update_weights or Call.UpdateWeights())
    for role in weights:
        _check_role(role, "update_weights.weight_infos")
    if weights:
        await desk.change(lambda: desk.master.set_weights(weights), bad)


async def get_quota(desk: Desk, _: Call) -> Response:
    """Those that were set; a priority alone is none."""
    quotas = await desk.see(lambda state: sorted(state.registry.quotas.items()))
    status = quotas_to(
        RoleQuota(role, each.guarantee, each.limit) for role, each in quotas if each.guarantee or each.limit
    )
    return Response(type=Type.GET_QUOTA, get_quota=Response.GetQuota(status=status))


async def set_quota(desk: Desk, call: Call) -> None:
    """Set that of a role which has none."""
    if call.set_quota is None:
        return
    request = call.set_quota.quota_request
    wanted, force = quota_request_of(request, "set_quota.quota_request"), bool(request.force)
    _check_role(wanted.role, "set_quota.quota_request.role")

    def rule() -> str | None:
        old = desk.master.state.registry.quotas.get(wanted.role, Quota())
        if old.guarantee or old.limit:
            raise bad(f"set_quota.quota_request.role: {shown(wanted.role)} has a quota already")
        new = Quota(wanted.guarantee, wanted.limit, old.priority)
        return desk.master.set_quotas({wanted.role: new}, force=force)

    await desk.change(rule, conflict)


async def remove_quota(desk: Desk, call: Call) -> None:
    """End that of a role; its priority stays."""
    if call.remove_quota is None:
        return
    role = call.remove_quota.role

    def rule() -> str | None:
        old = desk.master.state.registry.quotas.get(role, Quota())
        if not old.guarantee and not old.limit:
            raise bad(f"remove_quota.role: {shown(role)} has no quota")
        return desk.master.set_quotas({role: Quota(priority=old.priority)})

    await desk.change(rule, bad)


async def update_quota(desk: Desk, call: Call) -> None:
    """Set those of several roles, all or none; one that says nothing ends what there was."""
    if call.update_quota is None:
        return
    wanted: dict[str, RoleQuota] = {}
    for place, config in enumerate(call.update_quota.quota_configs):
        path = f"update_quota.quota_configs[{place}]"
        _check_role(config.role, f"{path}.role")
        if config.role in wanted:
            raise bad(f"{path}.role is {shown(config.role)}, as another's")
        wanted[config.role] = quota_config_of(config, path)
    force = bool(call.update_quota.force)

    def rule() -> str | None:
        quotas = desk.master.state.registry.quotas
        new = {
            role: Quota(each.guarantee, each.limit, quotas.get(role, Quota()).priority)
            for role, each in wanted.items()
        }
        return desk.master.set_quotas(new, force=force)

    if wanted:
        await desk.change(rule, bad)


def _check_role(role: str, path: str) -> None:
    if problem := role_problem(role):
        raise bad(f"{path}: {problem}")
