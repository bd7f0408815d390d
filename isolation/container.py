"""A running container, as its owner sees it."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from .epochs import RecordFile
from .errors import LauncherClosedError, LaunchError
from .isolators import Isolators
from .limits import Limitation, Limits
from .outcome import LOST, Exit
from .records import Record
from .shims import Shim
from .spec import ContainerSpec
from .usage import Usage
from .wire import decode_exit, encode_destroy, encode_signal

__all__ = ["Container", "Keeper"]

log = logging.getLogger("ostrom.isolation")

SHELL_SAW_SIGKILL = 128 + signal.SIGKILL
"""How a shell ends whose last command was killed: it may be quicker than who ends the container for that."""


class Keeper(Protocol):
    """What a container tells its launcher."""

    def ended(self, container: Container, shim: Shim | None) -> None:
        """Learn that nothing of it is left, and that its shim serves nobody now."""

    def unproven(self, container: Container, file: RecordFile) -> None:
        """Learn that shim and zygote are gone: what is left of it is to be found and killed, then `swept` called."""

    def unreached(self, container: Container, file: RecordFile, code: int) -> None:
        """Learn that its shim lives, but could not be handed over, by the errno."""

    def forgotten(self, container: Container, file: RecordFile) -> None:
        """Learn that its record is no more."""


class Container:
    """One command that runs, with all that it starts. Made by `Launcher.launch` and `Launcher.recover`."""

    def __init__(
        self,
        id: str,  # noqa: A002 (it is the spec's field)
        keeper: Keeper,
        isolators: Isolators,
        describe: Callable[[str], str] = str,
        spec: ContainerSpec | None = None,
        file: RecordFile | None = None,
        known: Record | None = None,
    ) -> None:
        """Give it what it knows at first.

        `file` is its record, if it has one; `known` what that says of a container that another owner launched;
        `describe` puts into words which part of a spec a shim had trouble with. `spec` is what it was launched by, as
        far as that is known.
        """
        loop = asyncio.get_running_loop()
        self._id = id
        self._keeper = keeper
        self._isolators = isolators
        self._describe = describe
        self._spec = spec
        self._limitation: Limitation | None = None
        self._file = file
        self._recovered = known is not None
        self._shim: Shim | None = None
        self._told = False
        self._detached = False
        self._shim_pid = known.shim_pid if known else 0
        self._pid = known.pid if known else 0
        self._usage = Usage()
        self.started: asyncio.Future[None] = loop.create_future()
        self._exit: asyncio.Future[Exit] = loop.create_future()

    @property
    def id(self) -> str:
        """The spec's id."""
        return self._id

    @property
    def pid(self) -> int:
        """The main process's id: it leads its session and group. It may be another's once that has ended.

        0 for a container that was lost before its process was on record.
        """
        return self._pid

    @property
    def keeper_pid(self) -> int:
        """The id of the shim, the process that adopts the container's orphans; 0 when nothing runs any more."""
        return 0 if self._exit.done() else self._shim_pid

    @property
    def ended(self) -> bool:
        """The main process has ended and nothing of the others is left."""
        return self._exit.done() and not self._detached

    async def wait(self) -> Exit:
        """Wait until the main process has ended and nothing is left of what it started; return how.

        LauncherClosedError if the launcher has let go of it before (`Launcher.detach`).
        """
        return await asyncio.shield(self._exit)

    def signal(self, number: int) -> None:
        """Send a signal to the main process's group; no effect when it has ended. ValueError if it is none."""
        if number not in signal.valid_signals():
            raise ValueError(f"signal: {number} is no signal of this system")
        if not self._exit.done() and not self._told and self._shim is not None:
            self._shim.send(encode_signal(number))

    def doom(self) -> None:
        """Have everything in the container killed; `wait` tells when it is done."""
        if not self._told and not self._exit.done():
            self._told = True
            # Without a shim it is being killed already.
            if self._shim is not None:
                self._shim.send(encode_destroy())
            # The shim may be one of many that want the processor now, or its container be frozen.
            self._isolators.kill(self)

    def limit(self, limitation: Limitation) -> None:
        """Learn that it hit a limit: it is ended, and its `Exit` says why. Only the first counts."""
        if self._limitation is None and not self._exit.done():
            self._limitation = limitation
            self.doom()

    async def destroy(self) -> Exit:
        """Kill everything in the container; return when nothing is left. No effect when it has ended."""
        self.doom()
        return await self.wait()

    def usage(self) -> Usage:
        """What all its processes use now, or used in all once it has ended.

        Where only /proc tells, that takes 50 us a process or so.
        """
        return self._usage if self._exit.done() else self._isolators.usage(self, self._usage)

    def update(self, limits: Limits) -> None:
        """Hold it to other limits from now on; no effect when it has ended.

        ValueError, naming the field, if nothing here can hold it to them; OSError if the system refuses.
        """
        if self._exit.done():
            return
        self._isolators.update(self, limits, None if self._spec is None else self._spec.limits)
        if self._spec is not None:
            self._spec = replace(self._spec, limits=limits)

    def forget(self) -> None:
        """Delete its record: its end has been dealt with, and no later owner is to hear of it.

        Only of use with a `state_dir`, where every container is to be forgotten in the end. Until then its id is
        taken. ValueError when it has not ended; no effect the second time, nor when the launcher let go of it.
        """
        if not self._exit.done():
            raise ValueError(f"container {self.id}: it has not ended, and only its end can be forgotten")
        if self._file is not None and not self._detached:
            file, self._file = self._file, None
            file.remove()
            self._keeper.forgotten(self, file)

    # From the launcher and the shim.

    @property
    def forgotten(self) -> bool:
        """Whether it has no record (any more)."""
        return self._file is None

    def forget_at_end(self) -> None:
        """Have it forgotten when it ends: nobody knows it."""
        self._exit.add_done_callback(lambda _: self.forget())

    def assign(self, shim: Shim) -> None:
        """Give it the shim that runs it, or is to."""
        self._shim = shim
        shim.user = self
        if self._told:
            # It was doomed before it had one.
            shim.send(encode_destroy())

    def told(self, line: str) -> None:
        """Take a line of the shim's report."""
        word, _, rest = line.partition(" ")
        if word == "started":
            self._shim_pid, self._pid = map(int, rest.split())
            if not self.started.done():
                self._isolators.watch(self, self._spec, self.limit)
                self.started.set_result(None)
        elif word == "error":
            code, _, stage = rest.partition(" ")
            self._end(LOST, LaunchError(self.id, int(code), self._describe(stage)))
        else:
            status, told, user, system = rest.split()
            usage = Usage(user_seconds=float(user), system_seconds=float(system))
            self.conclude(decode_exit(int(status), told == "1"), usage)

    def lost(self, *, proven: bool) -> None:
        """Learn that the shim is gone, and whether nothing else of the container is left; see what is on record."""
        record = self._file.read() if self._file else None
        if record is not None and record.exit is not None and not record.trouble:
            self.conclude(record.exit, record.usage)
        elif self._recovered and record is None:
            self._end(LOST, LaunchError(self.id, 0, "its shim could not start it, or its record was deleted"))
        elif not proven and self._file is not None:
            self._let_go_of_shim()
            if self._recovered and not self.started.done():
                self.started.set_result(None)
            self._keeper.unproven(self, self._file)
        else:
            self.swept()

    def conclude(self, exit_: Exit, usage: Usage) -> None:
        """Learn of the end that is on record."""
        self._usage = usage
        self._end(exit_)

    def swept(self) -> None:
        """Learn that nothing is left of it, and that nobody knows how it ended."""
        if self._exit.done():
            return
        if self._file is not None:
            try:
                self._file.lose()
            except OSError as cause:
                # A later owner will not find it either, and come to the same end.
                log.warning("container %s: its loss cannot be recorded: %s", self.id, cause)
        error = LaunchError(self.id, 0, "the process that was to start it was killed")
        self._end(LOST, None if self._recovered else error)

    def refused(self, code: int) -> None:
        """Learn that there is no shim for it, or that the one it has cannot be reached now."""
        if self._recovered and self._file is not None:
            self._let_go_of_shim()
            self._keeper.unreached(self, self._file, code)
            return
        self._end(LOST, LaunchError(self.id, code, "a process for it"))

    def fail(self, error: LaunchError) -> None:
        """It could not be started, for a reason that the shim does not know."""
        self._end(LOST, error)

    def detach(self) -> None:
        """Learn that the launcher has let go of it."""
        if not self._exit.done():
            self._detached = True
            error = LauncherClosedError(f"container {self.id}: its launcher has let go of it")
            for future in (self._exit, self.started):
                if not future.done():
                    future.set_exception(error)
                    # Perhaps nobody waits.
                    future.exception()

    def _let_go_of_shim(self) -> None:
        shim, self._shim = self._shim, None
        self._shim_pid = 0
        if shim is not None:
            shim.user = None

    def _end(self, exit_: Exit, error: LaunchError | None = None) -> None:
        if self._exit.done():
            return
        self._usage, limitation = self._isolators.end(self, self._usage)
        limitation = self._limitation or limitation
        if limitation is not None and exit_.code in (None, SHELL_SAW_SIGKILL):
            exit_ = replace(exit_, limitation=limitation)
        self._exit.set_result(exit_)
        if not self.started.done():
            if error is None:
                self.started.set_result(None)
            else:
                self.started.set_exception(error)
                # A launch that was cancelled has nobody who would look.
                self.started.exception()
        shim = self._shim
        self._let_go_of_shim()
        self._keeper.ended(self, shim)
