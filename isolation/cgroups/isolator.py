"""Holds containers to their limits by control groups."""

from __future__ import annotations

import dataclasses
import errno
import logging
import os
import resource
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

from isolation.isolator import Report, Running
from isolation.limits import Limitation, Limits
from isolation.setup import Setup
from isolation.spec import ContainerSpec
from isolation.usage import Usage

from .choosing import choose
from .files import Change, Descriptors
from .group import Group, Values
from .hierarchy import Hierarchy, RootInUseError, check_root
from .killing import Freezer, GroupKiller, below, pids_in
from .mounts import Mounts, read_mounts
from .moving import move
from .oom import OomWatch, limitation, oom_kills
from .part import Part
from .removing import Remover, remove
from .v2.core import CorePart

__all__ = ["CgroupIsolator"]

log = logging.getLogger("ostrom.isolation")

MOST_DESCRIPTORS = 8192


class CgroupIsolator:
    """Holds containers to their limits by control groups, of v1, of v2, or of what there is of both.

    `root` names the group that all its containers are in: one owner each. What is found in it that nobody knows is
    killed and removed when a launcher starts, so two owners need two names: while one lives the other is refused
    (RootInUseError, from the launcher's start). It may be several names with slashes between. In v1 it is below the
    top of each hierarchy; in v2 below the group that systemd delegated to this process, or else below the top.

    `version` "1" or "2" has it use that alone; else each controller is taken from where it is. `mounts` are those of
    this machine, unless told otherwise. At most `descriptors` are kept open for `poll`; a third of what this process
    may have if that is None.

    Raises ValueError for a `root` that is no name of a group, and, with the reason, if there are no control groups
    here that can be used; OSError if /proc cannot be read.
    """

    name = "cgroups"

    def __init__(
        self,
        root: str = "ostrom",
        version: Literal["auto", "1", "2"] = "auto",
        *,
        mounts: Mounts | None = None,
        descriptors: int | None = None,
    ) -> None:
        check_root(root)
        self.mounts = (read_mounts() if mounts is None else mounts).only(version)
        self._choice = choose(self.mounts, root)
        if not self._choice.parts:
            raise ValueError(f"CgroupIsolator: {next(filter(None, self._choice.support.values()))}")
        if descriptors is None:
            descriptors = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 3, MOST_DESCRIPTORS)
        self._descriptors = Descriptors(descriptors)
        self._groups: dict[str, Group] = {}
        self._begun = False
        self._oom = OomWatch()
        self._remover = Remover()
        self._arrange()

    def _arrange(self) -> None:
        """See which part does what, of those that were chosen."""
        parts = self._parts
        self._polled = [part for part in parts if part.core_file]
        self._memory = next((part for part in parts if part.controller == "memory"), None)
        # The core is the first of them, and the freezer of v1 there only if that cannot do it.
        core = next((part for part in parts if isinstance(part, CorePart)), None)
        freezers = [part for part in parts if isinstance(part, Freezer)]
        self._freezer = freezers[-1] if freezers and self._choice.support["freeze"] is None else None
        self._killer = GroupKiller(core, self._freezer)

    @property
    def _parts(self) -> list[Part]:
        return self._choice.parts

    @property
    def roots(self) -> Mapping[str, Path]:
        """Where the groups are, by controller; "cgroup" is v2 itself."""
        return {part.controller: Path(part.hierarchy.root) for part in self._parts}

    def support(self) -> Mapping[str, str | None]:
        """What it can do here: fields of Limits, and more; why not, for what it cannot."""
        return dict(self._choice.support)

    # The life of a container.

    def prepare(self, spec: ContainerSpec, setup: Setup) -> Setup:
        """Make groups with the limits of a container, or have it join those of the one it is within.

        ValueError, OSError.
        """
        self._begin()
        if spec.within:
            return self._joining(spec, setup)
        if spec.id in self._groups:
            raise ValueError(f"ContainerSpec.id: {spec.id!r} has control groups")
        group = Group(spec.id, self._descriptors)
        change = Change(fresh=True)
        wanted = {part.hierarchy for part in self._parts if part.wanted(spec.limits)}
        try:
            for part in self._parts:
                if part.hierarchy in wanted:
                    part.hold(self._directory(group, part.hierarchy), spec.limits, change)
        except (ValueError, OSError):
            self._remover.remove(group.directories.values())
            raise
        self._groups[spec.id] = group
        return _with(group, setup)

    def watch(self, container: Running, spec: ContainerSpec | None, report: Report) -> None:
        """Report when the kernel kills for lack of memory, and if it has already."""
        group = self._groups.get(container.id)
        if group is None or self._memory is None:
            return
        hierarchy = self._memory.hierarchy
        directory = group.directories.get(hierarchy)
        if directory is None:
            return
        group.oom_kills = 0
        try:
            self._oom.watch(group.id, directory, hierarchy.version, partial(self._killed, group, report))
        except OSError as error:
            group.oom_kills = -1
            log.warning("container %s: a lack of memory is seen at its end only: %s", group.id, error)
        if kills := oom_kills(directory, hierarchy.version):
            self._killed(group, report, kills)

    def update(self, container: Running, limits: Limits) -> None:
        """Hold it to other limits: all of them, or, with ValueError or OSError, to those that it had."""
        group = self._groups.get(container.id)
        if group is None:
            raise ValueError(f"container {container.id} has no control groups: it was started without")
        change = Change()
        fresh: list[Part] = []
        try:
            for part in self._parts:
                if part.hierarchy in group.directories:
                    part.hold(group.directories[part.hierarchy], limits, change)
                elif part.wanted(limits):
                    fresh.append(part)
            for part in fresh:
                self._join(group, part, limits)
        except (ValueError, OSError):
            change.undo()
            raise

    def usage(self, container: Running, known: Usage) -> Usage:
        """What it uses, as its groups tell."""
        group = self._groups.get(container.id)
        return known if group is None else self._measured(group, known)

    def poll(self) -> dict[str, Usage]:
        """What all containers use of cpu and memory, their throttling and kills for lack of memory: the least it costs.

        The other fields are left as they are by default. 4 us for each container that sleeps, 8 for one that does not.
        """
        return {id_: group.poll(self._polled) for id_, group in self._groups.items()}

    def kill(self, container: Running) -> None:
        """Kill all that is in its groups, frozen or not."""
        if group := self._groups.get(container.id):
            self._killer.kill(group)

    def end(self, container: Running, known: Usage) -> tuple[Usage, Limitation | None]:
        """Remove its groups; what it used in all, and whether the kernel killed it for lack of memory."""
        group = self._groups.pop(container.id, None)
        if group is None:
            return known, None
        self._oom.unwatch(group.id)
        self._killer.forget(group)
        # Nobody watches any more: what was not seen is still in the counter.
        group.oom_kills = -1
        usage = dataclasses.replace(self._measured(group, known), processes=0, threads=0)
        self._drop(group)
        if not usage.oom_kills:
            return usage, None
        return usage, limitation(usage.oom_kills, usage.memory_limit_bytes, usage.peak_bytes)

    # Standing still.

    def freeze(self, container: Running) -> None:
        """Have it stand still, in some milliseconds; no effect when it has ended. ValueError if that is not here.

        A signal has its effect when it goes on; killing it is possible all the same.
        """
        self._stand(container, still=True)

    def thaw(self, container: Running) -> None:
        """Have it go on. ValueError."""
        self._stand(container, still=False)

    def frozen(self, container: Running) -> bool:
        """Whether all of it stands still."""
        group = self._groups.get(container.id)
        if group is None or self._freezer is None:
            return False
        directory = group.directories.get(self._freezer.hierarchy)
        return directory is not None and self._freezer.frozen(directory)

    # The owner's start and end.

    def recover(self, ids: Collection[str]) -> None:
        """Take over the groups of these containers; kill what is in all others, and remove them. RootInUseError."""
        self._begin()
        for hierarchy in self._choice.hierarchies:
            for id_ in hierarchy.ids():
                group = self._groups.setdefault(id_, Group(id_, self._descriptors))
                group.directories[hierarchy] = hierarchy.directory(id_)
        for group in [group for group in self._groups.values() if group.id not in ids]:
            del self._groups[group.id]
            self._killer.kill(group)
            self._drop(group)

    def close(self) -> None:
        """Let go of all; what no container is in any more is removed."""
        self._oom.close()
        self._killer.close()
        for group in self._groups.values():
            group.let_go()
        self._groups.clear()
        self._remover.close()
        if self._begun:
            self._begun = False
            self._release()

    def _begin(self) -> None:
        """Make the root in each hierarchy. RootInUseError."""
        if self._begun:
            return
        for hierarchy in list(self._choice.hierarchies):
            try:
                self._begin_in(hierarchy)
            except RootInUseError:
                self._release()
                raise
            except OSError as error:
                log.warning("control groups in %s: %s", hierarchy.base, error)
                self._choice.drop(hierarchy, f"{hierarchy.base}: {error}")
                self._arrange()
        self._begun = True

    def _begin_in(self, hierarchy: Hierarchy) -> None:
        try:
            hierarchy.make()
        finally:
            # Also where it has no controllers to give.
            if os.path.isdir(hierarchy.root):
                hierarchy.lock()
        for part in self._parts:
            if part.hierarchy is hierarchy:
                part.begin()

    def _release(self) -> None:
        for hierarchy in self._choice.hierarchies:
            hierarchy.close()

    def _directory(self, group: Group, hierarchy: Hierarchy) -> str:
        """Return the directory of a group, which is made if there is none. OSError."""
        directory = group.directories.get(hierarchy)
        if directory is not None:
            return directory
        directory = hierarchy.directory(group.id)
        if not self._remover.removed(directory):
            raise OSError(errno.EBUSY, "the group of an earlier container with this id is busy", directory)
        try:
            os.mkdir(directory)
        except FileExistsError:
            # Nobody has removed it; what runs in it, if anything, keeps it.
            if not remove(directory):
                raise
            os.mkdir(directory)
        group.directories[hierarchy] = directory
        return directory

    def _joining(self, spec: ContainerSpec, setup: Setup) -> Setup:
        """Add the groups of the container that a spec is within; they stay that one's."""
        if (group := self._groups.get(spec.within)) is None:
            raise ValueError(f"ContainerSpec.within: {spec.within!r} is no container with control groups")
        return _with(group, setup)

    def _join(self, group: Group, part: Part, limits: Limits) -> None:
        """Put a container that runs into a group that it is not in yet. ValueError, OSError."""
        directory = self._directory(group, part.hierarchy)
        others = [each for each in group.directories.values() if each != directory]
        try:
            part.hold(directory, limits, Change(fresh=True))
            move(others, directory)
        except (ValueError, OSError):
            del group.directories[part.hierarchy]
            self._remover.remove([directory])
            raise

    def _measured(self, group: Group, known: Usage) -> Usage:
        values = group.values(self._polled)
        for part in self._parts:
            part.measure(group, values)
        first = next(iter(group.directories.values()), None)
        if first is not None:
            values["processes"] = len(pids_in((first, *below(first))))
        return dataclasses.replace(known, **values)

    def _killed(self, group: Group, report: Report, kills: int) -> None:
        group.oom_kills = kills
        values: Values = {}
        if self._memory is not None:
            self._memory.measure(group, values)
        report(limitation(kills, values.get("memory_limit_bytes"), values.get("peak_bytes")))

    def _stand(self, container: Running, *, still: bool) -> None:
        if self._freezer is None:
            raise ValueError(f"containers cannot be frozen: {self._choice.support['freeze']}")
        group = self._groups.get(container.id)
        directory = group and group.directories.get(self._freezer.hierarchy)
        if directory:
            (self._freezer.freeze if still else self._freezer.thaw)(directory)

    def _drop(self, group: Group) -> None:
        group.let_go()
        self._remover.remove(group.directories.values())


def _with(group: Group, setup: Setup) -> Setup:
    joined = tuple(Path(directory, "cgroup.procs") for directory in group.directories.values())
    return dataclasses.replace(setup, groups=setup.groups + joined)
