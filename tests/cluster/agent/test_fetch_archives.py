"""Archives: all kinds are extracted, and none writes where it should not, or without end."""

from __future__ import annotations

import asyncio
import bz2
import gzip
import io
import lzma
import random
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from cluster.agent.fetching import Fetcher
from cluster.agent.fetching.archives import extract
from cluster.agent.fetching.errors import CauseError
from cluster.agent.fetching.limits import Budget, Limits
from cluster.agent.fetching.threads import Stop, StoppedError
from cluster.agent.fetching.tree import Tree
from cluster.agent.fetching.xz import XzReader
from cluster.messages.uris import URI
from tests.cluster.agent.fetch_world import PACKED, listing, member, mode, refusal, tar, until

MIB = 1 << 20


@pytest_asyncio.fixture
async def fetcher(tmp_path: Path) -> AsyncIterator[Fetcher]:
    fetcher = Fetcher(tmp_path / "cache", max_extracted=8 * MIB, max_members=50)
    yield fetcher
    await fetcher.close()


@pytest.fixture
def sandbox(tmp_path: Path) -> Path:
    path = tmp_path / "sandbox"
    path.mkdir()
    return path


@pytest.fixture
def stored(tmp_path: Path) -> Callable[..., URI]:
    """Stores an archive and gives its URI."""

    def store(name: str, data: bytes, **fields: bool) -> URI:
        (tmp_path / name).write_bytes(data)
        return URI(str(tmp_path / name), **fields)

    return store


Store = Callable[..., URI]


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    return member(name, kind, linkname=target)


