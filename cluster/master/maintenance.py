"""Planned maintenance: windows in which machines are down, and the frameworks asked to leave before."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping

import msgspec

from cluster.messages import (
    AgentInfo,
    InverseOffer,
    InverseOffers,
    Reason,
    ShutdownAgent,
    TaskState,
    Unavailability,
)
from cluster.registry import Window

from .reachability import ReachabilityRules
from .records import AgentRecord, FrameworkRecord, InverseOfferRecord
from .validation import MAX_NAME, is_text, size_problem

__all__ = ["MaintenanceRules"]

log = logging.getLogger("ostrom.master")

MAX_MACHINE = 255
"""Characters of a machine's name: hostnames have fewer, an agent's id has no more."""


class MaintenanceRules(ReachabilityRules):
    """A machine is named by its hostname or by its agent's id."""

    def update_schedule(self, windows: Mapping[str, Window]) -> str | None:
        """Replace the schedule; return what is wrong with it. Machines that are down stay in it, and stay down."""
        down = {name for window in self.registry.windows.values() if window.down for name in window.machines}
        if problem := schedule_problem(windows, down):
            return problem
        for name in set(self.registry.windows) - set(windows):
            self.record("windows", name, None)
        for name, window in windows.items():
            window = msgspec.structs.replace(window, down=bool(down.intersection(window.machines)))
            if self.registry.windows.get(name) != window:
                self.record("windows", name, window)
        for agent in self.agents.values():
            self.plan_for(agent)
        return None

    def machine_down(self, names: list[str], now: float) -> str | None:
        """Take machines down that are in the schedule: their agents end. Return what is wrong with that."""
        for name in names:
            if self._window_with(name) is None:
                return f"machine {name[:255]!r} is not in the maintenance schedule"
        for name in names:
            self._part_from_window(name, down=True)
        for agent in [agent for agent in self.agents.values() if self.is_down(agent.info)]:
            self._take_down(agent, now)
        for agent_id in [id_ for id_ in self.recovering if self.is_down(self.registry.agents[id_])]:
            self.mark_unreachable(agent_id, now, "its machine was taken down for maintenance")
        return None

    def machine_up(self, names: list[str]) -> str | None:
        """End the maintenance of machines that are down; return what is wrong with that."""
        for name in names:
            id_ = self._window_with(name)
            if id_ is None or not self.registry.windows[id_].down:
                return f"machine {name[:255]!r} is not down for maintenance"
        for name in names:
            self._part_from_window(name, down=False)
        return None

    def _take_down(self, agent: AgentRecord, now: float) -> None:
        text = "its machine was taken down for maintenance"
        state, reason = TaskState.GONE_BY_OPERATOR, Reason.AGENT_REMOVED_BY_OPERATOR
        self.send(agent.upid, ShutdownAgent(text, agent.info.checkpoint))
        for task in list(agent.tasks.values()):
            self._lose(task, state, reason, text, now)
        if agent.info.checkpoint:
            # It will be back with what is reserved on it. Until then it is like any that does not answer.
            self.mark_unreachable(agent.id, now, text)
        else:
            self.remove_agent(agent.id, now, text)

    def _window_with(self, machine: str) -> str | None:
        return next((id_ for id_, each in self.registry.windows.items() if machine in each.machines), None)

    def _part_from_window(self, machine: str, *, down: bool) -> None:
        """Take a machine out of its window; one that goes down gets a window of its own, if it shares one."""
        id_ = self._window_with(machine)
        if id_ is None:
            return
        window = self.registry.windows[id_]
        others = tuple(name for name in window.machines if name != machine)
        if down and (window.down or not others):
            if not window.down:
                self.record("windows", id_, msgspec.structs.replace(window, down=True))
            return
        self.record("windows", id_, msgspec.structs.replace(window, machines=others) if others else None)
        if down:
            own = msgspec.structs.replace(window, machines=(machine,), down=True)
            self.record("windows", f"{id_}:{machine}", own)

    def window_of(self, info: AgentInfo) -> Window | None:
        """The window that an agent's machine is in, if any."""
        for window in self.registry.windows.values():
            if info.hostname in window.machines or info.id in window.machines:
                return window
        return None

    def is_down(self, info: AgentInfo) -> bool:
        """Whether an operator took the agent's machine down."""
        window = self.window_of(info)
        return window is not None and window.down

    # Inverse offers.

    def plan_for(self, agent: AgentRecord) -> None:
        """Heed the schedule for an agent: its offers are made anew, and frameworks there are asked to leave."""
        window = self.window_of(agent.info)
        planned = Unavailability(window.start, window.duration) if window is not None else None
        if planned == agent.unavailability:
            return
        self.rescind_agent(agent)
        agent.unavailability = planned
        when = (planned.start, planned.duration) if planned is not None else ()
        self.allocator.update_agent(agent.id, unavailability=when)
        self.let_off(agent)
        self.renew_inverse_offers()

    def renew_inverse_offers(self) -> None:
        """Ask those who have come to use machines that are planned to be down, and let off those who have left."""
        planned = [agent for agent in self.agents.values() if agent.unavailability is not None]
        if not planned and not self.inverse_offers:
            return
        there = {agent.id: {key[0] for key in (*agent.tasks, *agent.executors)} for agent in planned}
        asked = set()
        for record in list(self.inverse_offers.values()):
            framework = self.frameworks[record.offer.framework_id]
            if framework.connected and framework.id in there.get(record.offer.agent_id, ()):
                asked.add((framework.id, record.offer.agent_id))
            else:
                self.rescind_inverse(record)
        made: dict[str, list[InverseOffer]] = {}
        for agent in planned:
            for framework_id in sorted(there[agent.id]):
                framework = self.frameworks[framework_id]
                if framework.connected and (framework_id, agent.id) not in asked and agent.unavailability:
                    offer = InverseOffer(self.new_id("I"), framework_id, agent.id, agent.unavailability)
                    self.inverse_offers[offer.id] = InverseOfferRecord(offer)
                    made.setdefault(framework_id, []).append(offer)
        for framework_id, offers in made.items():
            self.tell(self.frameworks[framework_id], InverseOffers(tuple(offers)))

    def answer_inverse(
        self, framework: FrameworkRecord, ids: tuple[str, ...], answer: str, now: float
    ) -> None:
        """Note what a framework says to inverse offers: ACCEPT or DECLINE."""
        for id_ in ids:
            record = self.inverse_offers.get(id_)
            if record is not None and record.offer.framework_id == framework.id:
                record.answer, record.answered_at = answer, now


