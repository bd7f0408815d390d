"""The one message that Mesos takes from Google's own."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Int32, Int64, Proto

__all__ = ["Duration"]

PACKAGE = "google.protobuf"


class Duration(Proto, frozen=True, kw_only=True):
    seconds: Annotated[Int64 | None, 1] = None
    nanos: Annotated[Int32 | None, 2] = None
