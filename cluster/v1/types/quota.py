"""Quota."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Proto

from .values import Resource, Value

__all__ = ["QuotaConfig", "QuotaInfo", "QuotaRequest", "QuotaStatus"]

PACKAGE = "mesos.v1.quota"


class QuotaInfo(Proto, frozen=True, kw_only=True):
    role: Annotated[str | None, 1] = None
    principal: Annotated[str | None, 2] = None
    guarantee: Annotated[tuple[Resource, ...], 3] = ()


class QuotaRequest(Proto, frozen=True, kw_only=True):
    force: Annotated[bool | None, 1] = None
    role: Annotated[str | None, 2] = None
    guarantee: Annotated[tuple[Resource, ...], 3] = ()


class QuotaConfig(Proto, frozen=True, kw_only=True):
    role: Annotated[str, 1]
    guarantees: Annotated[dict[str, Value.Scalar], 2] = {}
    limits: Annotated[dict[str, Value.Scalar], 3] = {}


class QuotaStatus(Proto, frozen=True, kw_only=True):
    infos: Annotated[tuple[QuotaInfo, ...], 1] = ()
    configs: Annotated[tuple[QuotaConfig, ...], 2] = ()
