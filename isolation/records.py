"""What a record of a container says. Pure; the zygote's shims write them, see zygote/journal.py."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .outcome import LOST, Exit
from .usage import Usage
from .wire import decode_exit
from .zygote.lines import FORMAT, decode_line, encode_line

__all__ = ["LOST_RECORD", "Record", "parse_record"]

LOST_RECORD = encode_line("lost")
"""The whole record of a container that was lost."""


@dataclass(frozen=True, slots=True)
class Record:
    """One container's record.

    `number` is that of its shim at its zygote; the starts are in clock ticks since the boot `boot`. What it does not
    say is 0 or empty. `exit` is None before the end. `trouble` says why it cannot be believed to be whole; what it
    says nevertheless is true.
    """

    boot: str = ""
    number: int = 0
    shim_pid: int = 0
    shim_start: int = 0
    pid: int = 0
    start: int = 0
    exit: Exit | None = None
    usage: Usage = field(default_factory=Usage)
    trouble: str = ""


def parse_record(data: bytes) -> Record:
    """Return what the bytes of a record say."""
    record = Record()
    *lines, rest = data.split(b"\n")
    for line in lines:
        try:
            record = _with_line(record, decode_line(line))
        except ValueError as error:
            return replace(record, trouble=str(error))
    if rest:
        return replace(record, trouble=f"its last line is torn: {rest!r}")
    if not lines:
        return replace(record, trouble="it is empty")
    return record


def _with_line(record: Record, words: list[str]) -> Record:
    match words:
        case ["begun", form, boot, number, pid, start] if not record.boot:
            if form != FORMAT:
                raise ValueError(f"its format is {form}, not {FORMAT}")
            return replace(record, boot=boot, number=int(number), shim_pid=int(pid), shim_start=int(start))
        case ["started", pid, start] if record.boot:
            return replace(record, pid=int(pid), start=int(start))
        case ["exited", status, told, user, system] if record.boot:
            usage = Usage(user_seconds=float(user), system_seconds=float(system))
            return replace(record, exit=decode_exit(int(status), told == "1"), usage=usage)
        case ["lost"]:
            return replace(record, exit=LOST)
        case _:
            raise ValueError(f"not a line of a record here: {' '.join(words)!r}")
