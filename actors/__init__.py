"""Actors on asyncio: state of their own, messages in, one at a time; on one machine or many.

>>> class Add(Message):
...     amount: int
>>> class Total(Message):
...     value: int
>>> class Counter(Actor):
...     def __init__(self) -> None:
...         self.value = 0
...
...     @handles(Add)
...     def add(self, message: Add) -> Total:
...         self.value += message.amount
...         return Total(self.value)
>>> async def main() -> int:
...     async with ActorSystem() as system:
...         counter = system.spawn(Counter())
...         system.send(counter, Add(40))
...         total = await system.ask(counter, Add(2))
...         return total.value
>>> run(main())
42
"""

from .actor import Actor, FailurePolicy, handles
from .clock import Clock, LoopClock, PausedClock, Timer
from .combinators import RateLimiter, Sequence, collect, first
from .commands import Finished, reap, run_command
from .dead_letters import DeadLetter
from .errors import (
    ActorError,
    AskTimeoutError,
    PeerGoneError,
    RefusedError,
    RemoteError,
    SelfAskError,
    SystemClosedError,
    TooManyActorsError,
)
from .inspection import ActorView
from .links import KILLED, NOCONNECTION, NOPROC, NORMAL, SHUTDOWN, Monitor
from .loop import run, until_signalled
from .mailbox import Overflow
from .message import Message
from .names import Names
from .port import CloseInput, Output, Port, Write
from .sockets import Introduction, PeerAuthenticator, SocketTransport
from .supervisor import Child, Restart, RestartIntensityError, Strategy, Supervisor
from .system import ActorSystem
from .tls import Tls
from .tracing import Traced
from .transport import InProcessNetwork, InProcessTransport, Transport
from .upid import UPID, Address, format_address, parse_address
from .watchdog import Blocked, Watchdog

__all__ = [
    "KILLED",
    "NOCONNECTION",
    "NOPROC",
    "NORMAL",
    "SHUTDOWN",
    "UPID",
    "Actor",
    "ActorError",
    "ActorSystem",
    "ActorView",
    "Address",
    "AskTimeoutError",
    "Blocked",
    "Child",
    "Clock",
    "CloseInput",
    "DeadLetter",
    "FailurePolicy",
    "Finished",
    "InProcessNetwork",
    "InProcessTransport",
    "Introduction",
    "LoopClock",
    "Message",
    "Monitor",
    "Names",
    "Output",
    "Overflow",
    "PausedClock",
    "PeerAuthenticator",
    "PeerGoneError",
    "Port",
    "RateLimiter",
    "RefusedError",
    "RemoteError",
    "Restart",
    "RestartIntensityError",
    "SelfAskError",
    "Sequence",
    "SocketTransport",
    "Strategy",
    "Supervisor",
    "SystemClosedError",
    "Timer",
    "Tls",
    "TooManyActorsError",
    "Traced",
    "Transport",
    "Watchdog",
    "Write",
    "collect",
    "first",
    "format_address",
    "handles",
    "parse_address",
    "reap",
    "run",
    "run_command",
    "until_signalled",
]
