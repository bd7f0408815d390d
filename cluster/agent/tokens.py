"""What proves to an agent which executor speaks: derived from a key of the agent's own, so nothing is to be kept."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

__all__ = ["ExecutorTokens", "load_key"]

KEY_BYTES = 32


class ExecutorTokens:
    """The tokens of an agent's executors: one for each container, which nobody can make without the key."""

    def __init__(self, key: bytes = b"") -> None:
        self._key = key or secrets.token_bytes(KEY_BYTES)

    def of(self, container_id: str) -> str:
        """The token of the executor in that container."""
        return hmac.new(self._key, container_id.encode(), hashlib.sha256).hexdigest()

    def match(self, container_id: str, given: str) -> bool:
        """Whether that is its token."""
        return hmac.compare_digest(self.of(container_id).encode(), given.encode(errors="surrogateescape"))


def load_key(path: Path) -> bytes:
    """The key that is kept there, for nobody else to read; a new one if there is none. OSError."""
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = b""
    if len(key) == KEY_BYTES:
        return key
    key = secrets.token_bytes(KEY_BYTES)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    return key
