"""What etcd's failures mean: certainly nothing was done, or nobody knows, or another endpoint may know better."""

from __future__ import annotations

import msgspec

from . import codec
from .interface import CompactedError, EtcdRefusedError, LeaseGoneError

__all__ = [
    "CanceledError",
    "TokenError",
    "TryNextError",
    "decode",
    "of_answer",
    "of_watch",
]

# google.golang.org/grpc/codes. With these etcd did nothing, and would do nothing the next time.
INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, RESOURCE_EXHAUSTED = 3, 5, 6, 7, 8
FAILED_PRECONDITION, OUT_OF_RANGE, UNIMPLEMENTED, UNAUTHENTICATED = 9, 11, 12, 16
REFUSALS = {
    *(INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, RESOURCE_EXHAUSTED),
    *(FAILED_PRECONDITION, OUT_OF_RANGE, UNIMPLEMENTED, UNAUTHENTICATED),
}
# A code serves for several things, which etcd's texts tell apart (api/v3rpc/rpctypes/error.go).
PASSING = ("too many requests", "not leader")
OLD_TOKEN = "auth store is old"  # noqa: S105


class TryNextError(Exception):
    """This endpoint did not answer, or not like etcd: another may."""


class CanceledError(TryNextError):
    """etcd does not go on with a watch. A token that has expired it tells as "permission denied"."""


class TokenError(EtcdRefusedError):
    """The token has expired, or its server has forgotten it."""


class _Reason(msgspec.Struct):
    grpc_code: int | None = None
    code: int | None = None
    message: str = ""


class _Failed(msgspec.Struct):
    error: str | _Reason = ""
    code: int | None = None
    message: str = ""


def decode(data: bytes | bytearray, type_: type[codec.T]) -> codec.T:
    """A reply of that type, or what to raise: NonsenseError, or what a failure in its place means."""
    try:
        return codec.decode(data, type_)
    except codec.NonsenseError:
        # In a stream a failure comes as a reply.
        failure = _failure(data)
        if failure is None:
            raise
    raise failure


def of_answer(endpoint: str, status: int, data: bytes | bytearray) -> Exception:
    """What to raise for an HTTP status other than 200."""
    failure = _failure(data)
    if failure is not None:
        return failure
    if status == 404:
        return EtcdRefusedError(
            f"{endpoint} answers 404 Not Found: it is no etcd, or one whose gateway for JSON is off "
            "(--enable-grpc-gateway=false)"
        )
    return TryNextError(f"HTTP status {status}, without a reason of etcd's")


def of_watch(reply: codec.WatchReply) -> None:
    """Raise CompactedError or CanceledError if that is the end of a watch."""
    if reply.result.compact_revision:
        raise CompactedError(f"etcd forgot what was before revision {reply.result.compact_revision}")
    if reply.result.canceled:
        raise CanceledError(f"etcd canceled the watch: {reply.result.cancel_reason}")


def _failure(data: bytes | bytearray) -> Exception | None:
    """What to raise for a failure in any of the gateway's forms: of a call, of a stream, of a newer gateway."""
    try:
        failed = codec.decode(data, _Failed)
    except codec.NonsenseError:
        return None
    inner = failed.error if isinstance(failed.error, _Reason) else _Reason()
    outer = failed.error if isinstance(failed.error, str) else ""
    for code in (inner.grpc_code, inner.code, failed.code):
        if code is not None:
            return _of_code(code, inner.message or failed.message or outer)
    return None


def _of_code(code: int, message: str) -> Exception:
    text = f"{message} (code {code})"
    if code == UNAUTHENTICATED or (code == INVALID_ARGUMENT and OLD_TOKEN in message):
        return TokenError(text)
    if code == OUT_OF_RANGE and "compacted" in message:
        return CompactedError(text)
    if code == NOT_FOUND:
        return LeaseGoneError(text)
    if code in REFUSALS and not any(each in message for each in PASSING):
        return EtcdRefusedError(text)
    return TryNextError(text)