def zipped(*entries: tuple[str, bytes, int], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of names, contents, and modes as Unix has them."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data, bits in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            info.external_attr = bits << 16
            info.create_system = 3
            archive.writestr(info, data)
    return out.getvalue()


CONTENTS = {
    "top": b"top",
    "bin/": "",
    "bin/run": b"#!/bin/sh\n",
    "bin/again": b"#!/bin/sh\n",
    "lib/": "",
    "lib/deep/": "",
    "lib/deep/large": bytes(range(256)) * 5000,
    "lib/up": "-> ../top",
    "current": "-> lib/deep",
    "nowhere": "-> not/there",
    "empty/": "",
}


def usual() -> bytes:
    return tar(
        link("current", "lib/deep"),
        (member("./top"), b"top"),
        member("bin/", tarfile.DIRTYPE, mode=0o755),
        (member("bin/run", mode=0o777), b"#!/bin/sh\n"),
        link("bin/again", "./bin/run", tarfile.LNKTYPE),
        (member("lib/deep/large", mode=0o400), bytes(range(256)) * 5000),
        link("lib/up", "../top"),
        link("nowhere", "not/there"),
        member(".", tarfile.DIRTYPE, mode=0o700),
        member("empty", tarfile.DIRTYPE, mode=0),
    )


@pytest.mark.parametrize("cache", [False, True])
@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.asyncio
async def test_tar_of_every_kind(
    fetcher: Fetcher, sandbox: Path, stored: Store, suffix: str, cache: bool
) -> None:
    await fetcher.fetch([stored("a" + suffix, PACKED[suffix](usual()), cache=cache)], sandbox)
    assert listing(sandbox) == CONTENTS
    assert mode(sandbox / "bin" / "run") == 0o755
    assert mode(sandbox / "lib" / "deep" / "large") == 0o600
    assert mode(sandbox / "empty") == 0o755
    assert (sandbox / "bin" / "run").stat().st_ino == (sandbox / "bin" / "again").stat().st_ino


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.asyncio
async def test_tar_of_every_format(fetcher: Fetcher, sandbox: Path, stored: Store, form: int) -> None:
    name = "/".join(["directory"] * 12 + ["ünïcode"])
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        info = member(name)
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    await fetcher.fetch([stored("a.tar", out.getvalue())], sandbox)
    assert (sandbox / name).read_bytes() == b"abc"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
@pytest.mark.asyncio
async def test_zip(fetcher: Fetcher, sandbox: Path, stored: Store, method: int) -> None:
    data = zipped(
        ("d/", b"", stat.S_IFDIR | 0o755),
        ("d/run", b"run", stat.S_IFREG | 0o755),
        ("e/plain", b"plain" * MIB, stat.S_IFREG | 0o600),
        ("link", b"d/run", stat.S_IFLNK | 0o777),
        method=method,
    )
    await fetcher.fetch([stored("a.zip", data)], sandbox)
    assert listing(sandbox) == {
        "d/": "",
        "d/run": b"run",
        "e/": "",
        "e/plain": b"plain" * MIB,
        "link": "-> d/run",
    }
    assert mode(sandbox / "d" / "run") == 0o755
    assert mode(sandbox / "e" / "plain") == 0o600


@pytest.mark.asyncio
async def test_gz_and_what_is_not_to_be_extracted(fetcher: Fetcher, sandbox: Path, stored: Store) -> None:
    data = gzip.compress(b"one") + gzip.compress(b"two")
    await fetcher.fetch(
        [
            stored("text.gz", data),
            stored("kept.tar.gz", data, extract=False),
            stored("run.gz", data, executable=True, cache=True),
        ],
        sandbox,
    )
    assert listing(sandbox) == {"text": b"onetwo", "kept.tar.gz": data, "run.gz": data}
    assert mode(sandbox / "run.gz") == 0o755


@pytest.mark.asyncio
async def test_archives_lie_over_one_another_in_order(fetcher: Fetcher, sandbox: Path, stored: Store) -> None:
    one = tar(
        (member("d/a"), b"1"), (member("d/b"), b"1"), link("d/c", "a"), link("e", "d/b", tarfile.LNKTYPE)
    )
    two = zipped(("d/b", b"2", 0), ("d/c", b"2", 0))
    await fetcher.fetch([stored("1.tar", one), stored("2.zip", two), stored("f", b"f")], sandbox)
    # What e is a second name of is not written through it.
    assert listing(sandbox) == {"d/": "", "d/a": b"1", "d/b": b"2", "d/c": b"2", "e": b"1", "f": b"f"}


ESCAPES = {
    "absolute": ([(member("/evil"), b"x")], "has an absolute path"),
    "parent": ([(member("../evil"), b"x")], "would be outside"),
    "parent within": ([(member("a/../../evil"), b"x")], "would be outside"),
    "parent directory": ([member("../evil", tarfile.DIRTYPE)], "would be outside"),
    "root as a file": ([(member("./"), b"x")], "'./' is not a directory"),
    "link to absolute": ([link("l", "/etc")], "link to the absolute path '/etc'"),
    "link to parent": ([link("l", "..")], "link out of the sandbox"),
    "link to parent from below": ([link("a/b/l", "../../../x")], "link out of the sandbox"),
    "link through here": ([link("l", "./a/.././../x")], "link out of the sandbox"),
    "empty link": ([link("l", "")], "is a link to ''"),
    "write through a link": ([link("l", "d"), (member("l/x"), b"x")], "'l' is a link and a directory"),
    "write through a link to here": ([link("l", "."), (member("l/../x"), b"x")], "would be outside"),
    "link in place of a directory": (
        [(member("d/x"), b"x"), link("d", "e"), (member("d/y"), b"y")],
        "'d' is a link and a directory",
    ),
    "file in place of a directory": (
        [(member("d/x"), b"x"), (member("d"), b"x")],
        "'d' is a file and a directory",
    ),
    "directory in place of a file": (
        [(member("d"), b"x"), (member("d/x"), b"x")],
        "'d' is a file and a directory",
    ),
    # Each is inside on paper; together they lead out.
    "links that lead out together": (
        [member("a/b/", tarfile.DIRTYPE), link("a/b/c", "../.."), link("l", "a/b/c/../x")],
        "'l' is a link out of the sandbox",
    ),
    "links that lead out, the last first": (
        [link("l", "m/n/../../etc"), link("m/n", ".")],
        "'l' is a link out of the sandbox",
    ),
    "links that lead out and in again": (
        [link("l", "m/n/../../tree/x"), link("m/n", ".")],
        "'l' is a link out of the sandbox",
    ),
    "hard link to absolute": ([link("l", "/etc/passwd", tarfile.LNKTYPE)], "has an absolute path"),
    "hard link to parent": ([link("l", "../../x", tarfile.LNKTYPE)], "would be outside"),
    "hard link to nothing": ([link("l", "x", tarfile.LNKTYPE)], "no file before it"),
    "hard link to itself": ([(member("l"), b""), link("l", "l", tarfile.LNKTYPE)], "no file before it"),
    "hard link through a link": (
        [link("s", "."), link("l", "s/x", tarfile.LNKTYPE)],
        "no file before it",
    ),
    "hard link to a directory": (
        [member("d", tarfile.DIRTYPE), link("l", "d", tarfile.LNKTYPE)],
        "no file before it",
    ),
    "character device": ([member("dev", tarfile.CHRTYPE, devmajor=1, devminor=3)], "is a device"),
    "block device": ([member("dev", tarfile.BLKTYPE)], "is a device"),
    "pipe": ([member("pipe", tarfile.FIFOTYPE)], "is a pipe"),
    "unknown": ([member("x", b"Z")], "unknown type"),
    "setuid": ([(member("x", mode=0o4755), b"x")], "setuid"),
    "setgid": ([(member("x", mode=0o2755), b"x")], "setuid or setgid"),
    "too deep": ([(member("d/" * 201 + "x"), b"x")], "200 directories deep"),
    "too many": ([(member(str(number)), b"") for number in range(51)], "limit of 50 members"),
    "too much": ([(member(str(number)), bytes(MIB)) for number in range(9)], f"limit of {8 * MIB} bytes"),
}


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize("filters", [True, False])
@pytest.mark.asyncio
async def test_evil_tar(
    fetcher: Fetcher, sandbox: Path, stored: Store, name: str, filters: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With and without the filters that Python has since 3.11.4: none is used."""
    if not filters:
        for attribute in ("data_filter", "tar_filter", "fully_trusted_filter"):
            monkeypatch.delattr(tarfile, attribute, raising=False)
    members, text = ESCAPES[name]
    before = listing(sandbox.parent)
    uri = stored("evil.tar.gz", gzip.compress(tar((member("first"), b"1"), *members)))
    assert text in await refusal(fetcher, sandbox, uri)
    after = listing(sandbox.parent)
    assert {path for path in after.keys() - before.keys() if not path.startswith("cache")} == {"evil.tar.gz"}


@pytest.mark.asyncio
async def test_two_archives_lead_out_together(fetcher: Fetcher, sandbox: Path, stored: Store) -> None:
    one, two = stored("1.tar", tar(link("l", "m/n/../../etc"))), stored("2.tar", tar(link("m/n", ".")))
    text = await refusal(fetcher, sandbox, one, two)
    assert "link out of the sandbox" in text
    assert one.value in text
    assert two.value in text


@pytest.mark.asyncio
async def test_a_link_to_a_link_is_a_link(fetcher: Fetcher, sandbox: Path, stored: Store) -> None:
    data = tar((member("a"), b"a"), link("l", "a"), link("m", "l", tarfile.LNKTYPE), link("o", "o"))
    await fetcher.fetch([stored("1.tar", data)], sandbox)
    assert listing(sandbox) == {"a": b"a", "l": "-> a", "m": "-> a", "o": "-> o"}


ZIPS: dict[str, tuple[tuple[str, bytes, int], str]] = {
    "absolute": (("/evil", b"x", 0), "has an absolute path"),
    "parent": (("../evil", b"x", 0), "would be outside"),
    "root": (("./.", b"x", 0), "not a directory"),
    "link": (("l", b"/etc/passwd", stat.S_IFLNK), "absolute path"),
    "link to parent": (("a/l", b"../../x", stat.S_IFLNK), "link out of"),
    "device": (("d", b"", stat.S_IFCHR | 0o666), "is a device"),
    "setuid": (("x", b"x", stat.S_IFREG | 0o4755), "setuid"),
    "too much": (("x", bytes(8 * MIB + 1), 0), "bytes"),
}


@pytest.mark.parametrize("name", ZIPS)
@pytest.mark.asyncio
async def test_evil_zip(fetcher: Fetcher, sandbox: Path, stored: Store, name: str) -> None:
    entry, text = ZIPS[name]
    assert text in await refusal(fetcher, sandbox, stored("evil.zip", zipped(("first", b"1", 0), entry)))


@pytest.mark.asyncio
async def test_more_evil_zips(fetcher: Fetcher, sandbox: Path, stored: Store) -> None:
    many = zipped(*((str(number), b"", 0) for number in range(51)))
    assert "limit of 50 members" in await refusal(fetcher, sandbox, stored("many.zip", many))
    lzma_zip = zipped(("x", b"x", 0), method=zipfile.ZIP_LZMA)
    assert "method 14" in await refusal(fetcher, sandbox, stored("lzma.zip", lzma_zip))
    through = zipped(("l", b".", stat.S_IFLNK), ("l/x", b"x", 0))
    assert "is a link and a directory" in await refusal(fetcher, sandbox, stored("through.zip", through))
    secret = bytearray(zipped(("x", b"x", 0)))
    secret[secret.index(b"PK\x01\x02") + 8] |= 1
    assert "is encrypted" in await refusal(fetcher, sandbox, stored("secret.zip", bytes(secret)))
    large = bytearray(zipped(("x", b"x", 0)))
    end = large.index(b"PK\x05\x06")
    start = struct.unpack_from("<L", large, end + 16)[0]
    struct.pack_into("<L", large, end + 12, 64 * MIB + end - start)
    large[start:start] = bytes(64 * MIB)
    assert "table of contents" in await refusal(fetcher, sandbox, stored("large.zip", bytes(large)))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.asyncio
async def test_bombs(fetcher: Fetcher, sandbox: Path, stored: Store, pack: Callable[[bytes], bytes]) -> None:
    """What is small, and would be large: a member, a header, what follows the archive's end, a sparse file."""
    kind = {gzip.compress: "gz", bz2.compress: "bz2", lzma.compress: "xz"}[pack]
    zeros = bytes(9 * MIB)
    # As a member.
    data = tar((member("x"), zeros))
    assert "8388608 bytes" in await refusal(fetcher, sandbox, stored(f"1.tar.{kind}", pack(data)))
    # As a header, which would be read into memory.
    header = member("x", tarfile.XHDTYPE, size=len(zeros)).tobuf()
    text = await refusal(fetcher, sandbox, stored(f"2.tar.{kind}", pack(header + zeros)))
    assert "of headers" in text
    header = member("x", tarfile.GNUTYPE_LONGNAME, size=len(zeros)).tobuf()
    text = await refusal(fetcher, sandbox, stored(f"3.tar.{kind}", pack(header + zeros)))
    assert "of headers" in text
    # After the end.
    text = await refusal(fetcher, sandbox, stored(f"4.tar.{kind}", pack(tar() + zeros)))
    assert "8388608 bytes" in text
    if kind == "gz":
        assert "8388608 bytes" in await refusal(fetcher, sandbox, stored("5.gz", pack(zeros)))


@pytest.mark.asyncio
async def test_headers_within_headers(fetcher: Fetcher, sandbox: Path, stored: Store) -> None:
    chain = b"".join(member("x", tarfile.XHDTYPE, size=0).tobuf() for _ in range(20_000))
    assert "stored" not in await refusal(fetcher, sandbox, stored("1.tar", chain))
    chain = b"".join(member("x", tarfile.GNUTYPE_LONGNAME, size=0).tobuf() for _ in range(20_000))
    assert "cannot fetch" in await refusal(fetcher, sandbox, stored("2.tar", chain))


@pytest.mark.asyncio
async def test_headers_that_are_slow_to_search(fetcher: Fetcher, sandbox: Path, stored: Store) -> None:
    header = member("x", tarfile.XHDTYPE, size=60_000).tobuf()
    text = await refusal(fetcher, sandbox, stored("1.tar", header + b"1" * (64 << 10)))
    assert "more than 1000 digits" in text
    # What is in a file may be what it likes.
    await fetcher.fetch([stored("2.tar", tar((member("x"), b"1" * 60_000)))], sandbox)


@pytest.mark.asyncio
async def test_sparse_files_count_as_what_they_become(fetcher: Fetcher, sandbox: Path, stored: Store) -> None:
    def sparse(size: int) -> bytes:
        # The old GNU way: one piece of data of 512 bytes at the beginning, and the size of the whole.
        block = bytearray(member("x", tarfile.GNUTYPE_SPARSE, size=512).tobuf(tarfile.GNU_FORMAT))
        block[386:410] = b"%011o\0%011o\0" % (0, 512)
        block[483:495] = b"%011o\0" % size
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        return bytes(block) + b"x" * 512 + bytes(1024)

    await fetcher.fetch([stored("1.tar", sparse(5000))], sandbox)
    assert listing(sandbox) == {"x": b"x" * 512 + bytes(4488)}
    (sandbox / "x").unlink()
    assert "8388608 bytes" in await refusal(fetcher, sandbox, stored("2.tar", sparse(1 << 32)))


@pytest.mark.asyncio
async def test_sizes_below_zero(fetcher: Fetcher, sandbox: Path, stored: Store) -> None:
    for kind in (tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
        block = bytearray(member("x", kind).tobuf())
        block[124:136] = b"\xff" * 12
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        text = await refusal(fetcher, sandbox, stored("1.tar", bytes(block) * 3 + bytes(1024)))
        assert "cannot fetch" in text


DAMAGED = {
    "empty.tar": b"",
    "text.tar": b"no archive at all\n" * 100,
    "text.tgz": b"no archive at all\n" * 100,
    "text.tbz2": b"no archive at all\n" * 100,
    "text.txz": b"no archive at all\n" * 100,
    "text.zip": b"no archive at all\n" * 100,
    "text.gz": b"no archive at all\n" * 100,
    "empty.zip": b"",
    "cut.tar": usual()[:2000],
    "second.tar": usual()[:1024] + b"x" * 512 + usual()[1024:],
    "cut.tgz": gzip.compress(usual())[:-100],
    "cut.gz": gzip.compress(usual())[:-1],
    "cut.tbz2": bz2.compress(usual())[:-100],
    "cut.txz": lzma.compress(usual())[:-100],
    "checksum.tgz": gzip.compress(usual())[:-8] + bytes(8),
    "checksum.zip": zipped(("x", b"12345", 0), method=0).replace(b"12345", b"54321"),
}


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.asyncio
async def test_damaged(fetcher: Fetcher, sandbox: Path, stored: Store, name: str) -> None:
    text = await refusal(fetcher, sandbox, stored(name, DAMAGED[name]))
    assert f"{name}: the archive is damaged: " in text


KINDS = {
    "a.tar": ("tar", usual()),
    "a.tgz": ("tar", gzip.compress(usual())),
    "a.txz": ("tar", lzma.compress(usual())),
    "a.tbz2": ("tar", bz2.compress(usual())),
    "a.zip": ("zip", zipped(("d/x", b"x" * 1000, 0o644), ("l", b"d/x", stat.S_IFLNK))),
    "a.gz": ("gz", gzip.compress(b"x" * 1000)),
}


@pytest.mark.parametrize("name", KINDS)
def test_whatever_is_damaged_nothing_else_is_raised(tmp_path: Path, name: str) -> None:
    kind, whole = KINDS[name]
    rng = random.Random(name)
    limits = Limits(max_extracted=4 * MIB, max_members=50)
    # The headers are where the damage tells: of a tar file, all that is not the large member.
    places = len(whole) if len(whole) < 20_000 else 8000
    for number in range(150):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 8))):
            data[rng.randrange(places)] = rng.choice(
                (0, 1, 0x2F, 0x2E, 0x31, 0x7F, 0x80, 0xFF, rng.randrange(256))
            )
        if rng.random() < 0.2:
            del data[rng.randrange(len(data)) :]
        path, root = tmp_path / name, tmp_path / str(number)
        path.write_bytes(data)
        root.mkdir()
        stop = Stop()
        tree = Tree(root, stop)
        try:
            extract(kind, name, path, ("result",), tree, Budget(limits), stop)
            tree.finish()
        except CauseError:
            pass
        except OSError as error:
            assert error.errno is not None  # noqa: PT017 - a name that is too long, for instance
    assert {path.name for path in tmp_path.iterdir()} == {name, *map(str, range(150))}


