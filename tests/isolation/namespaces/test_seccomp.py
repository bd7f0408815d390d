"""System calls that containers cannot make."""

from __future__ import annotations

import asyncio
import errno
import platform
import sys
from pathlib import Path

import pytest

from isolation import (
    Exit,
    Launcher,
    LaunchError,
    RightsIsolator,
    SeccompIsolator,
    Setup,
    User,
    isolators_named,
)
from isolation.isolator import Isolator
from isolation.seccomp import ARCHITECTURES, CALLS, program_refusing
from tests.isolation.box import Box
from tests.isolation.namespaces.setups import Made, run

COLUMN, ARCHITECTURE = ARCHITECTURES[platform.machine()]


async def errors(box: Box, isolators: list[Isolator], numbers: list[int]) -> list[int]:
    """What errno a program gets for each call, with arguments that nothing would come of."""
    script = box.path / "calls.py"
    script.write_text(
        "import ctypes\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        f"for number in {numbers}:\n"
        "    ctypes.set_errno(0)\n"
        "    libc.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6)\n"
        "    print(ctypes.get_errno())\n"
    )
    async with asyncio.timeout(30), Launcher(isolators) as launcher:
        end = await (await launcher.launch(box.spec(sys.executable, str(script)))).wait()
        assert end.code == 0, (end, box.err)
    return [int(line) for line in box.out.split()]


@pytest.mark.asyncio
async def test_the_calls_of_the_table_are_refused_and_others_are_not(box: Box) -> None:
    # Not what could do harm if it were not refused, even with such arguments.
    names = ["bpf", "keyctl", "setns", "mount", "umount2", "fsopen", "io_uring_setup", "open_by_handle_at"]
    numbers = [number for name in names if (number := CALLS[name][COLUMN]) is not None]
    close = {"x86_64": 3, "aarch64": 57}[platform.machine()]
    told = await errors(box, [SeccompIsolator()], [*numbers, close])
    assert told == [errno.EPERM] * len(numbers) + [errno.EBADF]
    (box.path / "stdout").unlink()
    told = await errors(box, [SeccompIsolator(["bpf"])], numbers)
    assert told[0] == errno.EPERM
    assert errno.EPERM not in told[1:]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only x86_64 has a second interface")
@pytest.mark.asyncio
async def test_the_second_interface_is_not_a_way_round(box: Box) -> None:
    assert await errors(box, [SeccompIsolator()], [0x40000000 + 39]) == [errno.ENOSYS]


@pytest.mark.asyncio
async def test_calls_of_another_architecture_end_the_program(box: Box) -> None:
    other = next(each for each in ARCHITECTURES if each != platform.machine())
    setup = Setup(seccomp=program_refusing((), other), no_new_privs=True)
    # It is put on last: what follows is to execute the command.
    async with asyncio.timeout(30), Launcher([Made(setup)]) as launcher:
        end = await (await launcher.launch(box.shell("true"))).wait()
        assert end == Exit(signal=31)


@pytest.mark.asyncio
async def test_with_another_user(box: Box) -> None:
    isolators: list[Isolator] = [RightsIsolator(user=User(12345, 12345)), SeccompIsolator()]
    async with asyncio.timeout(30), Launcher(isolators) as launcher:
        line = "id -u; grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status"
        await (await launcher.launch(box.shell(line))).wait()
    assert box.out.split() == ["12345", "NoNewPrivs:", "1", "Seccomp:", "2"]


@pytest.mark.asyncio
async def test_a_program_that_is_none(box: Box) -> None:
    with pytest.raises(LaunchError, match="filter of system calls: Invalid argument"):
        await run(box, Setup(seccomp=b"\xff" * 8, no_new_privs=True), "true")


def test_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="system call 'fly' is not known"):
        SeccompIsolator(["fly"])
    with pytest.raises(ValueError, match="no table of system calls for 'vax'"):
        program_refusing((), "vax")
    with pytest.raises(ValueError, match="a filter of calls takes it"):
        Setup(seccomp=b"12345678")
    with pytest.raises(ValueError, match="8 bytes"):
        Setup(seccomp=b"1", no_new_privs=True)
    (isolator,) = isolators_named("seccomp", "x")
    assert isolator.support() == {"system calls": None}


@pytest.mark.parametrize(
    ("column", "header"),
    [(0, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), (1, "/usr/include/asm-generic/unistd.h")],
)
def test_the_numbers_are_those_of_the_kernels_headers(column: int, header: str) -> None:
    if not Path(header).exists():
        pytest.skip(f"{header} is not here")
    lines = (line.split() for line in Path(header).read_text().splitlines())
    known = {line[1]: line[2] for line in lines if len(line) >= 3 and line[0] == "#define"}
    for name, numbers in CALLS.items():
        number = numbers[column]
        if number is not None and f"__NR_{name}" in known:
            assert known[f"__NR_{name}"] == str(number), name
