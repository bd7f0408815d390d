"""A handler that waits for replies without a task: `@handles(T, parked=True)`."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any, Protocol

from .actor import Actor
from .replies import Replies

__all__ = ["Parked", "Turns"]


class Turns(Protocol):
    """What gives the actors their turns: the run queue."""

    loop: asyncio.AbstractEventLoop
    draining: bool
    stepping: Parked | None

    def make_task(
        self, actor: Actor, awaitable: Coroutine[Any, Any, Any], number: Any, context: Context | None
    ) -> None:
        """Have a task go on with what the actor is busy with."""

    def turn_ended(self, actor: Actor) -> None:
        """A turn that took longer has ended."""


class Parked:
    """The coroutine of one handler, driven by the run queue itself: less than half of what a task and a future cost.

    To the asks it is the future of the one ask that it waits for, to its actor's runtime the task that keeps it busy.
    When its coroutine awaits anything else, it is made a task from there on. Until then there is no current task, so
    `asyncio.timeout` and `asyncio.TaskGroup` refuse to begin.
    """

    __slots__ = (
        "_actor",
        "_context",
        "_coroutine",
        "_error",
        "_number",
        "_pending",
        "_queue",
        "_replies",
        "_value",
    )

    def __init__(
        self,
        queue: Turns,
        replies: Replies,
        actor: Actor,
        coroutine: Coroutine[Any, Any, Any],
        number: Any,
    ) -> None:
        self._queue = queue
        self._replies = replies
        self._actor = actor
        self._coroutine = coroutine
        self._number = number
        # As a task has: what one handler sets is not another's to see.
        self._context = copy_context()
        self._pending = False
        self._value: Any = None
        self._error: BaseException | None = None

    # What an ask's future does.

    def expect(self) -> None:
        """An ask begins."""
        self._pending = True

    def done(self) -> bool:
        """Whether the ask has ended."""
        return not self._pending

    def set_result(self, value: Any) -> None:
        """The reply is here."""
        self._value = value
        self._resume()

    def set_exception(self, error: BaseException) -> None:
        """There is none, and why."""
        self._error = error
        self._resume()

    def __await__(self) -> Generator[Any, None, Any]:
        # It can have failed already, before anything left.
        if self._pending:
            yield self
        error = self._error
        if error is not None:
            self._error = None
            raise error
        return self._value

    # What a task does.

    def cancel(self) -> bool:
        """Throw CancelledError into the coroutine, soon, and not in the turn of whoever says so."""
        if self._actor._runtime.busy is not self:
            return False
        self._pending = False
        self._error = asyncio.CancelledError()
        self._queue.loop.call_soon(self._go_on)
        return True

    # How it goes on.

    def _resume(self) -> None:
        self._pending = False
        queue = self._queue
        if queue.stepping is self:
            return
        if queue.draining and queue.stepping is None and not self._actor._runtime.halted:
            # At once, after the handler that replied: it saves a turn of the loop. One deep only, as the stack is,
            # should this in its turn be the reply to another.
            self._go_on()
        else:
            queue.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        try:
            self.step()
        finally:
            if self._actor._runtime.busy is None:
                self._queue.turn_ended(self._actor)

    def step(self) -> Parked | None:
        """Run until the next ask, then return this; or to the end."""
        runtime = self._actor._runtime
        if self._pending or runtime.busy is not self:
            # It went on already: it was cancelled, say, when its reply was there.
            return None
        queue = self._queue
        queue.stepping = self
        try:
            # Whatever it is, the coroutine is at an `await` of this, which gives it the outcome.
            yielded: object = self._context.run(self._coroutine.send, None)
        except StopIteration as stop:
            runtime.busy = None
            if self._number is not None:
                self._replies.answer(self._actor, self._number, stop.value)
            return None
        except Exception as error:  # noqa: BLE001 - the boundary: the failure policy decides
            runtime.busy = None
            self._replies.failed(self._actor, self._number, error)
            return None
        except asyncio.CancelledError as error:
            runtime.busy = None
            self._replies.cancelled(self._actor, self._number, error)
            return None
        except BaseException:
            runtime.busy = None
            raise
        finally:
            queue.stepping = None
        if yielded is not self:
            carried = _carry_on(self._coroutine, yielded)
            # Begun here: a task that is cancelled before its first step would not run it at all.
            carried.send(None)
            queue.make_task(self._actor, carried, self._number, self._context)
        return self


async def _carry_on(coroutine: Coroutine[Any, Any, Any], yielded: Any) -> Any:
    return await _drive(coroutine, yielded)


@types.coroutine
def _drive(coroutine: Coroutine[Any, Any, Any], yielded: Any) -> Generator[Any, Any, Any]:
    """Go on with a coroutine that has begun, and has just yielded that: a future, or None."""
    try:
        yield
    except asyncio.CancelledError as error:
        # Before its first step as a task: what it awaits is cancelled, as a task would.
        try:
            if yielded is None or not yielded.cancel():
                yielded = coroutine.throw(error)
        except StopIteration as stop:
            return stop.value
    except GeneratorExit:
        coroutine.close()
        raise
    while True:
        try:
            try:
                sent = yield yielded
            except GeneratorExit:
                coroutine.close()
                raise
            except BaseException as error:  # noqa: BLE001 - it is the coroutine's to handle
                yielded = coroutine.throw(error)
            else:
                yielded = coroutine.send(sent)
        except StopIteration as stop:
            return stop.value
