"""What is to be in a sandbox before its command runs: files named by URIs, as in Mesos's `CommandInfo.URI`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import SplitResult, unquote, urlsplit

from msgspec import Struct

__all__ = ["URI", "uris_problem"]

_TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_DIGESTS = {"sha256": 64, "sha512": 128}
_OUTPUT = ("stdout", "stderr")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHOWN = 200


class URI(Struct, frozen=True, omit_defaults=True):
    """A file to be fetched into the sandbox: `value` is an http, https or file URI, or an absolute path.

    It is stored as `output_file`, a path below the sandbox, or else under the last name in `value`. If that name
    ends like an archive's, what is in the archive is stored instead, unless `extract` is false; what is
    `executable` is made so, and never extracted. `cache` lets the agent keep it for others that name the same
    URI. `checksum` is "sha256:" or "sha512:" and hexadecimal digits; empty, nothing is compared.
    """

    value: str
    executable: bool = False
    extract: bool = True
    cache: bool = False
    output_file: str = ""
    checksum: str = ""

    def shown(self) -> str:
        """The URI as texts may name it: without a password, and not too long."""
        text = re.sub(r"(?<=://)[^/?#]*@", "***@", self.value, count=1)
        return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."

    def path(self) -> str | None:
        """The file on the agent's machine that it names, or None if it is fetched from a server."""
        if self.value.startswith("/"):
            return self.value
        split = urlsplit(self.value)
        return unquote(split.path, errors="surrogateescape") if split.scheme == "file" else None

    def target(self) -> str:
        """Where it is stored, below the sandbox."""
        if self.output_file:
            return self.output_file
        if self.value.startswith("/"):
            return self.value.rpartition("/")[2]
        return unquote(urlsplit(self.value).path.rpartition("/")[2], errors="surrogateescape")

    def archive(self) -> str:
        """How it will be extracted: "tar", "zip", "gz", or "" if it is stored as it is."""
        name = self.target()
        if self.executable or not self.extract:
            return ""
        if name.endswith(_TARS):
            return "tar"
        if name.endswith(".zip"):
            return "zip"
        return "gz" if name.endswith(".gz") else ""

    def result(self) -> str:
        """The file that appears below the sandbox; an archive's own name where many may appear."""
        return self.target().removesuffix(".gz") if self.archive() == "gz" else self.target()

    def problem(self) -> str | None:
        """What is wrong with it, or None."""
        return self._value_problem() or self._target_problem() or self._checksum_problem()

    def _value_problem(self) -> str | None:
        field = f"uri.value {self.shown()!r}"
        if not self.value:
            return "uri.value is empty"
        if _CONTROL.search(self.value):
            return f"{field} contains a control character"
        if self.value.startswith("/"):
            return None
        try:
            split = urlsplit(self.value)
            # Looked at because asking for a port that is none raises.
            host, _ = split.hostname, split.port
        except ValueError as error:
            return f"{field}: {error}"
        return _scheme_problem(field, self.value, split, host)

    def _target_problem(self) -> str | None:
        source = (
            f"uri.output_file {self.output_file[:_SHOWN]!r}"
            if self.output_file
            else f"uri.value {self.shown()!r}"
        )
        name = self.result()
        if not self.output_file and (not name or "/" in name):
            return f"{source} ends in no file name: give an output_file"
        if name.startswith("/"):
            return f"{source} is not relative to the sandbox"
        if _CONTROL.search(name):
            return f"{source} contains a control character"
        if any(part in ("", ".", "..") for part in name.split("/")):
            return f"{source}: no part of a path may be empty, . or .."
        if any(len(part.encode(errors="surrogateescape")) > 255 for part in name.split("/")):
            return f"{source}: a name is longer than 255 bytes"
        if name.split("/")[0] in _OUTPUT:
            return f"{source}: the task's output is written to {name.split('/')[0]}"
        return None

    def _checksum_problem(self) -> str | None:
        if not self.checksum:
            return None
        kind, _, digits = self.checksum.partition(":")
        if kind not in _DIGESTS:
            return f"uri.checksum {self.checksum[:_SHOWN]!r} does not begin with sha256: or sha512:"
        if not re.fullmatch(f"[0-9a-fA-F]{{{_DIGESTS[kind]}}}", digits):
            return (
                f"uri.checksum {self.checksum[:_SHOWN]!r} does not have {_DIGESTS[kind]} hexadecimal digits"
            )
        return None


def _scheme_problem(field: str, value: str, split: SplitResult, host: str | None) -> str | None:
    if split.scheme == "file":
        if split.netloc not in ("", "localhost"):
            return f"{field}: a file of another machine"
        if not split.path.startswith("/") or "\0" in unquote(split.path):
            return f"{field} is not an absolute path"
        return None
    if split.scheme not in ("http", "https"):
        return f"{field}: neither http, https or file, nor an absolute path"
    if not host:
        return f"{field} names no host"
    if not value.isascii() or " " in value:
        return f"{field}: what is not ASCII, and spaces, must be written with %"
    return None


def uris_problem(uris: Sequence[URI]) -> str | None:
    """What is wrong with one of them, or with two of them together, or None."""
    for uri in uris:
        if problem := uri.problem():
            return problem
    files: dict[tuple[str, ...], URI] = {}
    parents: dict[tuple[str, ...], URI] = {}
    for uri in uris:
        parts = tuple(uri.result().split("/"))
        above = [parts[:length] for length in range(1, len(parts))]
        others = [files.get(parts), parents.get(parts), *(files.get(parent) for parent in above)]
        if other := next(filter(None, others), None):
            return f"uris {other.shown()!r} and {uri.shown()!r} would both be stored as {uri.result()[:_SHOWN]!r}"
        files[parts] = uri
        parents.update((parent, uri) for parent in above)
    return None