def test_xz_of_several_streams_with_zeros_between() -> None:
    data = lzma.compress(b"one") + bytes(8) + lzma.compress(b"") + lzma.compress(b"two") + bytes(4)
    reader = XzReader(io.BytesIO(data))
    assert b"".join(iter(lambda: reader.read(2), b"")) == b"onetwo"
    assert XzReader(io.BytesIO(b"")).read(5) == b""


def test_xz_that_wants_much_memory() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 20}]
    data = bytearray(lzma.compress(b"x" * 1000, filters=filters))
    # The size of the dictionary is one byte of the block's header, before its checksum.
    place = 12 + 4
    assert data[place] == 16
    data[place] = 40
    length = (data[12] + 1) * 4
    struct.pack_into("<L", data, 12 + length - 4, zlib.crc32(data[12 : 12 + length - 4]))
    with pytest.raises(lzma.LZMAError, match="Memory usage limit"):
        XzReader(io.BytesIO(bytes(data))).read(10)


@pytest.mark.asyncio
async def test_cancelled_while_it_extracts(tmp_path: Path, sandbox: Path, stored: Store) -> None:
    fetcher = Fetcher(tmp_path / "cache")
    endless = gzip.compress(bytes(64 * MIB)) * 100
    task = asyncio.create_task(fetcher.fetch([stored("1.gz", endless)], sandbox))
    await until(lambda: any(path.stat().st_size > MIB for path in sandbox.glob(".fetching-*/*/1")))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert listing(sandbox) == {}
    await fetcher.close()


def test_a_stop_ends_it_before_anything_is_written(tmp_path: Path) -> None:
    path, root = tmp_path / "a.tar", tmp_path / "root"
    path.write_bytes(usual())
    root.mkdir()
    stop = Stop()
    stop.set()
    with pytest.raises(StoppedError):
        extract("tar", "a.tar", path, ("a",), Tree(root, stop), Budget(Limits()), stop)
    assert listing(root) == {}
