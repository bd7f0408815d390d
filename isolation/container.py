"""A running container, as its owner sees it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence

from .errors import LaunchError
from .isolator import Isolator
from .outcome import LOST, Exit
from .shims import Shim
from .spec import ContainerSpec
from .usage import Usage
from .wire import decode_exit, describe_stage, encode_destroy, encode_signal

__all__ = ["Container"]


class Container:
    """One command that runs, with all that it starts. Made by `Launcher.launch`."""

    def __init__(
        self,
        spec: ContainerSpec,
        shim: Shim,
        isolators: Sequence[Isolator],
        ended: Callable[[Shim], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self._spec = spec
        self._shim = shim
        self._isolators = isolators
        self._ended = ended
        self._told = False
        self._shim_pid = 0
        self._pid = 0
        self._usage = Usage()
        self.started: asyncio.Future[None] = loop.create_future()
        self._exit: asyncio.Future[Exit] = loop.create_future()
        shim.user = self

    @property
    def id(self) -> str:
        """The spec's id."""
        return self._spec.id

    @property
    def pid(self) -> int:
        """The main process's id: it leads its session and group. It may be another's once that has ended."""
        return self._pid

    @property
    def keeper_pid(self) -> int:
        """The id of the shim, the process that adopts the container's orphans; 0 when nothing runs any more."""
        return 0 if self._exit.done() else self._shim_pid

    @property
    def ended(self) -> bool:
        """The main process has ended and nothing of the others is left."""
        return self._exit.done()

    async def wait(self) -> Exit:
        """Wait until the main process has ended and nothing is left of what it started; return how."""
        return await asyncio.shield(self._exit)

    def signal(self, number: int) -> None:
        """Send a signal to the main process's group; no effect when it has ended. ValueError if it is none."""
        if number not in signal.valid_signals():
            raise ValueError(f"signal: {number} is no signal of this system")
        if not self._exit.done() and not self._told:
            self._shim.send(encode_signal(number))

    def doom(self) -> None:
        """Have everything in the container killed; `wait` tells when it is done."""
        if not self._told and not self._exit.done():
            self._told = True
            self._shim.send(encode_destroy())

    async def destroy(self) -> Exit:
        """Kill everything in the container; return when nothing is left. No effect when it has ended."""
        self.doom()
        return await self.wait()

    def usage(self) -> Usage:
        """What all its processes use now, or used in all once it has ended. Reads /proc: 50 us a process or so."""
        known = self._usage
        for isolator in self._isolators:
            known = isolator.usage(self, known)
        return known

    # From the launcher and the shim.

    def told(self, line: str) -> None:
        """Take a line of the shim's report."""
        word, _, rest = line.partition(" ")
        if word == "started":
            self._shim_pid, self._pid = map(int, rest.split())
            if not self.started.done():
                self.started.set_result(None)
        elif word == "error":
            code, _, stage = rest.partition(" ")
            self._end(LOST, LaunchError(self.id, int(code), describe_stage(stage, self._spec)))
        else:
            status, told, user, system = rest.split()
            self._usage = Usage(user_seconds=float(user), system_seconds=float(system))
            self._end(decode_exit(int(status), told == "1"), None)

    def lost(self) -> None:
        """The shim was killed, and with it the container."""
        self._end(LOST, LaunchError(self.id, 0, "the process that was to start it was killed"))

    def fail(self, error: LaunchError) -> None:
        """It could not be started, for a reason that the shim does not know."""
        self._end(LOST, error)

    def _end(self, exit_: Exit, error: LaunchError | None) -> None:
        if self._exit.done():
            return
        self._exit.set_result(exit_)
        if not self.started.done():
            if error is None:
                self.started.set_result(None)
            else:
                self.started.set_exception(error)
                # A launch that was cancelled has nobody who would look.
                self.started.exception()
        self._shim.user = None
        self._ended(self._shim)
