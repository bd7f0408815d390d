"""The leader's node in ZooKeeper, as Mesos's masters wrote it: how clients with a `zk://` address find it.

It is told there who leads, not decided: that is the election's. The client, kazoo, has threads of its own, and what
it does may block: all of it is in one more thread, and nothing here holds up the master, or ends it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable
from typing import Any

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException, NodeExistsError, NoNodeError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.retry import KazooRetry
from kazoo.security import OPEN_ACL_UNSAFE, make_acl

from .address import ZooKeeperAddress

__all__ = ["Announcer"]

log = logging.getLogger("ostrom.announce")

LABEL = "json.info_"
"""How the node's name begins; ZooKeeper adds ten digits. Clients take the one with the least."""
SESSION_TIMEOUT = 10.0
"""Seconds until ZooKeeper removes the node of a master that is lost; Mesos's."""
CALL_TIMEOUT = 5.0
CONNECT_AGAIN = 2.0
"""Seconds between attempts to connect, at most."""
FIRST_PAUSE, LAST_PAUSE = 0.5, 10.0
STOP_TIMEOUT = 2.0
"""Seconds that a master which ends waits for its node to be removed; else it goes with the session."""


class Announcer:
    """Keeps one node below a path of ZooKeeper's while `leads` says so, from `start` to `stop`.

    `cluster` names the masters of which one leads (default: the one that starts): what an earlier leader of them has
    left there is removed, should its session not have ended yet.
    """

    def __init__(
        self,
        address: ZooKeeperAddress,
        cluster: str | None = None,
        session_timeout: float = SESSION_TIMEOUT,
    ) -> None:
        self._address = address
        self._cluster = cluster
        self._session_timeout = session_timeout
        self._thread: threading.Thread | None = None
        self._describe: Callable[[], bytes]
        self._leads: Callable[[], bool]
        self._again = threading.Event()
        self._stopping = False
        self._trouble = ""
        self._client: Any = None

    def start(self, place: str, describe: Callable[[], bytes], leads: Callable[[], bool]) -> None:
        """Begin, and return at once: the node is there when ZooKeeper can be reached.

        `place` is the master's address. `describe` and `leads` are called in a thread; `describe`, for what the node
        says, a JSON object, may raise OSError: then again later.
        """
        if self._thread is not None:
            raise RuntimeError("it was started already")
        self._cluster = self._cluster or place
        self._describe, self._leads = describe, leads
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Have the node removed as soon as that can be, and return at once."""
        self._stopping = True
        self._again.set()

    async def stop(self) -> None:
        """Return when the node is removed, or after two seconds; at once if ZooKeeper cannot be reached now."""
        self.end()
        if self._thread is not None and self._client is not None and self._client.connected:
            await asyncio.to_thread(self._thread.join, STOP_TIMEOUT)

    # In the thread.

    def _run(self) -> None:
        address = self._address
        auth = [("digest", f"{address.user}:{address.password}")] if address.user else []
        # As Mesos: whoever can, reads; with a password only who has it writes.
        acl = (
            [make_acl("world", "anyone", read=True), make_acl("auth", "", all=True)]
            if auth
            else OPEN_ACL_UNSAFE
        )
        quiet = log.getChild("zookeeper")
        quiet.setLevel(logging.CRITICAL)
        client = self._client = KazooClient(
            ",".join(address.hosts),
            self._session_timeout,
            auth_data=auth,
            connection_retry=KazooRetry(max_tries=-1, delay=0.1, max_delay=CONNECT_AGAIN),
            logger=quiet,
        )
        client.add_listener(lambda _: self._again.set())
        client.start_async()
        pause = FIRST_PAUSE
        waited: float | None = CALL_TIMEOUT
        try:
            while not self._stopping:
                self._again.wait(waited)
                self._again.clear()
                if self._stopping:
                    return
                if not client.connected:
                    self._note("it cannot be reached")
                    waited = None
                    continue
                try:
                    self._settle(client, acl)
                except (KazooException, KazooTimeoutError, OSError) as error:
                    self._note(str(error) or type(error).__name__)
                    waited, pause = pause, min(2 * pause, LAST_PAUSE)
                else:
                    waited, pause, self._trouble = None, FIRST_PAUSE, ""
        finally:
            self._leave(client)

    def _leave(self, client: Any) -> None:
        """End the session, and the node with it."""
        try:
            client.stop()
            client.close()
        except KazooException as error:
            log.warning("%s is not left in order, the node goes with its session: %s", self._address, error)

    def _note(self, trouble: str) -> None:
        """Tell what is wrong: once."""
        if trouble != self._trouble:
            log.warning(
                "%s does not say that this master leads, it is tried again: %s", self._address, trouble
            )
        self._trouble = trouble

    def _settle(self, client: Any, acl: Any) -> None:
        """Make it so that this leader's node is there, once, and none of an earlier one's."""
        if not self._leads():
            return
        path, data, session = self._address.path, self._data(), client.client_id
        if session is None:
            # It has just ended; the next one is told of.
            return
        self._make_path(client, acl)
        names = client.get_children_async(path, watch=lambda _: self._again.set()).get(timeout=CALL_TIMEOUT)
        mine = ""
        for name in sorted(name for name in names if name.startswith(LABEL)):
            place = f"{path}/{name}"
            try:
                found, stat = client.get_async(place).get(timeout=CALL_TIMEOUT)
                own = stat.ephemeralOwner == session[0]
                if own and found == data and not mine:
                    mine = name
                elif own or _cluster_of(found) == self._cluster:
                    client.delete_async(place).get(timeout=CALL_TIMEOUT)
                    log.info("%s/%s is removed", self._address, name)
            except NoNodeError:
                continue
        if not mine and self._leads():
            place = client.create_async(f"{path}/{LABEL}", data, acl=acl, ephemeral=True, sequence=True).get(
                timeout=CALL_TIMEOUT
            )
            log.info("%s%s says that this master leads", self._address, place.removeprefix(path))

    def _make_path(self, client: Any, acl: Any) -> None:
        """Create the path, if it is not there, with all above it."""
        if client.exists_async(self._address.path).get(timeout=CALL_TIMEOUT) is not None:
            return
        place = ""
        for part in self._address.path[1:].split("/"):
            place = f"{place}/{part}"
            try:
                client.create_async(place, b"", acl=acl).get(timeout=CALL_TIMEOUT)
            except NodeExistsError:
                continue

    def _data(self) -> bytes:
        """What the node says: what clients know, and whose it is."""
        return json.dumps({**json.loads(self._describe()), "ostrom": {"cluster": self._cluster}}).encode()


def _cluster_of(data: bytes) -> str | None:
    """The name of the masters whose node says this; None if it is not one of ours."""
    try:
        said = json.loads(data)
        name = said["ostrom"]["cluster"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return name if isinstance(name, str) else None