def schedule_problem(windows: Mapping[str, Window], down: set[str]) -> str | None:
    """What is wrong with a maintenance schedule while some machines are down, or None."""
    seen: dict[str, str] = {}
    for id_, window in windows.items():
        if not id_ or not window.machines:
            return f"window {id_[:255]!r}: {'it names no machine' if id_ else 'its name is empty'}"
        if len(id_) > MAX_NAME or not is_text(id_):
            return f"window {id_[:80]!r}: its name is to be UTF-8, of at most {MAX_NAME} characters"
        if not math.isfinite(window.start):
            return f"window {id_!r}: start is {window.start}, not a time"
        if window.duration is not None and not (
            window.duration > 0 and math.isfinite(window.start + window.duration)
        ):
            return f"window {id_!r}: duration is {window.duration}, not a number of seconds above 0"
        for name in window.machines:
            if not name:
                return f"window {id_!r}: the name of a machine is empty"
            if len(name) > MAX_MACHINE or not is_text(name):
                return f"window {id_!r}: machine {name[:80]!r} is to be UTF-8, of at most {MAX_MACHINE} characters"
            if name in seen:
                return f"machine {name!r} is in window {id_!r} and in window {seen[name]!r}"
            seen[name] = id_
        if problem := size_problem(f"window {id_!r}", window):
            return problem
        if down.intersection(window.machines) and not down.issuperset(window.machines):
            return f"window {id_!r}: some of its machines are down and some are not"
    missing = sorted(down - seen.keys())
    if missing:
        return f"machine {missing[0]!r} is down: it can leave the schedule when it is up"
    return None
