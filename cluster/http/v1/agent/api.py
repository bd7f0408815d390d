"""`/api/v1` of an agent: the calls of operators, and of executors that start containers of their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from actors.http import long_body
from cluster.agent import Agent
from cluster.http.mesos_files import FilesError, MesosFiles, NoFileError
from cluster.http.v0.agent_flags import agent_flags
from cluster.http.v0.metrics import agent_metrics
from cluster.http.v1.file_infos import file_infos
from cluster.http.v1.media import answer_media
from cluster.http.v1.verbosity import set_verbosity, verbosity
from cluster.v1 import types as v1
from cluster.v1.errors import MessageError, RefusedError
from cluster.v1.schema import union_field
from cluster.v1.translate.common import duration_of
from cluster.v1.translate.masters import VERSION
from cluster.v1.types.agent import Call, Response
from isolation import Exit

from .askers import Asker, asker_of
from .containers import ContainerCalls
from .inputs import InputCalls, UnexpectedCallError, quoted_records
from .media import RECORDIO, answer_stream_media, call_media, is_recordio
from .views import agent_view, executors_view, frameworks_view, state_view, tasks_view

__all__ = ["AgentApi"]

Later = Callable[[], Awaitable[web.StreamResponse]]
Type = Call.Type
MAX_LOGGING = 86400.0
"""Seconds."""
NOT_HERE = {
    Type.ADD_RESOURCE_PROVIDER_CONFIG: "there are no resource providers here",
    Type.UPDATE_RESOURCE_PROVIDER_CONFIG: "there are no resource providers here",
    Type.REMOVE_RESOURCE_PROVIDER_CONFIG: "there are no resource providers here",
    Type.MARK_RESOURCE_PROVIDER_GONE: "there are no resource providers here",
    Type.PRUNE_IMAGES: "there are no container images here",
}


class AgentApi:
    """Mesos's operator API of an agent, whose virtual files are `files`."""

    def __init__(self, agent: Agent, files: MesosFiles) -> None:
        self._agent = agent
        self._files = files
        self._containers = ContainerCalls(agent)
        self._views: dict[Type, Callable[[Agent], Any]] = {
            Type.GET_STATE: state_view,
            Type.GET_FRAMEWORKS: frameworks_view,
            Type.GET_EXECUTORS: executors_view,
            Type.GET_TASKS: tasks_view,
            Type.GET_AGENT: agent_view,
            Type.GET_OPERATIONS: lambda _: Response.GetOperations(),
            Type.GET_RESOURCE_PROVIDERS: lambda _: Response.GetResourceProviders(),
            Type.GET_HEALTH: lambda _: Response.GetHealth(healthy=True),
            Type.GET_VERSION: lambda _: Response.GetVersion(version_info=v1.VersionInfo(version=VERSION)),
            Type.GET_FLAGS: lambda agent: Response.GetFlags(
                flags=tuple(
                    v1.Flag(name=name, value=value) for name, value in sorted(agent_flags(agent).items())
                )
            ),
            Type.GET_METRICS: lambda agent: Response.GetMetrics(
                metrics=tuple(
                    v1.Metric(name=name, value=value) for name, value in sorted(agent_metrics(agent).items())
                )
            ),
            Type.GET_LOGGING_LEVEL: lambda agent: Response.GetLoggingLevel(
                level=verbosity(agent.system.http)
            ),
        }

    def install(self) -> None:
        """Add the route."""
        self._agent.route(
            "/api/v1",
            self._serve,
            methods=("POST",),
            help="Mesos's operator API of an agent: a Call as JSON, protobuf or RecordIO",
            # Executors may call, too, and have tokens of their own.
            public=True,
        )

    def _serve(self, request: web.Request) -> Later:
        return lambda: self._answer(request)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        asker = await asker_of(request, self._agent)
        media = call_media(request)
        try:
            if is_recordio(request):
                long_body(request)
                calls = InputCalls(request.content.iter_any(), media)
                return await self._containers.attach_input(calls, asker)
            body = await request.read()
            if (records := quoted_records(body)) is not None:
                return await self._containers.attach_input(InputCalls(records, media), asker)
            call = media.decode(body, Call)
            if call.type is Type.ATTACH_CONTAINER_INPUT:
                raise web.HTTPUnsupportedMediaType(text=f"{call.type} comes in a body of {RECORDIO}\n")
            return await self._call(request, call, asker)
        except UnexpectedCallError as error:
            raise web.HTTPUnsupportedMediaType(
                text=f"{RECORDIO} is for ATTACH_CONTAINER_INPUT, not for {error.kind}\n"
            ) from error
        except MessageError as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from error

    async def _call(self, request: web.Request, call: Call, asker: Asker) -> web.StreamResponse:
        kind = call.type
        path = "" if kind is None else union_field(call)
        part = getattr(call, path, None)
        container_id = getattr(part, "container_id", None)
        if container_id is None:
            asker.check(self._agent)
        else:
            asker.check(self._agent, self._containers.whole_path(container_id, f"{path}.container_id"))
        if kind is None or kind is Type.UNKNOWN:
            raise web.HTTPNotImplemented(text="type is not known\n")
        if kind in NOT_HERE:
            raise RefusedError(f"{kind}: {NOT_HERE[kind]}")
        if kind in self._views:
            view = self._views[kind]
            return self._respond(
                request, kind, await self._agent.system.call(self._agent.upid, view, self._agent)
            )
        match part:
            case None if kind is Type.GET_CONTAINERS:
                return self._respond(request, kind, await self._containers.listed(Call.GetContainers()))
            case None:
                raise RefusedError(f"{path} is missing, though the type is {kind}")
            case Call.GetContainers():
                return self._respond(request, kind, await self._containers.listed(part))
            case Call.SetLoggingLevel():
                seconds = duration_of(part.duration, f"{path}.duration", MAX_LOGGING, least=1e-9)
                set_verbosity(self._agent.system.http, part.level, seconds)
                return web.Response()
            case Call.ListFiles() | Call.ReadFile():
                return self._respond(request, kind, await self._file(part, path))
        return await self._on_container(request, kind, part, path)

    async def _on_container(
        self, request: web.Request, kind: Type, part: Any, path: str
    ) -> web.StreamResponse:
        containers, where = self._containers, f"{path}.container_id"
        nested = kind.name.endswith(("NESTED_CONTAINER", "SESSION"))
        match part:
            case Call.LaunchNestedContainer() | Call.LaunchContainer():
                return await containers.launch(part, path, standalone=not nested)
            case Call.LaunchNestedContainerSession():
                return await containers.session(request, answer_stream_media(request), part, path)
            case Call.AttachContainerOutput():
                return await containers.attach_output(
                    request, answer_stream_media(request), part.container_id, where
                )
            case Call.WaitNestedContainer() | Call.WaitContainer():
                exit_ = await containers.wait(part.container_id, where)
                answer = Response.WaitNestedContainer if nested else Response.WaitContainer
                return self._respond(request, kind, answer(exit_status=wait_status(exit_)))
            case Call.KillNestedContainer() | Call.KillContainer():
                return await containers.kill(part.container_id, part.signal, where)
            case Call.RemoveNestedContainer() | Call.RemoveContainer():
                return await containers.remove(part.container_id, where)
        raise RefusedError(f"type {kind} is not known")

    async def _file(self, part: Call.ListFiles | Call.ReadFile, path: str) -> Any:
        try:
            if isinstance(part, Call.ListFiles):
                rows = await self._files.browse(part.path)
                return Response.ListFiles(file_infos=file_infos(rows))
            data, size = await self._files.read(part.path, part.offset, part.length)
            return Response.ReadFile(size=size, data=data)
        except NoFileError as error:
            raise web.HTTPNotFound(text=f"{path}.{error}\n") from error
        except FilesError as error:
            raise RefusedError(f"{path}.{error}") from error

    def _respond(self, request: web.Request, kind: Type, part: Any) -> web.Response:
        media = answer_media(request)
        response = Response(type=Response.Type[kind.name], **{kind.name.lower(): part})
        return web.Response(
            body=media.encode(response), content_type=media.type, headers={"Cache-Control": "no-store"}
        )


def wait_status(exit_: Exit) -> int:
    """An end as wait(2) tells it, which is what Mesos passes on: 256 for an exit with status 1, 9 for SIGKILL."""
    return exit_.signal if exit_.signal is not None else (exit_.code or 0) << 8
