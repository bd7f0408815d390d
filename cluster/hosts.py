"""Hosts in the addresses of servers that are not ours."""

from __future__ import annotations

from actors import parse_address

__all__ = ["host_of"]


def host_of(text: str, port: int, what: str) -> str:
    """Return "host:port", with this port if the text has none. ValueError, which says `what` it is of.

    That does not show the port of the text: it may be a password that lacks its @.
    """
    host, colon, given = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, given = text, str(port)
    try:
        if not parse_address(f"{host}:{given}")[1]:
            raise ValueError("port 0")
    except ValueError:
        raise ValueError(f"{what}: {host[:100]!r} is not a host, or its port not one of 1 to 65535") from None
    return f"{host}:{int(given)}"
