"""RecordIO, the framing of Mesos's streams: a record is its length in bytes in decimal, a newline, and the bytes."""

from __future__ import annotations

from .errors import MessageError, shown

__all__ = ["MAX_RECORD", "Decoder", "encode"]

MAX_RECORD = 64 * 2**20
"""Largest record that is read, in bytes."""
_DIGITS = 20  # a length is an unsigned number of 64 bits


def encode(record: bytes) -> bytes:
    """One record."""
    return b"%d\n%b" % (len(record), record)


class Decoder:
    """Finds the records in bytes that come in pieces of any size."""

    def __init__(self, max_record: int = MAX_RECORD) -> None:
        self._max_record = max_record
        self._buffer = bytearray()
        self._length: int | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """The records that are complete with these bytes.

        Raises:
            MessageError: If a length is none, or more than is allowed. After that nothing can be read any more.
        """
        self._buffer += data
        records: list[bytes] = []
        while True:
            if self._length is None:
                self._length = self._next_length()
            if self._length is None or len(self._buffer) < self._length:
                return records
            records.append(bytes(self._buffer[: self._length]))
            del self._buffer[: self._length]
            self._length = None

    def at_boundary(self) -> bool:
        """Whether no record has begun: a stream that ends elsewhere was cut off."""
        return not self._buffer and self._length is None

    def _next_length(self) -> int | None:
        head, newline, _ = bytes(self._buffer[: _DIGITS + 1]).partition(b"\n")
        # int() would take signs, spaces and underscores as well.
        if ((head or newline) and not head.isdigit()) or len(head) > _DIGITS:
            raise MessageError(f"recordio: {shown(head)} is not the length of a record")
        if not newline:
            return None
        length = int(head)
        if length > self._max_record:
            raise MessageError(
                f"recordio: a record of {length} bytes, at most {self._max_record} are allowed"
            )
        del self._buffer[: len(head) + 1]
        return length
