"""Who calls an agent: operators, and executors with the token that is in their environment."""

from __future__ import annotations

from typing import NamedTuple

from aiohttp import web

from actors.authenticators import authenticate, given
from cluster.agent import Agent
from cluster.agent.nested import ContainerPath

__all__ = ["Asker", "asker_of"]


class Asker(NamedTuple):
    """Somebody who calls. One who is not known to the agent may have the token of an executor."""

    refusal: web.HTTPUnauthorized | None = None
    token: str = ""

    def check(self, agent: Agent, path: ContainerPath | None = None) -> None:
        """Raise HTTPUnauthorized for an executor whose container that is not, nor one above it."""
        if self.refusal is None:
            return
        if path is None or not agent.tokens.match(path[0], self.token):
            raise self.refusal


async def asker_of(request: web.Request, agent: Agent) -> Asker:
    """Who calls. HTTPUnauthorized, where that is asked, for who gives neither what is known nor any token."""
    authenticator = agent.system.http.authenticate
    if authenticator is None:
        return Asker()
    try:
        await authenticate(authenticator, request)
    except web.HTTPUnauthorized as refusal:
        token = given(request, "bearer")
        if token is None:
            raise
        return Asker(refusal, token.decode(errors="surrogateescape"))
    return Asker()
