"""One system's dealings with others: what it sends through its transport, and what comes from there."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

from .actor import Actor
from .asks import Asks
from .directory import Directory
from .errors import PeerGoneError, RemoteError
from .links import NOCONNECTION, NOPROC, Links
from .message import Message, MessageMeta
from .transport import Transport
from .upid import UPID, Address, format_address, valid_id
from .wire import Envelope, Exited, Failure, Link, MalformedError, UnknownBody, Unlink

__all__ = ["Peers"]

log = logging.getLogger("ostrom.actors")

MAX_SOUND_IDS = 65_536
"""Ids from other systems that are known to be well-formed: cheaper to look up than to check again."""
MAX_COMPLAINED = 10_000
"""Peers that are logged as malformed; more are counted only."""


class Peers:
    """The receiver of a system's transport.

    `enqueue` puts an item into a local mailbox, `fire` ends a link and tells the watcher, `dead_letter` counts
    what nobody handled.
    """

    def __init__(
        self,
        directory: Directory,
        asks: Asks,
        links: Links,
        counters: Counter[str],
        enqueue: Callable[[Actor, tuple[Any, UPID | None, Any]], None],
        fire: Callable[[UPID, UPID, str], None],
        dead_letter: Callable[[UPID, Any, UPID | None, str], None],
    ) -> None:
        self._directory = directory
        self._asks = asks
        self._links = links
        self._counters = counters
        self._enqueue = enqueue
        self._fire = fire
        self._dead_letter = dead_letter
        self._transport: Transport | None = None
        self._complained: set[str] = set()
        self._sound_ids: set[str] = set()

    def connect(self, transport: Transport | None) -> None:
        """From now on send through that transport; None: not any more."""
        self._transport = transport

    def send(self, to: UPID, message: Message, sender: UPID | None, number: int) -> None:
        """Send a message of a local actor; `number` is an ask's, or 0."""
        envelope = (to.id, sender.id if sender is not None else "", number, message)
        if type(type(message)) is not MessageMeta:
            # It would be encoded, and the other system would close the connection.
            self.undeliverable(to.address, envelope, f"{type(message).__name__} is no Message")
        elif self._transport is None:
            self.undeliverable(to.address, envelope, "the actor system is not running")
        else:
            self._transport.send(to.address, envelope)

    def control(self, peer: Address, message: Message) -> None:
        """Send a message of the system itself."""
        self.post(peer, ("", "", 0, message))

    def post(self, peer: Address, envelope: Envelope) -> None:
        """Send an envelope."""
        if self._transport is None:
            self.undeliverable(peer, envelope, "the actor system is not running")
        else:
            self._transport.send(peer, envelope)

    # From the transport.

    def receive(self, peer: Address, envelopes: list[tuple[str, str, int, Any]]) -> None:
        """Take what came from another system (called by the transport)."""
        actors = self._directory.actors
        for to, sender_id, number, body in envelopes:
            if number < 0:
                self._receive_reply(peer, -number, body)
                continue
            if not to:
                self._receive_control(peer, body)
                continue
            if sender_id and sender_id not in self._sound_ids:
                self._check_id(sender_id)
            sender = UPID.at(sender_id, peer) if sender_id else None
            answer = (number, peer, sender_id) if number else None
            actor = actors.get(to)
            if actor is not None and type(type(body)) is MessageMeta:
                self._enqueue(actor, (body, sender, answer))
                continue
            reason = NOPROC if actor is None else getattr(body, "reason", "an empty message")
            self._dead_letter(UPID.at(to, self._directory.address), body, sender, reason)
            if answer is not None:
                kind = NOPROC if actor is None else "ValidationError"
                self.post(peer, (sender_id, to, -number, Failure(kind, reason)))

    def _check_id(self, id_: str) -> None:
        if not valid_id(id_):
            raise MalformedError(f"{id_[:200]!r} is not the id of an actor")
        if len(self._sound_ids) >= MAX_SOUND_IDS:
            self._sound_ids.clear()
        self._sound_ids.add(id_)

    def _receive_reply(self, peer: Address, number: int, body: Any) -> None:
        names = self._peer_names(peer)
        for name in names:
            if isinstance(body, Failure):
                error: Exception = (
                    PeerGoneError(f"{format_address(peer)}: {body.text}")
                    if body.kind == NOPROC
                    else RemoteError(body.kind, body.text)
                )
                if self._asks.fail(number, error, name):
                    return
            elif isinstance(body, UnknownBody):
                if self._asks.fail(number, RemoteError("ValidationError", body.reason), name):
                    return
            elif self._asks.reply(number, body, name):
                return
        self._counters["late_replies"] += 1

    def _receive_control(self, peer: Address, body: Any) -> None:
        if isinstance(body, Link):
            self._check_id(body.watcher)
            watcher, target = UPID.at(body.watcher, peer), UPID.at(body.target, self._directory.address)
            if target.id in self._directory.actors:
                self._links.link(watcher, target, peer)
            else:
                self.control(peer, Exited(body.watcher, body.target, NOPROC))
        elif isinstance(body, Unlink):
            self._links.unlink(UPID.at(body.watcher, peer), UPID.at(body.target, self._directory.address))
        elif isinstance(body, Exited):
            for name in self._peer_names(peer):
                self._fire(
                    UPID.at(body.watcher, self._directory.address), UPID.at(body.target, name), body.reason
                )
        else:
            self._dead_letter(UPID.at("", self._directory.address), body, None, "not a control message")

    def _peer_names(self, peer: Address) -> list[Address]:
        return [peer] if self._transport is None else sorted(self._transport.names(peer))

    def peer_lost(self, peer: Address, reason: str, *, nobody: bool = False) -> None:
        """Tell whoever is linked across that connection, or waits for a reply over it."""
        self._counters["peers_lost"] += 1
        log.debug("lost %s: %s", format_address(peer), reason)
        self._asks.fail_peer(peer, reason)
        for watcher, target in self._links.across(peer):
            if watcher.address == self._directory.address:
                self._fire(watcher, target, NOPROC if nobody else NOCONNECTION)
            else:
                self._links.take(watcher, target)

    def undeliverable(self, peer: Address, envelope: Envelope, reason: str) -> None:
        """Count and log what could not be sent; whoever waits for an answer to it hears it now."""
        to, sender_id, number, message = envelope
        sender = UPID.at(sender_id, self._directory.address) if sender_id else None
        if number >= 0 and to:
            self._dead_letter(UPID.at(to, peer), message, sender, reason)
        if number > 0:
            self._asks.fail(number, PeerGoneError(f"{to}@{format_address(peer)}: {reason}"), None)

    def unencodable(self, peer: Address, envelope: Envelope, reason: str) -> None:
        """Take back what cannot travel, or is too large. The asker of a reply hears it in place of the reply."""
        to, sender_id, number, message = envelope
        if number >= 0 or isinstance(message, Failure):
            self.undeliverable(peer, envelope, reason)
            return
        log.warning("%s: a reply cannot be sent: %s", UPID.at(sender_id, self._directory.address), reason)
        self.post(peer, (to, sender_id, number, Failure("EncodeError", reason)))

    def malformed(self, peer: str, reason: str) -> None:
        """Count what is not our protocol; log it once for each peer."""
        self._counters["malformed_frames"] += 1
        self._complain("%s sent what is not our protocol, connection closed: %s", peer, reason)

    def refused(self, peer: str, reason: str) -> None:
        """Count who was not let in; log it once for each peer."""
        self._counters["peers_refused"] += 1
        self._complain("%s was not let in: %s", peer, reason)

    def _complain(self, text: str, peer: str, reason: str) -> None:
        if peer not in self._complained and len(self._complained) < MAX_COMPLAINED:
            self._complained.add(peer)
            log.warning(text, peer, reason[:1000])
