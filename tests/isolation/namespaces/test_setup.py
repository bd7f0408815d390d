"""What a shim's fork does of the namespaces, mounts, root and hostname in a setup: on a real kernel."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from isolation import Launcher, LaunchError, Mount, Setup, User
from tests.isolation.box import Box
from tests.isolation.namespaces.setups import Made, host_mounts, said

OWN_MOUNTS = frozenset({"mount"})


@pytest.fixture(autouse=True)
def nothing_on_the_host() -> Iterator[None]:
    before = (host_mounts(), socket.gethostname())
    yield
    assert (host_mounts(), socket.gethostname()) == before


@pytest.mark.asyncio
async def test_a_hostname_that_only_it_has(box: Box) -> None:
    setup = Setup(namespaces=frozenset({"uts"}), hostname="inside")
    assert await said(box, setup, "uname -n") == "inside\n"


@pytest.mark.asyncio
async def test_ipc_of_its_own(box: Box) -> None:
    outside = str(Path("/proc/self/ns/ipc").readlink())
    assert (
        await said(box, Setup(namespaces=frozenset({"ipc"})), "readlink /proc/self/ns/ipc")
    ).strip() != outside


@pytest.mark.asyncio
async def test_a_network_with_nothing_but_loopback_which_is_up(box: Box) -> None:
    line = (
        "tail -n +3 /proc/net/dev | cut -d: -f1; cat /proc/net/route | wc -l; cat /proc/net/if_inet6 | wc -l"
    )
    names, routes, addresses = (await said(box, Setup(namespaces=frozenset({"net"})), line)).split()
    assert (names, routes) == ("lo", "1")
    assert int(addresses) <= 1
    (box.path / "stdout").unlink()
    talk = (
        "import socket; s = socket.create_server(('127.0.0.1', 0)); c = socket.create_connection(s.getsockname());"
        " print('connected')"
    )
    script = box.path / "talk.py"
    script.write_text(talk)
    line = f"/usr/bin/env python3 {script}"
    assert await said(box, Setup(namespaces=frozenset({"net"})), line) == "connected\n"


@pytest.mark.asyncio
async def test_mounts_are_made_in_order(box: Box) -> None:
    (box.path / "shown").mkdir()
    (box.path / "shown" / "file").write_text("shown\n")
    mounts = (
        Mount(target=Path("/tmp"), kind="tmpfs", options="size=1m,mode=1777"),
        Mount(target=Path("/mnt"), source=box.path / "shown"),
        Mount(target=Path("/usr"), source=Path("/usr"), read_only=True),
        # Of the host, not of the tmpfs that was mounted just now.
        Mount(target=Path("/opt"), source=Path("/usr")),
    )
    line = (
        f"touch /tmp/{box.marker}; ls /tmp; cat /mnt/file; echo new > /mnt/new; ls /opt/bin/env;"
        " touch /usr/x || echo refused"
    )
    told = await said(box, Setup(namespaces=OWN_MOUNTS, mounts=mounts), line, cwd=Path("/"))
    assert told == f"{box.marker}\nshown\n/opt/bin/env\nrefused\n"
    assert (box.path / "shown" / "new").read_text() == "new\n"
    assert "Read-only file system" in box.err
    assert not Path("/tmp", box.marker).exists()


@pytest.mark.asyncio
async def test_read_only_is_for_what_is_mounted_below_it_too(box: Box) -> None:
    inner = box.path / "outer" / "inner"
    inner.mkdir(parents=True)
    mounts = (
        Mount(target=inner, kind="tmpfs"),
        Mount(target=box.path / "outer", source=box.path / "outer", read_only=True),
    )
    line = f"touch {inner}/x || echo refused; grep -c {inner} /proc/self/mountinfo"
    assert (await said(box, Setup(namespaces=OWN_MOUNTS, mounts=mounts), line)).startswith("refused\n")


def make_root(path: Path) -> tuple[Mount, ...]:
    """A directory as a root: what a shell needs is bound into it."""
    mounts = []
    for name in ("usr", "bin", "lib", "lib64"):
        host = Path("/", name)
        if host.is_symlink():
            (path / name).symlink_to(host.readlink())
        elif host.exists():
            (path / name).mkdir()
            mounts.append(Mount(target=host, source=host, read_only=True))
    for name in ("proc", "tmp", "work"):
        (path / name).mkdir()
    return (*mounts, Mount(target=Path("/proc"), kind="proc"), Mount(target=Path("/tmp"), kind="tmpfs"))


@pytest.mark.asyncio
async def test_a_directory_as_root(box: Box) -> None:
    root = box.path / "root"
    root.mkdir()
    setup = Setup(
        namespaces=OWN_MOUNTS,
        mounts=make_root(root),
        root=root,
        oom_score_adj=300,
        capabilities=frozenset(range(10)),
    )
    line = (
        "echo */; pwd; echo made > made; cd ../..; pwd; cut -d' ' -f5 /proc/self/mountinfo;"
        " cat /proc/self/oom_score_adj"
    )
    lines = (await said(box, setup, line, cwd=Path("/work"))).splitlines()
    assert lines[:3] == ["*/", "/work", "/"]
    assert lines[-1] == "300"
    # Nothing of the host's mounts is left: all of them are the root and what was asked for.
    assert set(lines[3:-1]) <= {"/", "/usr", "/bin", "/lib", "/lib64", "/proc", "/tmp"} | {
        each for each in lines[3:-1] if re.match(r"/usr/|/proc/", each)
    }
    assert lines[3] == "/"
    assert (root / "work" / "made").read_text() == "made\n"
    assert list((root / "tmp").iterdir()) == []


@pytest.mark.asyncio
async def test_links_in_a_root_do_not_lead_mounts_out_of_it(box: Box) -> None:
    root = box.path / "root"
    root.mkdir()
    mounts = make_root(root)
    (root / "real").mkdir()
    victim = box.path / "real"
    victim.mkdir()
    (root / "link").symlink_to(f"../../../../../..{victim}")
    setup = Setup(
        namespaces=OWN_MOUNTS, root=root, mounts=(*mounts, Mount(target=Path("/link"), kind="tmpfs"))
    )
    async with asyncio.timeout(30), Launcher([Made(setup)]) as launcher:
        with pytest.raises(LaunchError, match="mount of tmpfs at /link: No such file"):
            await launcher.launch(box.shell("true", cwd=Path("/work")))


@pytest.mark.asyncio
async def test_a_source_that_a_task_has_made_a_link(box: Box) -> None:
    (box.path / "swapped").symlink_to("/root")
    mount = Mount(target=Path("/mnt"), source=box.path / "swapped")
    async with (
        asyncio.timeout(30),
        Launcher([Made(Setup(namespaces=OWN_MOUNTS, mounts=(mount,)))]) as launcher,
    ):
        with pytest.raises(LaunchError, match=r"mount of .*swapped at /mnt: Too many levels"):
            await launcher.launch(box.shell("true"))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("setup", "text"),
    [
        (
            Setup(
                namespaces=OWN_MOUNTS,
                mounts=(
                    Mount(target=Path("/mnt"), kind="tmpfs"),
                    Mount(target=Path("/no-such"), kind="tmpfs", read_only=True),
                ),
            ),
            "mount of tmpfs at /no-such read-only: No such file",
        ),
        (
            Setup(namespaces=OWN_MOUNTS, mounts=(Mount(target=Path("/mnt"), kind="no-such-kind"),)),
            "mount of no-such-kind at /mnt: No such device",
        ),
        (Setup(namespaces=OWN_MOUNTS, root=Path("/no-such")), "root directory /no-such: No such file"),
        (Setup(namespaces=frozenset({"user"})), "user namespace: Operation not supported"),
        (
            Setup(namespaces=frozenset({"uts"}), hostname="x" * 65),
            "hostname xxx.*: Invalid argument",
        ),
    ],
)
async def test_what_cannot_be_made_says_so_and_leaves_nothing(box: Box, setup: Setup, text: str) -> None:
    async with asyncio.timeout(30), Launcher([Made(setup)]) as launcher:
        with pytest.raises(LaunchError, match=text):
            await launcher.launch(box.shell("true"))
        assert box.processes() == []


@pytest.mark.asyncio
async def test_the_next_command_of_the_same_shim_is_on_the_host(box: Box) -> None:
    made = Made(Setup(namespaces=frozenset({"uts", "mount"}), hostname="inside"))
    async with asyncio.timeout(30), Launcher([made]) as launcher:
        await (await launcher.launch(box.shell("uname -n"))).wait()
        made._setup = Setup()
        await (await launcher.launch(box.shell("uname -n"))).wait()
    assert box.out == f"inside\n{socket.gethostname()}\n"


@pytest.mark.asyncio
async def test_a_setuid_program_gains_nothing_with_no_new_privs(box: Box) -> None:
    programs = box.path / "programs"
    programs.mkdir()
    program = programs / "id"
    program.write_bytes(Path("/usr/bin/id").read_bytes())
    program.chmod(0o4755)
    setup = Setup(
        namespaces=OWN_MOUNTS, mounts=(Mount(target=Path("/mnt"), source=programs),), user=User(65534, 65534)
    )
    assert await said(box, setup, "/mnt/id -u", cwd=Path("/")) == "0\n"
    (box.path / "stdout").unlink()
    setup = dataclasses.replace(setup, no_new_privs=True)
    assert await said(box, setup, "/mnt/id -u", cwd=Path("/")) == "65534\n"


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Setup(hostname="x"), "a hostname takes one of uts"),
        (lambda: Setup(root=Path("/x")), "mounts and a root take one of mounts"),
        (lambda: Setup(mounts=(Mount(target=Path("/x"), kind="tmpfs"),)), "take one of mounts"),
        (lambda: Setup(root=Path("x"), namespaces=OWN_MOUNTS), r"Setup\.root: 'x'"),
        (lambda: Mount(target=Path("x"), kind="tmpfs"), r"Mount\.target: 'x'"),
        (lambda: Mount(target=Path("/x/../y"), kind="tmpfs"), r"Mount\.target: '/x/\.\./y'"),
        (lambda: Mount(target=Path("/x")), r"Mount\.source: 'None'"),
    ],
)
def test_what_would_be_done_to_the_host_cannot_be_asked_for(make: object, text: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=text):
        make()
