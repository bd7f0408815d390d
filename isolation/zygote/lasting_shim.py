"""A shim whose container outlives the owner, and waits for another."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import select
import socket
import time

from .failure import LaunchFailureError
from .frames import MARKER
from .journal import Entry, Journal
from .killing import Killer, read_file
from .lines import start_of
from .order import Order
from .passing import receive_with_socket
from .shim import Inbox, Shim

LONGEST_WAIT = 3600.0
"""Seconds of one poll(), whose milliseconds are an int."""


class LastingShim(Shim):
    """Records start and end of its containers before it reports them, and waits when its owner is gone.

    `channel` is its lifeline to the zygote, through which the connection to a new owner comes. A container that has
    none for `patience` seconds is destroyed. Without an owner there is nothing to do after that: the shim ends.
    """

    def __init__(
        self,
        connection: socket.socket,
        channel: socket.socket,
        killer: Killer,
        journal: Journal,
        number: int,
        patience: float,
    ) -> None:
        super().__init__(connection, channel.fileno(), killer)
        self._channel = channel
        self._journal = journal
        self._number = number
        self._patience = patience
        self._deadline = math.inf
        self._entry: Entry | None = None
        self._spent = False

    def _next_order(self) -> Order | None:
        if self._spent or self._connection.fileno() < 0:
            return None
        return super()._next_order()

    def _prepare(self, order: Order) -> None:
        try:
            self._entry = self._journal.begin(order.name, self._number)
        except OSError as error:
            raise LaunchFailureError("record", error.errno or errno.EIO) from error
        order.env[MARKER.encode()] = f"{self._journal.epoch}/{order.name}".encode()

    def _failed(self) -> None:
        if self._entry is not None:
            self._entry.withdraw()
            self._entry = None

    def _started(self) -> None:
        if self._entry is not None:
            # Should this fail, it is still found by its shim, and by its marker.
            self._entry.add("started", self._main, start_of(read_file(f"/proc/{self._main}/stat")))

    def _ended(self, end: str) -> None:
        if self._entry is not None:
            # A number stands for one record without an end, so a shim that could not write it runs nothing more.
            self._spent = not self._entry.add(*end.split())
            self._entry.close()
            self._entry = None

    def _wait(self, pause: int | None) -> None:
        if not self._doomed and self._deadline < math.inf:
            left = self._deadline - time.monotonic()
            if left <= 0:
                self._destroy()
                return
            pause = math.ceil(min(left, LONGEST_WAIT) * 1000)
        super()._wait(pause)

    def _owner_gone(self) -> None:
        self._let_go()
        self._deadline = time.monotonic() + self._patience

    def _let_go(self) -> None:
        if self._connection.fileno() >= 0:
            with contextlib.suppress(KeyError):
                self._poller.unregister(self._connection.fileno())
            self._connection.close()

    def _lifeline_stirred(self) -> None:
        """Take the connection to a new owner, or learn that the zygote is gone."""
        message, connection = receive_with_socket(self._channel, 1)
        if connection is not None:
            self._let_go()
            self._connection = connection
            self._inbox = Inbox(connection)
            self._deadline = math.inf
            if not self._doomed:
                self._poller.register(connection.fileno(), select.POLLIN)
            self._report(f"started {os.getpid()} {self._main}")
        elif not message:
            self._poller.unregister(self._lifeline)
            self._destroy()

    def _deafen(self) -> None:
        # The lifeline may still bring a new owner.
        if self._connection.fileno() >= 0:
            self._poller.unregister(self._connection.fileno())

    def _report(self, line: str) -> None:
        if self._connection.fileno() >= 0:
            super()._report(line)
