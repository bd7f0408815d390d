"""Where each client goes next when a standby answers 307: all of them to the leader, and to its API."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import pytest

from actors import UPID
from cluster.http.standby import redirect

ASKED = "http://standby:5050/api/v1/scheduler"


def requests_(location: str) -> str:
    """Python's requests (mesoshttp, avmesos), Go's own client (mesos-compose), curl -L: there, as it was."""
    return urljoin(ASKED, location)


def host_only(location: str) -> str:
    """mesos-go and mesos-go-http: the same URL with another host."""
    host = urlsplit(location).netloc
    assert host.rpartition(":")[2].isdigit()
    return urlsplit(ASKED)._replace(netloc=host).geturl()


def mesos_framework(location: str) -> str:
    """JavaScript: what is between colons, with or without a scheme."""
    parts = location.replace("//", "").split(":")
    first = 0 if len(parts) > 2 else -1
    host, port = parts[first + 1], parts[first + 2].split("/")[0]
    return f"http://{host}:{port}/api/v1/scheduler"


def usi(location: str) -> str:
    """Scala: a URL, which has a scheme, and the API's path behind it."""
    assert urlsplit(location).scheme
    return location + "/api/v1/scheduler"


def pymesos(location: str) -> str:
    return f"http://{urlsplit(location).netloc or location}/api/v1/scheduler"


@pytest.mark.parametrize("client", [requests_, host_only, mesos_framework, usi, pymesos])
@pytest.mark.parametrize("host", ["10.0.0.7", "leader.example.org"])
def test_the_leader_is_found(client: Callable[[str], str], host: str) -> None:
    answer = redirect(UPID("master", host, 15050), "/api/v1/scheduler")
    assert answer.status == 307
    there = client(answer.headers["Location"])
    assert there.startswith(f"http://{host}:15050/api/v1/scheduler")
    # Also with what it puts behind it, which is served as without: see test_jvm.
    assert there.removeprefix(f"http://{host}:15050") in ("/api/v1/scheduler", "/api/v1/scheduler" * 2)


def test_mesos_rxjava_asks_before_it_begins() -> None:
    answer = redirect(UPID("master", "10.0.0.7", 15050))
    place = urlsplit(urljoin(ASKED, answer.headers["Location"]))
    assert (place.scheme, place.netloc) == ("http", "10.0.0.7:15050")
