"""Signals of zygote and shims, and of the commands that they start."""

from __future__ import annotations

import contextlib
import os
import signal

IGNORED = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
)
"""What a terminal or a service manager sends to everything at once: whether tasks end then is for the owner to say."""
CHANGED = (*IGNORED, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD)
"""Signals whose disposition differs from the default here, and is put back before a command starts."""


class ChildSignal:
    """Turns SIGCHLD into a readable pipe."""

    def __init__(self) -> None:
        self.fd, self._write_fd = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def drain(self) -> None:
        """Forget the signals so far; to be called before waitpid()."""
        with contextlib.suppress(BlockingIOError):
            while len(os.read(self.fd, 512)) == 512:
                pass

    def close(self) -> None:
        """Close the pipe, in a fork that makes its own."""
        signal.set_wakeup_fd(-1)
        os.close(self.fd)
        os.close(self._write_fd)
