"""Lines of a record: words, and a checksum that tells a torn line from a whole one. Pure."""

from __future__ import annotations

from binascii import crc32

LIVE, OLD = "live.", "old."
"""What the name of an epoch's directory begins with: while its owner may launch, and when another took over."""
SUFFIX, NEW = ".container", ".new"
"""What the name of a record ends with, and of one that is not begun yet."""
FORMAT = "1"


def encode_line(*words: object) -> bytes:
    """Return the line of some words, none of which may hold a blank or a line feed."""
    text = " ".join(map(str, words)).encode()
    return b"%s %08x\n" % (text, crc32(text))


def decode_line(line: bytes) -> list[str]:
    """Return the words of a line without its line feed. Raises ValueError when the checksum is not theirs."""
    text, _, checksum = line.rpartition(b" ")
    if b"%08x" % crc32(text) != checksum:
        raise ValueError(f"not a line of a record: {line!r}")
    return text.decode("ascii").split(" ")


def start_of(stat: bytes) -> int:
    """Return when a process started, in clock ticks since boot, from its /proc/PID/stat; 0 when that is empty."""
    return int(stat.rpartition(b")")[2].split()[19]) if stat else 0
