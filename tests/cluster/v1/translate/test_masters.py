"""Who leads, as frameworks are told."""

from __future__ import annotations

import pytest

from cluster.v1 import types as v1
from cluster.v1.translate.masters import VERSION, master_to


def test_a_master() -> None:
    master = master_to("M", "host", "127.0.0.1:5050")
    # 127.0.0.1 as Mesos writes it on the machines that it runs on.
    assert (master.id, master.ip, master.port, master.version) == ("M", 0x0100007F, 5050, VERSION)
    assert master.address == v1.Address(hostname="host", ip="127.0.0.1", port=5050)
    assert master.pid == "master@127.0.0.1:5050"


@pytest.mark.parametrize(("address", "ip"), [("[::1]:5050", "::1"), ("host.example:5050", None)])
def test_a_master_without_an_ipv4_address(address: str, ip: str | None) -> None:
    master = master_to("M", "host", address)
    assert master.ip == 0
    assert master.address is not None
    assert master.address.ip == ip


def test_clients_can_count_the_version() -> None:
    assert all(part.isdigit() for part in VERSION.split("."))
