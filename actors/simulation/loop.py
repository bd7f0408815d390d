"""An event loop in virtual time, that knows no outside."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

from actors.errors import ActorError

__all__ = ["SimulatedLoop", "SimulationError"]


class SimulationError(ActorError):
    """Something that a simulation cannot do: reach the outside, or go on when nothing is left to happen."""


class _VirtualSelector:
    """Stands where a loop waits for the outside: here it is time that comes."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None or timeout > 0:
            self._loop.pass_time()
        return []


def _refuse(what: str) -> Any:
    def method(self: SimulatedLoop, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise SimulationError(f"{what}: not in a simulation, where nothing outside can be reached")

    return method


class SimulatedLoop(asyncio.BaseEventLoop):
    """asyncio in virtual time: when nothing is left to do now, it is at once the time of the next timer.

    Tasks, futures, `asyncio.sleep` and `asyncio.timeout` are as ever. Sockets, threads, subprocesses and signals are
    refused with SimulationError: what they bring, and when, is not in the seed.
    """

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        # A timer is due when it lies below now plus this: at 0 none ever would be.
        self._clock_resolution = 1e-9
        self._selector = _VirtualSelector(self)

    def time(self) -> float:
        """Virtual seconds since the beginning."""
        return self._now

    def pass_time(self) -> None:
        """Go to the next timer. SimulationError if there is none: then nothing will ever happen."""
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        if not scheduled:
            raise SimulationError(
                f"nothing is left to happen after {self._now:g} s, and the scenario still waits for something"
            )
        self._now = max(self._now, scheduled[0].when())

    def _process_events(self, _events: list[Any]) -> None:
        """None come from outside."""

    def _write_to_self(self) -> None:
        """Nobody could be waiting."""

    run_in_executor = _refuse("a thread")
    subprocess_exec = _refuse("a subprocess")
    subprocess_shell = _refuse("a subprocess")
    create_connection = _refuse("a socket")
    create_server = _refuse("a socket")
    create_datagram_endpoint = _refuse("a socket")
    create_unix_connection = _refuse("a socket")
    create_unix_server = _refuse("a socket")
    connect_accepted_socket = _refuse("a socket")
    getaddrinfo = _refuse("a name server")
    getnameinfo = _refuse("a name server")
    sock_recv = _refuse("a socket")
    sock_sendall = _refuse("a socket")
    sock_connect = _refuse("a socket")
    sock_accept = _refuse("a socket")
    add_reader = _refuse("a file descriptor")
    add_writer = _refuse("a file descriptor")
    connect_read_pipe = _refuse("a pipe")
    connect_write_pipe = _refuse("a pipe")
    add_signal_handler = _refuse("a signal")
