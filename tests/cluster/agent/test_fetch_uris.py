"""URIs of commands: where they will be, and what is refused."""

from __future__ import annotations

import msgspec
import pytest

from cluster.messages import CommandInfo
from cluster.messages.uris import URI, uris_problem


@pytest.mark.parametrize(
    ("value", "output_file", "target", "archive", "result"),
    [
        ("http://host/a/b.sh", "", "b.sh", "", "b.sh"),
        ("http://host/a/b.tar.gz?x=/y#z", "", "b.tar.gz", "tar", "b.tar.gz"),
        ("https://host:8/my%20file", "", "my file", "", "my file"),
        ("http://host", "sub/dir/file", "sub/dir/file", "", "sub/dir/file"),
        ("http://host/get?file=7", "x.zip", "x.zip", "zip", "x.zip"),
        ("file:///srv/a%20b.gz", "", "a b.gz", "gz", "a b"),
        ("/srv/a%20b.tgz", "", "a%20b.tgz", "tar", "a%20b.tgz"),
        ("/srv/a.tgz", "plain", "plain", "", "plain"),
        ("FILE://localhost/etc/hosts", "", "hosts", "", "hosts"),
    ],
)
def test_where_it_will_be(value: str, output_file: str, target: str, archive: str, result: str) -> None:
    uri = URI(value, output_file=output_file)
    assert uri.problem() is None
    assert (uri.target(), uri.archive(), uri.result()) == (target, archive, result)


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tbz2", "a.tar.xz", "a.txz"])
def test_an_executable_is_not_extracted_nor_what_is_not_to_be(name: str) -> None:
    assert URI(f"/x/{name}").archive() == "tar"
    assert URI(f"/x/{name}", executable=True).archive() == ""
    assert URI(f"/x/{name}", extract=False).archive() == ""


def test_which_file_it_names() -> None:
    assert URI("/a%20b").path() == "/a%20b"
    assert URI("file:///a%20b?c").path() == "/a b"
    assert URI("http://host/a").path() is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", "uri.value is empty"),
        ("ftp://host/x", "'ftp://host/x': neither http, https or file"),
        ("hdfs://host/x", "neither http"),
        ("relative/path", "neither http"),
        ("http:///x", "names no host"),
        ("http://host:port/x", "Port could not be cast"),
        ("http://[::1/x", "Invalid IPv6"),
        ("http://host/a b", "must be written with %"),
        ("http://host/ä", "must be written with %"),
        ("http://host/a\0b", "control character"),
        ("http://host/a\nb", "control character"),
        ("file://other/x", "a file of another machine"),
        ("file:x", "not an absolute path"),
        ("file:///x%00y", "not an absolute path"),
        ("http://host", "ends in no file name"),
        ("http://host/dir/", "ends in no file name"),
        ("http://host/%2e%2e", "no part of a path may be"),
        ("http://host/a%2Fb", "ends in no file name"),
        ("http://host/a%0Ab", "control character"),
        ("/srv/.gz", "ends in no file name"),
        ("/", "ends in no file name"),
        ("/srv/stdout", "output is written to stdout"),
        ("/srv/" + "x" * 256, "longer than 255 bytes"),
    ],
)
def test_bad_values(value: str, text: str) -> None:
    problem = URI(value).problem()
    assert problem is not None
    assert "uri.value" in problem
    assert text in problem


@pytest.mark.parametrize(
    ("output_file", "text"),
    [
        ("/etc/passwd", "not relative"),
        ("../x", "no part of a path may be"),
        ("a/../b", "no part of a path may be"),
        ("a//b", "no part of a path may be"),
        ("a/", "no part of a path may be"),
        ("./a", "no part of a path may be"),
        ("a\0b", "control character"),
        ("stderr", "output is written to stderr"),
        ("stdout/x", "output is written to stdout"),
    ],
)
def test_bad_output_files(output_file: str, text: str) -> None:
    problem = URI("http://host/x", output_file=output_file).problem()
    assert problem is not None
    assert f"uri.output_file {output_file!r}" in problem
    assert text in problem


def test_checksums() -> None:
    assert URI("/x", checksum="sha256:" + "aB" * 32).problem() is None
    assert URI("/x", checksum="sha512:" + "0" * 128).problem() is None
    for checksum, text in [
        ("md5:" + "0" * 32, "does not begin with"),
        ("0" * 64, "does not begin with"),
        ("sha256:" + "0" * 63, "64 hexadecimal digits"),
        ("sha512:" + "g" * 128, "128 hexadecimal digits"),
    ]:
        problem = URI("/x", checksum=checksum).problem()
        assert problem is not None
        assert text in problem


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (URI("http://a/x"), URI("http://b/x")),
        (URI("/a/x", output_file="d/y"), URI("/b/y", output_file="d/y")),
        (URI("/a/x.gz"), URI("/b/x")),
        (URI("/a/x.tar"), URI("/b/x.tar")),
        (URI("/a/d"), URI("/b/y", output_file="d/y")),
        (URI("/b/y", output_file="d/e/y"), URI("/a/d")),
    ],
)
def test_two_with_one_name(first: URI, second: URI) -> None:
    assert uris_problem([first]) is None
    problem = uris_problem([first, URI("/other"), second])
    assert problem is not None
    assert first.value in problem
    assert second.value in problem


def test_two_in_one_directory_are_well() -> None:
    assert uris_problem([URI("/a/x", output_file="d/x"), URI("/a/y", output_file="d/y")]) is None
    assert uris_problem([URI("/a/x"), URI("ftp://x")]) is not None


def test_passwords_are_not_told() -> None:
    uri = URI("ftp://me:secret@host/x")
    assert "secret" not in str(uri.problem())
    assert URI("http://me:secret@host/x").shown() == "http://***@host/x"
    assert URI("http://host/x@y").shown() == "http://host/x@y"
    assert len(URI("http://host/" + "x" * 1000).shown()) == 200


def test_it_goes_over_the_wire() -> None:
    uri = URI("http://host/x", cache=True)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(uri), type=URI) == uri
    assert msgspec.json.encode(uri) == b'{"value":"http://host/x","cache":true}'


def test_what_is_wrong_is_told_in_few_words() -> None:
    long = "x" * 100_000
    for problem in (
        URI("/a", output_file="../" + long).problem(),
        uris_problem([URI("/a", output_file=long), URI("/b", output_file=long)]),
        CommandInfo("true", environment={long + "=": ""}).problem(),
    ):
        assert problem is not None
        assert len(problem) < 700
