"""Where requests are taken: an actor, so also `POST /dispatcher/SubmitRequest?ask` with JSON."""

from actors import Actor, FailurePolicy, Message, handles

from .dispatcher import Dispatcher
from .rules import Entry, Request


class SubmitRequest(Message):
    """To the desk: do this. The answer comes when it is safe on disk."""

    request: Request


class CancelRequest(Message):
    """To the desk: end this request and all that runs for it."""

    id: str


class ListRequests(Message):
    """To the desk: how do all of them stand."""


class Requests(Message):
    """From the desk: the requests asked for."""

    entries: tuple[Entry, ...]


class Desk(Actor):
    """Speaks with people on the dispatcher's behalf. What cannot be saved is an error to who asked."""

    failure_policy = FailurePolicy.RESUME

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    @handles(SubmitRequest)
    def submit(self, message: SubmitRequest) -> Requests:
        """A request."""
        return Requests((self._dispatcher.request(message.request),))

    @handles(CancelRequest)
    def cancel(self, message: CancelRequest) -> Requests:
        """A request is not wanted any more."""
        return Requests((self._dispatcher.cancel(message.id),))

    @handles(ListRequests)
    def list(self, message: ListRequests) -> Requests:
        """How all of them stand."""
        return Requests(tuple(self._dispatcher.entries()))
