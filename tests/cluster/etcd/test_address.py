"""Addresses of etcd, and that they keep their secret."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from cluster.etcd import EtcdAddress

SECRET = "s3cr3t"


def test_the_short_form() -> None:
    address = EtcdAddress.parse("etcd://one/ostrom")
    assert address == EtcdAddress(hosts=("one:2379",), path="/ostrom")
    assert str(address) == "etcd://one:2379/ostrom"
    assert address.tls_context() is None


def test_the_long_form() -> None:
    address = EtcdAddress.parse(
        "etcd://ann:a%40b%2Fc:d@one,two:1234,[::1],[::1]:99/a/b%20c/?ca=/x/ca.pem&cert=c.pem&key=k.pem"
    )
    assert address.hosts == ("one:2379", "two:1234", "[::1]:2379", "[::1]:99")
    assert address.path == "/a/b c"
    assert (address.user, address.password) == ("ann", "a@b/c:d")
    assert (address.ca, address.cert, address.key, address.tls) == ("/x/ca.pem", "c.pem", "k.pem", True)


@pytest.mark.parametrize(
    ("options", "tls"),
    [("", False), ("?tls=yes", True), ("?tls=no", False), ("?ca=x", True), ("?cert=x", True)],
)
def test_tls_is_on_if_anything_asks_for_it(options: str, tls: bool) -> None:
    assert EtcdAddress.parse(f"etcd://one/ostrom{options}").tls is tls


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("http://one/ostrom", "begins with etcd://"),
        ("", "begins with etcd://"),
        ("etcd://one", "path"),
        ("etcd://one/", "path"),
        ("etcd:///ostrom", "not a host"),
        ("etcd://one,,two/ostrom", "not a host"),
        ("etcd://one:0/ostrom", "'one' is not a host, or its port"),
        ("etcd://one:65536/ostrom", "'one' is not a host, or its port"),
        ("etcd://one:x/ostrom", "'one' is not a host, or its port"),
        ("etcd://::1/ostrom", "not a host"),
        ("etcd://o ne/ostrom", "not a host"),
        ("etcd://unix:/x/ostrom", "not a host"),
        ("etcd://@one/ostrom", "no user"),
        ("etcd://:s3cr3t@one/ostrom", "no user"),
        ("etcd://ann@one/ostrom", "'ann' has no password"),
        ("etcd://ann:s3cr3t/x@one/ostrom", "percent-encoded"),
        ("etcd://ann:s3cr3t?x@one/ostrom", "percent-encoded"),
        ("etcd://ann:s3cr3t@x@one/ostrom", "percent-encoded"),
        ("etcd://ann:s3cr3t/ostrom", "'ann' is not a host, or its port"),
        ("etcd://one/ostrom?tls=maybe", "tls is yes or no"),
        ("etcd://one/ostrom?tls=no&ca=x", "tls=no, but"),
        ("etcd://one/ostrom?key=x", "key without cert"),
        ("etcd://one/ostrom?ca=x&ca=y", "ca must be given once"),
        ("etcd://one/ostrom?ca=", "ca must be given once, and not be empty"),
        ("etcd://one/ostrom?cacert=x", "no option 'cacert', use ca, cert"),
        ("etcd://one/ostrom?ca", "name=value"),
        ("etcd://one/ostrom?password_file=x", "goes with a user"),
        ("etcd://ann:s3cr3t@one/ostrom?password_file=x", "instead of a password"),
        ("etcd://ann@one/ostrom?password_file=/nowhere", "password_file /nowhere: No such file"),
    ],
)
def test_what_is_wrong_is_named_and_the_password_is_not(text: str, why: str) -> None:
    with pytest.raises(ValueError, match="etcd address") as caught:
        EtcdAddress.parse(text)
    assert why in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_password_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    text = f"etcd://ann@one:2379/ostrom?password_file={file}"
    address = EtcdAddress.parse(text)
    assert address.password == SECRET
    assert str(address) == text
    file.write_text("\n")
    with pytest.raises(ValueError, match="is empty"):
        EtcdAddress.parse(text)
    file.write_bytes(b"\xff")
    with pytest.raises(ValueError, match="not UTF-8"):
        EtcdAddress.parse(text)


def test_no_text_of_an_address_has_the_password() -> None:
    address = EtcdAddress.parse(f"etcd://ann:{SECRET}@one/ostrom?tls=yes")
    assert str(address) == "etcd://ann@one:2379/ostrom?tls=yes"
    assert SECRET not in repr(address)
    assert "ann" in repr(address)
    assert EtcdAddress.parse("etcd://one/ostrom?ca=/a+b%26c").ca == "/a+b&c"
    assert address != EtcdAddress.parse("etcd://ann:other@one/ostrom?tls=yes")


@pytest.mark.parametrize(
    "options", ["", "?tls=yes", "?ca=a&cert=b&key=c", "?cert=b", "?ca=/a+b%26%20c%25.pem"]
)
def test_what_is_shown_can_be_parsed(options: str) -> None:
    address = EtcdAddress.parse(f"etcd://one,[::1]/os%20%3Ftrom{options}")
    assert EtcdAddress.parse(str(address)) == address


def test_files_that_are_no_good_are_named(tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    for options, why in [
        ("ca=/nowhere", "ca /nowhere"),
        (f"ca={junk}", f"ca {junk}"),
        (f"cert={junk}", f"cert {junk}"),
        ("cert=/nowhere&key=/elsewhere", "cert /nowhere, key /elsewhere"),
    ]:
        with pytest.raises(ValueError, match="etcd address") as caught:
            EtcdAddress.parse(f"etcd://one/ostrom?{options}").tls_context()
        assert why in str(caught.value)


def test_the_context_verifies_servers_by_the_authority_named(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("me").private_key_and_cert_chain_pem.write_to_path(tmp_path / "me.pem")
    address = EtcdAddress.parse(f"etcd://one/ostrom?ca={tmp_path}/ca.pem&cert={tmp_path}/me.pem")
    context = address.tls_context()
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) == 1
