"""Where etcd is, and how to get in, as people write it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

from cluster.hosts import host_of

__all__ = ["EtcdAddress"]

SCHEME = "etcd://"
PORT = 2379
OPTIONS = ("ca", "cert", "key", "password_file", "tls")


@dataclass(frozen=True)
class EtcdAddress:
    """The members of an etcd cluster, "host:port" each, and the path under which all keys are.

    `ca`, `cert` and `key` name PEM files: the authority that signed the members' certificates (else the system's
    authorities), and the certificate that this client shows. No text that is made of an address has the password.
    """

    hosts: tuple[str, ...]
    path: str
    user: str = ""
    password: str = field(default="", repr=False)
    ca: str = ""
    cert: str = ""
    key: str = ""
    tls: bool = False
    password_file: str = ""

    @classmethod
    def parse(cls, text: str) -> EtcdAddress:
        """Parse `etcd://[user[:password]@]host[:2379][,host[:port]...]/path[?ca=FILE&cert=FILE&key=FILE&...]`.

        The other options are `tls=yes`, which any of the three files implies, and `password_file=FILE`, which is read
        here. What would be taken for a part of the address is percent-encoded. ValueError says what is wrong.
        """
        if not text.startswith(SCHEME):
            raise ValueError(f"an etcd address begins with {SCHEME}")
        # Whatever may be a password, if wrongly written, is left of the last @: nothing of that is ever shown.
        login, at, place = text.removeprefix(SCHEME).rpartition("@")
        if any(mark in login for mark in "/?#@"):
            raise ValueError(
                "etcd address: /, ?, # and @ are percent-encoded in user, password and file names (%2F %3F %23 %40)"
            )
        user, _, password = (unquote(part) for part in login.partition(":"))
        if at and not user:
            raise ValueError("etcd address: there is no user before the @")
        place, _, query = place.partition("?")
        hosts, _, path = place.partition("/")
        path = unquote(path).strip("/")
        if not path:
            raise ValueError(f"etcd address: a path for the keys is missing, as in {SCHEME}host/ostrom")
        options = _options(query)
        tls = _tls(options)
        password_file = options.get("password_file", "")
        if password_file:
            if password or not user:
                raise ValueError("etcd address: password_file goes with a user, and instead of a password")
            password = _read(password_file)
        if user and not password:
            raise ValueError(
                f"etcd address: user {user!r} has no password (user:password@, or password_file=)"
            )
        return cls(
            hosts=tuple(host_of(host, PORT, "etcd address") for host in hosts.split(",")),
            path=f"/{path}",
            user=user,
            password=password,
            ca=options.get("ca", ""),
            cert=options.get("cert", ""),
            key=options.get("key", ""),
            tls=tls,
            password_file=password_file,
        )

    def tls_context(self) -> ssl.SSLContext | None:
        """What connections are made with; None without TLS. ValueError naming a file that is no good."""
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca or None)
        except (OSError, ssl.SSLError) as error:
            raise ValueError(f"etcd address: ca {self.ca}: {error}") from error
        if self.cert:
            try:
                # An empty passphrase: one that needs another fails, rather than to ask at the terminal.
                context.load_cert_chain(self.cert, self.key or None, password="")
            except (OSError, ssl.SSLError) as error:
                raise ValueError(f"etcd address: cert {self.cert}, key {self.key}: {error}") from error
        return context

    def __str__(self) -> str:
        """The address as it may be shown: without the password."""
        login = f"{quote(self.user, safe='')}@" if self.user else ""
        options = [f"{name}={quote(value)}" for name in OPTIONS[:-1] if (value := getattr(self, name))]
        if self.tls and not (self.ca or self.cert):
            options.append("tls=yes")
        query = f"?{'&'.join(options)}" if options else ""
        return f"{SCHEME}{login}{','.join(self.hosts)}{quote(self.path)}{query}"


def _options(query: str) -> dict[str, str]:
    """What follows the question mark. ValueError naming what is not an option."""
    options: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        # Not as in forms: a + in the name of a file is a +.
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError("etcd address: after the ? comes name=value[&name=value...]")
        if name not in OPTIONS:
            raise ValueError(f"etcd address: no option {name[:40]!r}, use {', '.join(OPTIONS)}")
        if name in options or not value:
            raise ValueError(f"etcd address: {name} must be given once, and not be empty")
        options[name] = unquote(value)
    return options


def _tls(options: dict[str, str]) -> bool:
    """Whether these ask for TLS. ValueError if they contradict each other."""
    asked = options.get("tls")
    if asked not in (None, "yes", "no"):
        raise ValueError("etcd address: tls is yes or no")
    if "key" in options and "cert" not in options:
        raise ValueError("etcd address: key without cert")
    files = "ca" in options or "cert" in options
    if asked == "no" and files:
        raise ValueError("etcd address: tls=no, but ca or cert is given")
    return asked == "yes" or files


def _read(path: str) -> str:
    """The password in a file, without the end of its line. ValueError if there is none."""
    try:
        password = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ValueError(f"etcd address: password_file {path}: {why}") from None
    if not password:
        raise ValueError(f"etcd address: password_file {path} is empty")
    return password
