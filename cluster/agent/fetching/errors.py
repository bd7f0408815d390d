"""What goes wrong when something is fetched."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.messages.uris import URI

__all__ = ["CauseError", "FetchError", "fetch_error", "sandbox_error"]


class FetchError(Exception):
    """What a task needs could not be fetched. The text names the URI and the cause, for the task's status."""


class CauseError(Exception):
    """The cause alone, from where the URI is not known."""


def fetch_error(uri: URI, error: CauseError | OSError) -> FetchError:
    """The error that names the URI."""
    return FetchError(f"cannot fetch {uri.shown()}: {_cause(error)}")


def sandbox_error(uris: Sequence[URI], error: CauseError | OSError) -> FetchError:
    """The error where not one URI is at fault, but what they are together, or the sandbox."""
    names = ", ".join(uri.shown() for uri in uris[:3]) + (", ..." if len(uris) > 3 else "")
    return FetchError(f"cannot put {names} into the sandbox: {_cause(error)}")


def _cause(error: CauseError | OSError) -> str:
    if isinstance(error, CauseError) or not error.strerror:
        return str(error)
    text = error.strerror[:1].lower() + error.strerror[1:]
    return f"{text} ({error.filename})" if error.filename is not None else text
