"""How a container ended."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from .limits import Limitation


@dataclass(frozen=True, slots=True)
class Exit:
    """The end of a container: the main process ended, and nothing of the others is left.

    Either `code` (0 to 255) or `signal` (its number) is set, the other is None. `destroyed` says that the main
    process did not end by itself: it was killed by destroy(), by close(), or because a process that watched it was
    lost. `limitation` is the limit that it hit, if that is why; `code` may be 137 then, as a shell's whose command was
    killed.
    """

    code: int | None = None
    signal: int | None = None
    destroyed: bool = False
    limitation: Limitation | None = None

    @property
    def wait_status(self) -> int:
        """The end as waitpid(2) tells it: the code times 256, or the signal."""
        return (self.code or 0) << 8 if self.signal is None else self.signal

    def describe(self) -> str:
        """Return the end in words: `exited with status 3`, `killed by SIGKILL`, or that and a limit that was hit."""
        if self.limitation is not None:
            return f"{self._described()}: {self.limitation.text}"
        return self._described()

    def _described(self) -> str:
        if self.signal is None:
            return f"exited with status {self.code}"
        return f"killed by {_signal_name(self.signal)}"


LOST = Exit(code=None, signal=signal.SIGKILL.value, destroyed=True)
"""The end of a container whose shim was lost."""


def _signal_name(number: int) -> str:
    if signal.SIGRTMIN < number <= signal.SIGRTMAX:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
