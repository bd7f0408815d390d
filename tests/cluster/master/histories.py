"""Random histories of a cluster around the master's rules: agents and schedulers that do what real ones do.

Messages between two go in order. When a connection breaks, what is on its way is lost. Nothing here waits: `Cluster`
takes steps, one event each.
"""

from __future__ import annotations

import random
from typing import Any

import msgspec
import numpy as np

from actors import UPID
from allocators.plugins import make_allocator
from cluster.master import MasterOptions, MasterState
from cluster.master.invariants import violations
from cluster.messages import (
    Accept,
    Acknowledge,
    Decline,
    ExitedExecutor,
    KillTask,
    Reconcile,
    RegisterAgent,
    StatusUpdate,
    Subscribe,
    TaskState,
    UpdateFramework,
)
from cluster.registry import RegistryState
from tests.cluster.master.agent_model import AgentModel
from tests.cluster.master.framework_model import ROLES, FrameworkModel
from tests.cluster.master.orders import give_order


class Cluster:
    """A master's rules, agents, schedulers, operators, and time, in random order."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.now = 1000.0
        self.uuids = 0
        self.lives = 0
        self.stored = RegistryState()
        self.state: MasterState
        self.begin()
        self.agents = [AgentModel(self, number) for number in range(3)]
        self.frameworks = [FrameworkModel(self, number) for number in range(3)]
        for agent in self.agents:
            self.heal(agent)
        for framework in self.frameworks:
            self.subscribe(framework)

    def uuid(self) -> str:
        self.uuids += 1
        return f"u{self.uuids}"

    def begin(self) -> None:
        """A master begins with what is on record."""
        self.lives += 1
        allocator = make_allocator("drf", np.random.default_rng(self.rng.randint(0, 999)))
        limit = self.rng.choice([None, (1, 30.0)])
        options = MasterOptions(completed_tasks=100000, agent_removal_rate_limit=limit)
        self.state = MasterState(f"M{self.lives}", allocator, options)
        self.state.recover(self.stored, {}, {}, self.now)

    def fail_over(self) -> None:
        """The master dies; what it did not write and send is lost. Another begins."""
        for agent in self.agents:
            agent.registered, agent.inbox, agent.outbox = False, [], []
        for framework in self.frameworks:
            framework.connected, framework.inbox, framework.offers = False, [], {}
        self.begin()

    def flush(self) -> None:
        """Write, then send, as the actor does; and look at the books."""
        for change in self.state.changes:
            self.stored.apply(change)
        self.state.changes = []
        outbox, self.state.outbox = self.state.outbox, []
        by_upid: dict[UPID, AgentModel | FrameworkModel] = {
            each.upid: each for each in (*self.agents, *self.frameworks)
        }
        for to, message in outbox:
            peer = by_upid[to]
            if not (isinstance(peer, AgentModel) and (peer.cut or peer.dead)):
                peer.inbox.append(message)
        found = violations(self.state)
        assert found == [], found
        assert self.stored == self.state.registry

    def call(self, framework: FrameworkModel, message: Any) -> None:
        """A scheduler's message, as the actor hands it to the rules."""
        record = self.state.framework_of(framework.upid, framework.info.id)
        if record is None:
            return
        state, now = self.state, self.now
        if isinstance(message, Acknowledge):
            state.acknowledge(record, message)
        elif isinstance(message, Accept):
            state.accept(record, message, now)
        elif isinstance(message, Decline):
            state.decline(record, message, now)
        elif isinstance(message, KillTask):
            state.kill(record, message, now)
        elif isinstance(message, Reconcile):
            state.reconcile(record, message, now)
        self.flush()

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.state.expire(self.now)
        self.state.allocate(self.now, full=True)
        self.flush()

    def ping(self) -> None:
        """A round of pings; who can answers."""
        self.now += 15.0
        self.state.ping_all(self.now)
        for agent in self.agents:
            record = self.state.agents.get(agent.info.id)
            if record is not None and record.upid == agent.upid and not (agent.cut or agent.dead):
                self.state.pong(record)
                agent.resend()
            elif record is None and agent.registered and not agent.cut:
                # No pings come: it looks for its master.
                agent.register()
        self.flush()

    # The peers.

    def deliver(self, agent: AgentModel) -> None:
        """One message to the master from an agent."""
        message: Any = agent.outbox.pop(0)
        state = self.state
        if isinstance(message, RegisterAgent):
            state.register_agent(agent.upid, message, self.now)
        elif (record := state.agent_of(agent.upid)) is None:
            return
        elif isinstance(message, StatusUpdate):
            state.status_update(record, message, self.now)
        elif isinstance(message, ExitedExecutor):
            state.exited_executor(record, message)
        state.allocate(self.now)
        self.flush()

    def break_connection(self, agent: AgentModel) -> None:
        agent.inbox, agent.outbox, agent.registered = [], [], False
        record = self.state.agent_disconnected(agent.upid)
        if record is not None and not record.info.checkpoint and agent.dead:
            self.state.remove_agent(record.id, self.now, "its process is gone")
        self.flush()

    def subscribe(self, framework: FrameworkModel) -> None:
        self.state.subscribe(framework.upid, Subscribe(framework.info), self.now)
        self.state.allocate(self.now)
        self.flush()

    # Steps.

    def step(self) -> None:
        """Something happens."""
        kind = self.rng.random()
        if kind < 0.5:
            self.talk()
        elif kind < 0.62:
            self.pass_time(self.rng.choice([0.1, 1.0, 6.0, 31.0]))
        elif kind < 0.66:
            self.ping()
        elif kind < 0.8:
            self._use()
        elif kind < 0.85:
            self._end_something()
        elif kind < 0.95:
            self._fault()
        else:
            self._order()

    def talk(self) -> bool:
        """One message arrives somewhere. False if none is on its way."""
        busy = [each for each in (*self.agents, *self.frameworks) if each.inbox]
        senders = [agent for agent in self.agents if agent.outbox and not (agent.cut or agent.dead)]
        if not busy and not senders:
            return False
        peer = self.rng.choice([*busy, *senders])
        if peer in senders and isinstance(peer, AgentModel) and (not peer.inbox or self.rng.random() < 0.5):
            self.deliver(peer)
        else:
            peer.hear(peer.inbox.pop(0))
        return True

    def _use(self) -> None:
        holders = [each for each in self.frameworks if each.offers and each.connected]
        if holders:
            self.rng.choice(holders).use()

    def _end_something(self) -> None:
        agent = self.rng.choice(self.agents)
        if agent.runs and not agent.dead and self.rng.random() < 0.6:
            states = [TaskState.FINISHED, TaskState.FAILED, TaskState.RUNNING]
            agent.become(self.rng.choice(sorted(agent.runs)), self.rng.choice(states))
        elif agent.executors and not agent.dead and self.rng.random() < 0.3:
            agent.end_executor(self.rng.choice(sorted(agent.executors)))
        else:
            framework = self.rng.choice(self.frameworks)
            if framework.told and framework.connected:
                task_id = self.rng.choice(sorted(framework.told))
                self.call(framework, KillTask(framework.info.id, task_id))

    def _fault(self) -> None:
        agent = self.rng.choice(self.agents)
        kind = self.rng.random()
        if kind < 0.06:
            self.fail_over()
        elif kind < 0.16:
            agent.cut = not agent.cut
            if agent.cut:
                self.break_connection(agent)
        elif kind < 0.26:
            self.break_connection(agent)
        elif kind < 0.36 and not agent.dead:
            agent.restart()
            if self.rng.random() < 0.5:
                self.break_connection(agent)
            agent.inbox, agent.outbox = [], []
            self.heal(agent)
        elif kind < 0.44:
            agent.cut = True
            self.break_connection(agent)
            for _ in range(7):
                self.ping()
        elif kind < 0.85:
            self.heal(agent)
        else:
            self._fail_scheduler(self.rng.choice(self.frameworks))

    def _fail_scheduler(self, framework: FrameworkModel) -> None:
        """It goes, or comes back, or says other things of itself, or ends."""
        kind = self.rng.random()
        if not framework.connected:
            self.subscribe(framework)
        elif kind < 0.6:
            framework.connected, framework.inbox, framework.offers = False, [], {}
            self.state.framework_exited(framework.upid, self.now)
        elif kind < 0.9:
            roles = tuple(self.rng.sample(ROLES, self.rng.randint(1, 2)))
            framework.info = msgspec.structs.replace(framework.info, roles=roles)
            record = self.state.framework_of(framework.upid, framework.info.id)
            if record is not None:
                self.state.update_framework(record, UpdateFramework(framework.info))
        else:
            self.state.teardown(framework.info.id, self.now)
            framework.__init__(self, self.frameworks.index(framework))  # type: ignore[misc]
        self.flush()

    def heal(self, agent: AgentModel) -> None:
        """An agent that is not registered tries to be."""
        if agent.dead:
            # The machine is given to a new agent.
            agent.__init__(self, self.agents.index(agent))  # type: ignore[misc]
            agent.incarnation = self.uuid()[1:] + "0"
        agent.cut = False
        if not agent.registered:
            agent.register()

    def _order(self) -> None:
        give_order(self.state, self.rng, self.now)
        self.state.allocate(self.now)
        self.flush()

    def quieten(self) -> None:
        """No more faults: everybody comes back, and all that is on its way arrives."""
        state = self.state
        state.machine_up(["m0"])
        state.update_schedule({})
        for agent_id in [*state.registry.drains]:
            # What is still draining first comes to its end.
            state.reactivate(agent_id)
        self.flush()
        for _ in range(40):
            for framework in self.frameworks:
                if not framework.connected and not framework.ended:
                    self.subscribe(framework)
            for agent in self.agents:
                if not agent.registered and not agent.outbox:
                    self.heal(agent)
            while self.talk():
                pass
            self.ping()
            self.pass_time(700.0)
        for framework in self.frameworks:
            # What was told without a uuid may have been lost.
            unsure = sorted(task_id for task_id, told in framework.told.items() if not told.terminal)
            if unsure:
                self.call(framework, Reconcile(framework.info.id, tuple(unsure)))
        while self.talk():
            pass

    def register_again(self) -> None:
        """Every connection breaks once more."""
        for agent in self.agents:
            self.break_connection(agent)
            agent.register()
        while self.talk():
            pass
