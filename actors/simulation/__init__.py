"""Many actor systems in one process, in virtual time, on a simulated network: the same seed, the same events.

>>> from actors import Actor, Message, handles
>>> class Ping(Message):
...     pass
>>> class Pong(Message):
...     pass
>>> class Player(Actor):
...     @handles(Ping)
...     def ping(self, message: Ping) -> Pong:
...         return Pong()
>>> async def scenario(simulation: Simulation) -> float:
...     here, there = await simulation.start("here"), await simulation.start("there")
...     simulation.network.set_latency("here", "there", constant(0.5))
...     await here.ask(there.spawn(Player()), Ping())
...     return simulation.now
>>> Simulation(seed=1).run(scenario)
2.0
"""

from .clock import SimulatedClock
from .latency import Latency, constant, exponential, uniform
from .loop import SimulatedLoop, SimulationError
from .network import SimulatedNetwork, SimulatedTransport
from .simulation import Simulation

__all__ = [
    "Latency",
    "SimulatedClock",
    "SimulatedLoop",
    "SimulatedNetwork",
    "SimulatedTransport",
    "Simulation",
    "SimulationError",
    "constant",
    "exponential",
    "uniform",
]
