"""All that a launcher has: containers, idle shims, and what is on record of them."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import Coroutine, Mapping, Sequence

from .container import Container
from .epochs import Epoch, RecordFile
from .errors import LauncherClosedError
from .isolators import Isolators
from .records import Record
from .shims import Shim
from .spec import ContainerSpec
from .sweep import Trace, outlive, sweep
from .zygote.killing import read_file
from .zygotes import RETRY, Zygote

__all__ = ["Fleet"]

log = logging.getLogger("ostrom.isolation")

MAX_IDLE = 32
"""Shims that are kept for the next containers: each some 2 MB of memory of its own, and a millisecond to fork."""
SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)
"""What passes when others let go of descriptors or memory."""


class Fleet:
    """Containers that run, shims that wait for one, zygotes, and the ids that are on record."""

    def __init__(self, isolators: Isolators) -> None:
        self.isolators = isolators
        self.running: dict[Container, None] = {}
        self.idle: list[Shim] = []
        self.zygotes: set[Zygote] = set()
        self.launching: set[str] = set()
        self._ids: set[str] = set()
        self.closed = False
        self._files: dict[Epoch, dict[str, RecordFile]] = {}
        self._unproven: list[tuple[Container, RecordFile]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._boot = read_file("/proc/sys/kernel/random/boot_id").decode().strip()

    def run(self, container: Container) -> None:
        """Count on a container."""
        self.running[container] = None
        self._ids.add(container.id)

    def runs(self, name: str) -> bool:
        """Whether a container of this id runs, or is about to."""
        return name in self._ids or name in self.launching

    # What is on record.

    def names(self) -> list[str]:
        """The ids of all that is on record."""
        return [name for files in self._files.values() for name in files]

    def recorded(self, name: str) -> bool:
        """Whether a container of this id is on record, or about to be."""
        return name in self.launching or any(name in files for files in self._files.values())

    def register(self, file: RecordFile) -> None:
        """Note that there will be a record."""
        self._files[file.epoch][file.id] = file

    def take_over(self, epoch: Epoch) -> None:
        """Note the records that another owner left behind."""
        self._files[epoch] = {file.id: file for file in epoch.files()}

    def tidy(self) -> None:
        """Delete the epochs that hold no record, when their zygotes are gone."""
        for epoch in list(self._files):
            self._tidy(epoch)

    def _tidy(self, epoch: Epoch) -> None:
        if not self._files.get(epoch) and not any(zygote.epoch is epoch for zygote in self.zygotes):
            self._files.pop(epoch, None)
            epoch.remove_if_empty()

    # From containers, shims and zygotes.

    def ended(self, container: Container, shim: Shim | None) -> None:
        """Count on it no more."""
        self.running.pop(container, None)
        self._ids.discard(container.id)
        if shim is not None:
            self.keep(shim)

    def keep(self, shim: Shim) -> None:
        """Keep a shim that runs nothing for the next container, if there are not many that wait for one."""
        if shim.usable and shim.zygote.forks and not self.closed and len(self.idle) < MAX_IDLE:
            self.idle.append(shim)
        else:
            shim.close()

    def forgotten(self, _container: Container, file: RecordFile) -> None:
        """Strike its record, which is deleted; the last takes its epoch along."""
        self._files[file.epoch].pop(file.id, None)
        self._tidy(file.epoch)

    def unproven(self, container: Container, file: RecordFile) -> None:
        """Kill what can be found of it, and of all others like it, at once."""
        self._unproven.append((container, file))
        if len(self._unproven) == 1:
            self._run(self._bury())

    def unreached(self, container: Container, file: RecordFile, code: int) -> None:
        """Ask for its shim once more, a little later."""
        log.warning("container %s: its shim cannot be reached yet: %s", container.id, os.strerror(code))
        zygote = next((zygote for zygote in self.zygotes if zygote.epoch is file.epoch), None)
        record = file.read()
        if zygote is None or record is None:
            container.lost(proven=False)
        else:
            self._run(self._attach(zygote, container, record.number, after=RETRY))

    def add(self, zygote: Zygote) -> None:
        """Count on a zygote."""
        self.zygotes.add(zygote)
        if zygote.epoch is not None:
            self._files.setdefault(zygote.epoch, {})

    def shim_gone(self, shim: Shim) -> None:
        """Count on it no more."""
        if shim in self.idle:
            self.idle.remove(shim)

    def zygote_ended(self, zygote: Zygote) -> None:
        """Count on it no more; its shims come to know by themselves."""
        self.zygotes.discard(zygote)
        if zygote.epoch is not None:
            self._tidy(zygote.epoch)

    # Recovery.

    def recover(self, epoch: Epoch, specs: Mapping[str, ContainerSpec]) -> list[Container]:
        """Return all containers of an epoch that are on record. Those that run are being attached to."""
        control = epoch.connect()
        zygote = Zygote(control, self.zygote_ended, epoch) if control is not None else None
        if zygote is not None:
            self.add(zygote)
        found: list[Container] = []
        attach: list[tuple[Container, Record]] = []
        broken: list[Container] = []
        for file in list(self._files[epoch].values()):
            record = file.read()
            if record is None:
                # It could not be started.
                del self._files[epoch][file.id]
                continue
            container = Container(
                file.id, self, self.isolators, spec=specs.get(file.id), file=file, known=record
            )
            found.append(container)
            self.run(container)
            if record.trouble:
                log.error("container %s: its record is not whole (%s): it is killed", file.id, record.trouble)
            if record.exit is not None and not record.trouble:
                container.conclude(record.exit, record.usage)
            elif record.boot not in ("", self._boot):
                container.swept()
            elif zygote is None:
                container.lost(proven=False)
            elif record.trouble:
                broken.append(container)
            else:
                attach.append((container, record))
        if zygote is not None:
            self._run(self._reattach(zygote, attach, broken))
        else:
            self._tidy(epoch)
        return found

    async def _reattach(
        self, zygote: Zygote, attach: Sequence[tuple[Container, Record]], broken: Sequence[Container]
    ) -> None:
        for container, record in attach:
            await self._attach(zygote, container, record.number)
        try:
            # What is not on record, or cannot be read there: it must not live on unknown.
            await zygote.kill_rest()
            await asyncio.shield(zygote.ready)
        except (OSError, LauncherClosedError):
            proven = False
        else:
            proven = True
        for container in broken:
            container.lost(proven=proven)

    async def _attach(self, zygote: Zygote, container: Container, number: int, after: float = 0.0) -> None:
        await asyncio.sleep(after)
        while not container.ended:
            try:
                container.assign(await zygote.attach(number, self.shim_gone))
            except OSError as error:
                if error.errno not in SCARCE:
                    container.lost(proven=False)
                    return
                log.warning("container %s: its shim cannot be reached yet: %s", container.id, error)
                await asyncio.sleep(RETRY)
            else:
                return

    async def _bury(self) -> None:
        """Kill what is left of containers whose zygote is gone; their shims end by themselves, if they live."""
        # Those that are lost by the same death come one after the other.
        await asyncio.sleep(0)
        batch, self._unproven = self._unproven, []
        records = [file.read() or Record() for _container, file in batch]
        await asyncio.gather(
            *(outlive(record.shim_pid, record.shim_start) for record in records if record.shim_pid)
        )
        await sweep(
            [
                Trace(file.marker, record.pid, record.start)
                for (_, file), record in zip(batch, records, strict=True)
            ]
        )
        for container, _file in batch:
            container.lost(proven=True)

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end_tasks(self) -> None:
        """Have none go on."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
