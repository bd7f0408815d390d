"""Who stands behind a stream: an actor that is told things, and tells them to a client."""

from __future__ import annotations

import logging

from actors import Actor
from cluster.v1.schema import Proto

from .media import Media
from .stream import EventStream

__all__ = ["Subscriber"]

log = logging.getLogger("ostrom.http")


class Subscriber(Actor):
    """Lives as long as its stream: others see it go when its client does, or does not read."""

    def __init__(self, stream: EventStream, media: Media) -> None:
        self.stream = stream
        self._media = media

    def finalize(self) -> None:
        """End the stream."""
        self.stream.end()

    def describe(self) -> str:
        """Who the client is, for the log."""
        return self.upid.id

    def tell(self, event: Proto) -> None:
        """Tell the client; or end, if it does not read."""
        if not self.stream.put(self._media.encode(event)):
            log.warning(
                "%s does not read: %d bytes wait, its stream is cut off", self.describe(), self.stream.waiting
            )
            self.stream.cut()
            self.terminate()
