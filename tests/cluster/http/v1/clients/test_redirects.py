"""Where each client goes next when a standby answers 307: all of them to the leader, and to its API."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import pytest

from actors import UPID
from cluster.http.standby import redirect

API = "/master/api/v1/scheduler"
ASKED = f"http://standby:5050{API}"


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


def duedil(location: str) -> str:
    """Java: a scheme, and what is there but for Mesos's own path of the API, of which it knows the length."""
    return f"http:{location[: -len('/master/api/v1/scheduler')]}/master/api/v1/scheduler"


def erlang(location: str) -> str:
    """erl_mesos: what stands between two slashes and the next."""
    assert location.startswith("//")
    return f"http://{location[2:].split('/')[0]}/api/v1/scheduler"


def pymesos(location: str) -> str:
    return f"http://{urlsplit(location).netloc or location}/api/v1/scheduler"


@pytest.mark.parametrize("client", [requests_, host_only, mesos_framework, duedil, erlang, pymesos])
@pytest.mark.parametrize("host", ["10.0.0.7", "leader.example.org"])
def test_the_leader_is_found(client: Callable[[str], str], host: str) -> None:
    answer = redirect(UPID("master", host, 15050), API)
    assert answer.status == 307
    assert client(answer.headers["Location"]) in (
        f"http://{host}:15050/master/api/v1/scheduler",
        f"http://{host}:15050/api/v1/scheduler",
    )


def test_usi_tries_its_next_master() -> None:
    """Scala: a URL has a scheme, or it is none, and the next of the masters that it knows is asked."""
    location = redirect(UPID("master", "10.0.0.7", 15050), API).headers["Location"]
    assert not urlsplit(location).scheme


def test_what_asks_where_the_leader_is() -> None:
    """Java (skytix): GET /redirect, a scheme before what it says, and the API's path behind it."""
    location = redirect(UPID("master", "10.0.0.7", 15050)).headers["Location"]
    assert f"http:{location}/api/v1/scheduler" == "http://10.0.0.7:15050/api/v1/scheduler"


def test_mesos_rxjava_asks_before_it_begins() -> None:
    answer = redirect(UPID("master", "10.0.0.7", 15050))
    place = urlsplit(urljoin(ASKED, answer.headers["Location"]))
    assert (place.scheme, place.netloc) == ("http", "10.0.0.7:15050")
