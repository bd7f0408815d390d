"""Ports held by looking: which listeners are found, whose they are, and who is ended for them."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from isolation import Launcher, Limits, PortsCheck
from isolation.ports import Listener, parse_listeners
from tests.isolation.box import Box, eventually
from tests.isolation.looking import FakeContainer, FakeProc, Timers

pytestmark = pytest.mark.asyncio

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
TCP = (
    HEAD
    + """\
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0
   2: 0100007F:C001 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 4713 1 0 20 4 30 10 -1
   3: cut
"""
)
TCP6 = (
    HEAD
    + """\
   0: 00000000000000000000000001000000:7918 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4714 1 0
"""
)


class World:
    """Keeper 10 has process 11, and keeper 20 process 21, with the sockets that a test gives them."""

    def __init__(self, path: Path) -> None:
        self.box = Box(path, "marker")
        self.proc = FakeProc(path / "proc")
        for keeper in (10, 20):
            self.proc.put(keeper, 1)
            self.proc.put(keeper + 1, keeper, name="serve")
            (self.proc.path / str(keeper + 1) / "fd").mkdir()
        (self.proc.path / "net").mkdir()
        (self.proc.path / "net" / "tcp").write_text(TCP)
        self.timers = Timers()
        self.ports = PortsCheck(30.0, proc=self.proc.path, call_later=self.timers)

    def open(self, pid: int, *inodes: int) -> None:
        for number, inode in enumerate(inodes):
            (self.proc.path / str(pid) / "fd" / str(number)).symlink_to(f"socket:[{inode}]")
        (self.proc.path / str(pid) / "fd" / "99").symlink_to("/dev/null")

    def watch(
        self, name: str, keeper: int, ports: tuple[tuple[int, int], ...] | None, within: str = ""
    ) -> FakeContainer:
        container = FakeContainer(name, keeper)
        spec = self.box.spec("x", id=name, limits=Limits(ports=ports), within=within)
        self.ports.watch(container, spec, container.reported.append)
        return container


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.skipif(sys.byteorder == "big", reason="the lines are of a machine with the other order of bytes")
async def test_the_table_of_sockets() -> None:
    assert list(parse_listeners(TCP.encode())) == [
        Listener("127.0.0.1", 8080, 4711),
        Listener("0.0.0.0", 80, 4712),  # noqa: S104 (only read)
    ]
    assert list(parse_listeners(TCP6.encode())) == [Listener("::1", 31000, 4714)]


async def test_who_listens_on_what_it_was_not_given_is_reported(world: World) -> None:
    container = world.watch("c", 10, ((80, 80), (31000, 31999)))
    good = world.watch("d", 20, ((80, 80),))
    world.open(11, 4713, 4712, 4711)
    world.open(21, 4713, 4712)
    for _ in range(2):
        await world.ports.look()
    assert container.texts == [
        "ports limit 80, 31000-31999: process 11 ('serve') listens on port 8080 of 127.0.0.1"
    ]
    assert (container.reported[0].kind, good.reported) == ("ports", [])


async def test_no_ports_at_all_leaves_those_of_clients(world: World) -> None:
    container = world.watch("c", 10, ())
    world.open(11, 4713)
    await world.ports.look()
    assert container.reported == []
    (world.proc.path / "net" / "tcp6").write_text(TCP6)
    (world.proc.path / "11" / "fd" / "7").symlink_to("socket:[4714]")
    await world.ports.look()
    assert container.texts == ["ports limit (none): process 11 ('serve') listens on port 31000 of ::1"]


async def test_other_limits_while_it_runs_and_while_it_is_looked_at(world: World) -> None:
    container = world.watch("c", 10, None)
    unknown = FakeContainer("u", 20)
    world.ports.watch(unknown, None, unknown.reported.append)
    world.open(11, 4711)
    world.open(21, 4711)
    assert world.timers.waiting == []
    await world.ports.look()
    world.ports.update(container, Limits(ports=()))
    looking = asyncio.ensure_future(world.ports.look())
    await asyncio.sleep(0)
    # It was given the port in this moment.
    world.ports.update(container, Limits(ports=((8080, 8080),)))
    await looking
    await world.timers.next()
    assert world.timers.waiting[0].seconds == 30.0
    assert (container.reported, unknown.reported) == ([], [])
    world.ports.update(container, Limits(ports=((8081, 8090),)))
    await world.timers.next()
    assert len(container.reported) == 1


async def test_what_is_within_has_the_ports_of_the_other(world: World) -> None:
    part = world.watch("part", 20, None, within="c")
    container = world.watch("c", 10, ((8080, 8080),))
    world.open(21, 4711)
    await world.ports.look()
    assert container.reported == []
    world.open(11, 4712)
    await world.ports.look()
    assert len(container.reported) == len(part.reported) == 1


async def test_ports_that_the_kernel_hands_out_may_be_free_if_they_are_nobody_elses(world: World) -> None:
    kernel = world.proc.path / "sys" / "net" / "ipv4"
    kernel.mkdir(parents=True)
    (kernel / "ip_local_port_range").write_text("8000\t9000\n")
    world.open(11, 4711)
    strict = world.watch("c", 10, ())
    await world.ports.look()
    assert len(strict.reported) == 1
    world.ports = PortsCheck(ephemeral=True, proc=world.proc.path, call_later=world.timers)
    container = world.watch("c", 10, ())
    other = world.watch("d", 20, ((8081, 8090),))
    await world.ports.look()
    assert container.reported == []
    world.ports.update(other, Limits(ports=((8080, 8090),)))
    await world.ports.look()
    assert container.texts == ["ports limit (none): process 11 ('serve') listens on port 8080 of 127.0.0.1"]
    serving = world.watch("e", 20, ((1, 2),))
    world.open(21, 4712)
    await world.ports.look()
    assert len(serving.reported) == 1


async def test_processes_that_end_meanwhile_are_passed_over(world: World) -> None:
    container = world.watch("c", 10, ())
    world.watch("gone", 0, ())
    (world.proc.path / "11" / "fd").rmdir()
    await world.ports.look()
    assert container.reported == []


async def test_where_there_is_no_table(tmp_path: Path) -> None:
    assert PortsCheck(proc=tmp_path).support() == {"ports": f"there is no {tmp_path}/net/tcp"}
    assert PortsCheck().support() == {"ports": None}


LISTENER = """
import socket, sys, time
s = socket.create_server(("{host}", {port}), family=socket.{family})
print(s.getsockname()[1], flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", "AF_INET"), ("::1", "AF_INET6")])
async def test_a_real_listener_on_any_address(box: Box, host: str, family: str) -> None:
    code = LISTENER.format(host=host, port=0, family=family)
    async with asyncio.timeout(60), Launcher([PortsCheck(0.05)]) as launcher:
        quiet = await launcher.launch(box.shell("exec sleep 600", id="d", limits=Limits(ports=())))
        container = await launcher.launch(
            box.spec(sys.executable, "-I", "-S", "-c", code, limits=Limits(ports=((1, 2),)))
        )
        end = await container.wait()
        assert end.limitation is not None
        assert end.limitation.text.startswith(f"ports limit 1-2: process {container.pid} (")
        assert end.limitation.text.endswith(f") listens on port {box.out.strip()} of {host}")
        assert not quiet.ended
        await quiet.destroy()


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


CLIENT = """
import socket, time
s = socket.create_connection(("127.0.0.1", {port}))
print("connected", flush=True)
time.sleep(600)
"""


async def test_a_real_client_and_one_with_its_own_port_are_left_alone(
    box: Box, server: socket.socket
) -> None:
    ports = PortsCheck(600)
    code = CLIENT.format(port=server.getsockname()[1])
    async with asyncio.timeout(60), Launcher([ports]) as launcher:
        client = await launcher.launch(
            box.spec(sys.executable, "-I", "-S", "-c", code, limits=Limits(ports=()))
        )
        await eventually(lambda: "connected" in box.out)
        for _ in range(2):
            await ports.look()
        code = LISTENER.format(host="127.0.0.1", port=0, family="AF_INET")
        serving = await launcher.launch(
            box.spec(
                sys.executable,
                "-I",
                "-S",
                "-c",
                code,
                id="s",
                stdout=box.path / "port",
                limits=Limits(ports=((1, 65535),)),
            )
        )
        await eventually(lambda: (box.path / "port").exists() and (box.path / "port").read_text().strip())
        await ports.look()
        assert not client.ended
        assert not serving.ended
        port = int((box.path / "port").read_text())
        serving.update(Limits(ports=((1, port - 1), (port + 1, 65535))))
        await ports.look()
        assert (await serving.wait()).limitation is not None
        assert not client.ended
