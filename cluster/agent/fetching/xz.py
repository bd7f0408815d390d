"""Reading .xz with a bound on memory: the file itself says how much its reader needs, up to 4 GiB."""

from __future__ import annotations

import lzma
from typing import BinaryIO

from .files import PIECE

__all__ = ["XzReader"]

MEMORY = 256 << 20
"""`xz -9` needs 65 MiB."""


class XzReader:
    """The contents of an .xz file: lzma.LZMAError if it is damaged or needs too much memory, EOFError if cut off."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._stream: lzma.LZMADecompressor | None = None
        self._rest = b""

    def read(self, size: int) -> bytes:
        """At most that many bytes; none at the end."""
        while True:
            piece = b""
            if self._stream is None:
                # A file may have several streams, and zeros between them.
                while not (piece := self._rest.lstrip(b"\0")):
                    self._rest = self._file.read(PIECE)
                    if not self._rest:
                        return b""
                self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY)
            elif self._stream.needs_input and not (piece := self._file.read(PIECE)):
                raise EOFError("the compressed data end too early")
            data = self._stream.decompress(piece, size)
            if self._stream.eof:
                self._rest, self._stream = self._stream.unused_data, None
            if data:
                return data
