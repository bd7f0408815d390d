"""As whom a command asks, and whom a node answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click
from aiohttp import encode_basic_auth

from .options import F, master_option, option

__all__ = ["asks_master", "authentication_options", "authorization"]

META = "ostrom.credentials"
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def authentication_options(function: F) -> F:
    """`--http-credentials` and `--http-token-key`, the same for every node."""
    credentials = option(
        "--http-credentials",
        type=FILE,
        help='JSON file {"credentials": [{"principal": "...", "secret": "..."}]}: who may ask over HTTP. '
        "Without it, and without --http-token-key, everybody may.",
    )
    token_key = option(
        "--http-token-key",
        type=FILE,
        help="Key by which JSON web tokens are signed (a secret of 32 bytes or more, or a public key in PEM): "
        "who has one may ask over HTTP (pip install 'ostrom[jwt]').",
    )
    return credentials(token_key(function))


def asks_master(function: F) -> F:
    """`--master`, and as whom it is asked: `--principal` and `--secret-file`, or `--token-file`."""
    principal = option(
        "--principal",
        callback=_keep,
        expose_value=False,
        help="As whom to ask, with the secret in --secret-file.",
    )
    secret = option(
        "--secret-file",
        type=FILE,
        callback=_keep,
        expose_value=False,
        help="File with the principal's secret.",
    )
    token = option(
        "--token-file",
        type=FILE,
        callback=_keep,
        expose_value=False,
        help="File with a token, instead of the two.",
    )
    return master_option(principal(secret(token(function))))


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value is not None:
        ctx.meta.setdefault(META, {})[param.name] = value


def authorization() -> dict[str, str]:
    """The headers that say who runs this command; none if it was not told. UsageError if that is not enough."""
    ctx = click.get_current_context(silent=True)
    given = {} if ctx is None else ctx.meta.get(META, {})
    principal, secret, token = (given.get(name) for name in ("principal", "secret_file", "token_file"))
    if (principal is None) != (secret is None):
        raise click.UsageError("--principal and --secret-file go together")
    if principal is not None and token is not None:
        raise click.UsageError("--token-file and --principal: one or the other")
    if token is not None:
        return {"Authorization": f"Bearer {_line(token)}"}
    if principal is not None and secret is not None:
        return {"Authorization": encode_basic_auth(principal, _line(secret), "utf-8")}
    return {}


def _line(path: Path) -> str:
    """What is in a file, without the end of its line."""
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{path}: {error}") from error
    if not text or "\n" in text:
        raise click.ClickException(f"{path} has not one line")
    return text
