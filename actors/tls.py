"""TLS for all that goes through a system's port: messages and HTTP."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Self

__all__ = ["Tls"]


@dataclass(frozen=True, slots=True)
class Tls:
    """How a system proves who it is, and checks who others are.

    `server` is used for connections that come, `client` for those that are made. Systems show each other certificates
    both ways: a `server` context that asks for none (`ssl.CERT_NONE`) lets no other system in. HTTP needs no
    certificate of the client unless the context says `ssl.CERT_REQUIRED`.
    """

    server: ssl.SSLContext
    client: ssl.SSLContext

    @classmethod
    def load(
        cls,
        certificate: str | PathLike[str],
        key: str | PathLike[str],
        authority: str | PathLike[str],
        *,
        check_hosts: bool = True,
    ) -> Self:
        """Load a certificate with its chain, its key, and the authority whose certificates are believed: PEM files.

        With `check_hosts` the certificate of who is dialled must be for the host in its address. FileNotFoundError
        if a file is not there, ValueError if it is not what it should be.
        """
        for field, path in (("certificate", certificate), ("key", key), ("authority", authority)):
            if not Path(path).is_file():
                raise FileNotFoundError(f"TLS {field}: no file {path}")
        server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # Browsers have none; what speaks our protocol is asked for it after the hello.
        server.verify_mode = ssl.CERT_OPTIONAL
        client.check_hostname = check_hosts
        for context in (server, client):
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            try:
                # Without a password OpenSSL asks for one at the terminal.
                context.load_cert_chain(certificate, key, password=_no_password)
            except (OSError, ValueError) as error:
                raise ValueError(f"TLS certificate {certificate} with key {key}: {error}") from error
            try:
                context.load_verify_locations(authority)
            except OSError as error:
                raise ValueError(f"TLS authority {authority}: {error}") from error
        return cls(server, client)


def _no_password() -> str:
    raise ValueError("the key is encrypted; decrypt it, or make the contexts yourself")
