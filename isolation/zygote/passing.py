"""Sockets that are passed through sockets."""

from __future__ import annotations

import array
import socket
import struct

PEER = struct.Struct("3i")
"""What SO_PEERCRED tells: pid, uid, gid."""


def receive_with_socket(connection: socket.socket, size: int) -> tuple[bytes, socket.socket | None]:
    """Return a message and the socket that came with it; an empty message when the other side is gone."""
    # Not socket.recv_fds(): it has no MSG_CMSG_CLOEXEC.
    space = socket.CMSG_SPACE(struct.calcsize("i"))
    try:
        message, ancillary, _flags, _address = connection.recvmsg(size, space, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        return b"", None
    fds = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return message, socket.socket(fileno=fds[0]) if fds else None


def peer_of(connection: socket.socket) -> tuple[int, int]:
    """Return the process id and the user id of who connected, as the kernel tells them."""
    pid, uid, _gid = PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))
    return pid, uid
