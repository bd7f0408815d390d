"""Whom containers run as, and what they cannot become."""

from __future__ import annotations

import asyncio
import pwd
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from isolation import ContainerSpec, Launcher, NamespaceIsolator, RightsIsolator, User, isolators_named
from isolation.rights import CAPABILITIES, DOCKER, capabilities_named
from tests.isolation.box import Box

NOBODY = pwd.getpwnam("nobody")
STATUS = "cat /proc/self/status"


async def status(box: Box, isolator: RightsIsolator, **fields: Any) -> dict[str, str]:
    async with asyncio.timeout(30), Launcher([isolator]) as launcher:
        end = await (await launcher.launch(box.shell(STATUS, **fields))).wait()
        assert end.code == 0, (end, box.err)
    return dict(line.split(":\t", 1) for line in box.out.splitlines())


@pytest.mark.asyncio
async def test_the_user_of_the_spec_or_else_the_default(box: Box) -> None:
    told = await status(box, RightsIsolator(), user=User.named("nobody"))
    assert told["Uid"].split() == [str(NOBODY.pw_uid)] * 4
    assert told["Gid"].split() == [str(NOBODY.pw_gid)] * 4
    assert (int(told["CapPrm"], 16), int(told["CapEff"], 16), told["NoNewPrivs"]) == (0, 0, "1")
    (box.path / "stdout").unlink()
    told = await status(box, RightsIsolator(user=User(12345, 12346, (12347,))))
    assert (told["Uid"].split()[0], told["Gid"].split()[0]) == ("12345", "12346")
    assert told["Groups"].split() == ["12347"]


@pytest.mark.asyncio
async def test_the_user_of_the_spec_without_an_isolator(box: Box) -> None:
    async with asyncio.timeout(30), Launcher() as launcher:
        await (await launcher.launch(box.shell("id -u", user=User(12345, 12345)))).wait()
    assert box.out == "12345\n"


@pytest.mark.asyncio
@pytest.mark.parametrize("user", [None, User(0, 0), User(0, 1000)])
async def test_root_is_refused_unless_it_is_allowed(box: Box, user: User | None) -> None:
    async with asyncio.timeout(30), Launcher([RightsIsolator()]) as launcher:
        with pytest.raises(ValueError, match=r"ContainerSpec\.user: .*it would be root"):
            await launcher.launch(box.shell("true", user=user))
    told = await status(box, RightsIsolator(allow_root=True), user=user)
    assert told["Uid"].split()[0] == "0"


def bits(names: Collection[str]) -> int:
    return sum(1 << number for number in capabilities_named(names))


@pytest.mark.asyncio
async def test_root_has_what_is_left_to_it_and_no_more(box: Box) -> None:
    told = await status(box, RightsIsolator(allow_root=True))
    assert (int(told["CapBnd"], 16), int(told["CapEff"], 16)) == (bits(DOCKER), bits(DOCKER))
    (box.path / "stdout").unlink()
    told = await status(box, RightsIsolator(allow_root=True, capabilities=["CAP_KILL"], no_new_privs=False))
    assert (int(told["CapEff"], 16), told["NoNewPrivs"]) == (1 << 5, "0")


@pytest.mark.asyncio
async def test_root_without_the_right_to_mount_cannot_undo_what_is_read_only(box: Box) -> None:
    isolators = [NamespaceIsolator(read_only=(Path("/usr"),)), RightsIsolator(allow_root=True)]
    line = f"mount -o remount,rw /usr; umount /usr; touch /usr/{box.marker} || echo refused"
    async with asyncio.timeout(30), Launcher(isolators) as launcher:
        await (await launcher.launch(box.shell(line))).wait()
    assert box.out == "refused\n"


@pytest.mark.asyncio
async def test_another_user_takes_rights_of_ours(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isolation.rights.effective_capabilities", frozenset)
    isolator = RightsIsolator()
    assert isolator.support()["user"] == "takes CAP_SETUID and CAP_SETGID"
    async with asyncio.timeout(30), Launcher([isolator]) as launcher:
        with pytest.raises(
            ValueError, match=r"ContainerSpec\.user: 12345: another user than ours takes CAP_SETUID"
        ):
            await launcher.launch(box.shell("true", user=User(12345, 12345)))


def test_users_by_name() -> None:
    assert (User.named("root").uid, User.named("nobody").uid) == (0, NOBODY.pw_uid)
    with pytest.raises(ValueError, match="there is no user 'no-such-user' here"):
        User.named("no-such-user")
    with pytest.raises(ValueError, match="there is no user"):
        User.named("a\0b")


def test_a_user_that_is_none(box: Box) -> None:
    with pytest.raises(ValueError, match=r"ContainerSpec\.user: 'nobody' must be a User"):
        box.shell("true", user="nobody")
    assert isinstance(box.shell("true"), ContainerSpec)


def test_capabilities_by_name() -> None:
    assert capabilities_named(["CAP_CHOWN", "sys_admin", "checkpoint_restore"]) == {0, 21, 40}
    assert len(CAPABILITIES) == 41
    with pytest.raises(ValueError, match="capability 'fly' is not known"):
        RightsIsolator(capabilities=["fly"])


def test_by_name() -> None:
    (isolator,) = isolators_named("rights", "x")
    assert set(isolator.support()) == {"user", "capabilities", "no_new_privs"}
    with pytest.raises(ValueError, match="has rights twice"):
        isolators_named("rights,rights-root", "x")
