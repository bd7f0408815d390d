"""The master itself: its health, options, version, figures, log level and files, and who it is."""

from __future__ import annotations

from actors import format_address
from cluster.http.mesos_files import FilesError, NoFileError
from cluster.http.v0.flags import master_flags
from cluster.http.v0.metrics import master_metrics
from cluster.http.v1.file_infos import file_infos
from cluster.http.v1.verbosity import set_verbosity, verbosity
from cluster.v1 import types as v1
from cluster.v1.translate import VERSION, master_to
from cluster.v1.types.master import Call, Response

from .desk import Desk, bad, missing

__all__ = [
    "get_flags",
    "get_health",
    "get_logging_level",
    "get_master",
    "get_metrics",
    "get_operations",
    "get_version",
    "list_files",
    "read_file",
    "set_logging_level",
]

Type = Response.Type

NANOSECONDS = 10**9
MAX_LOGGING_SECONDS = 86400


async def get_health(_desk: Desk, _: Call) -> Response:
    """Who answers is healthy."""
    return Response(type=Type.GET_HEALTH, get_health=Response.GetHealth(healthy=True))


async def get_flags(desk: Desk, _: Call) -> Response:
    """What the master was started with."""
    flags = tuple(
        v1.Flag(name=name, value=value) for name, value in sorted(master_flags(desk.master).items())
    )
    return Response(type=Type.GET_FLAGS, get_flags=Response.GetFlags(flags=flags))


async def get_version(_desk: Desk, _: Call) -> Response:
    """The version of Mesos whose API this is."""
    part = Response.GetVersion(version_info=v1.VersionInfo(version=VERSION))
    return Response(type=Type.GET_VERSION, get_version=part)


async def get_metrics(desk: Desk, call: Call) -> Response:
    """Figures under Mesos's names; they take no time to speak of, however little is given."""
    timeout = call.get_metrics.timeout if call.get_metrics is not None else None
    if timeout is not None and timeout.nanoseconds < 0:
        raise bad(f"get_metrics.timeout is {timeout.nanoseconds} ns, below 0")
    figures = await desk.see(lambda _: master_metrics(desk.master))
    metrics = tuple(v1.Metric(name=name, value=value) for name, value in sorted(figures.items()))
    return Response(type=Type.GET_METRICS, get_metrics=Response.GetMetrics(metrics=metrics))


async def get_logging_level(desk: Desk, _: Call) -> Response:
    """How much is logged."""
    level = verbosity(desk.master.system.http)
    part = Response.GetLoggingLevel(level=level)
    return Response(type=Type.GET_LOGGING_LEVEL, get_logging_level=part)


async def set_logging_level(desk: Desk, call: Call) -> None:
    """Log more, or less, for a while."""
    if call.set_logging_level is None:
        return
    seconds = call.set_logging_level.duration.nanoseconds / NANOSECONDS
    if not 0 < seconds <= MAX_LOGGING_SECONDS:
        raise bad(
            f"set_logging_level.duration is {seconds:g} seconds, not above 0 and up to {MAX_LOGGING_SECONDS}"
        )
    set_verbosity(desk.master.system.http, call.set_logging_level.level, seconds)


async def get_master(desk: Desk, _: Call) -> Response:
    """Who leads, since when, and since when its process runs."""
    master = desk.master
    host, _port = master.system.address
    part = Response.GetMaster(
        master_info=master_to(master.state.master_id, host, format_address(master.system.address)),
        start_time=master.system.started_at,
        elected_time=master.elected_at,
    )
    return Response(type=Type.GET_MASTER, get_master=part)


async def get_operations(_desk: Desk, _: Call) -> Response:
    """None is ever under way: those of frameworks are done when they are read."""
    return Response(type=Type.GET_OPERATIONS, get_operations=Response.GetOperations())


async def list_files(desk: Desk, call: Call) -> Response:
    """The entries of a directory, by a virtual path."""
    path = call.list_files.path if call.list_files is not None else ""
    try:
        rows = await desk.files.browse(path)
    except NoFileError as error:
        raise missing(f"list_files.{error}") from error
    except FilesError as error:
        raise bad(f"list_files.{error}") from error
    return Response(type=Type.LIST_FILES, list_files=Response.ListFiles(file_infos=file_infos(rows)))


async def read_file(desk: Desk, call: Call) -> Response:
    """A part of a file, by a virtual path."""
    part = call.read_file
    path, offset, length = (part.path, part.offset, part.length) if part is not None else ("", 0, None)
    try:
        data, size = await desk.files.read(path, offset, length)
    except NoFileError as error:
        raise missing(f"read_file.{error}") from error
    except FilesError as error:
        raise bad(f"read_file.{error}") from error
    return Response(type=Type.READ_FILE, read_file=Response.ReadFile(size=size, data=data))
