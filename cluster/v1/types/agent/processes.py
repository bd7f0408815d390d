"""What goes in and out of a container's process."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Proto, ProtoEnum
from cluster.v1.types.containers import TTYInfo
from cluster.v1.types.ids import DurationInfo

__all__ = ["ProcessIO"]

PACKAGE = "mesos.v1.agent"


class ProcessIO(Proto, frozen=True, kw_only=True):
    class Type(ProtoEnum):
        UNKNOWN = "UNKNOWN", 0
        DATA = "DATA", 1
        CONTROL = "CONTROL", 2

    class Data(Proto, frozen=True, kw_only=True):
        class Type(ProtoEnum):
            UNKNOWN = "UNKNOWN", 0
            STDIN = "STDIN", 1
            STDOUT = "STDOUT", 2
            STDERR = "STDERR", 3

        type: Annotated[ProcessIO.Data.Type | None, 1] = None
        data: Annotated[bytes | None, 2] = None

    class Control(Proto, frozen=True, kw_only=True):
        class Type(ProtoEnum):
            UNKNOWN = "UNKNOWN", 0
            TTY_INFO = "TTY_INFO", 1
            HEARTBEAT = "HEARTBEAT", 2

        class Heartbeat(Proto, frozen=True, kw_only=True):
            interval: Annotated[DurationInfo | None, 1] = None

        type: Annotated[ProcessIO.Control.Type | None, 1] = None
        tty_info: Annotated[TTYInfo | None, 2] = None
        heartbeat: Annotated[ProcessIO.Control.Heartbeat | None, 3] = None

    type: Annotated[ProcessIO.Type | None, 1] = None
    data: Annotated[ProcessIO.Data | None, 2] = None
    control: Annotated[ProcessIO.Control | None, 3] = None
