"""Commands, and the containers that they are not run in."""

from __future__ import annotations

from cluster.messages import URI, CommandInfo, KillPolicy
from cluster.v1 import types as v1
from cluster.v1.errors import RefusedError, shown

from .common import duration_of, duration_to, refuse

__all__ = [
    "check_container",
    "command_of",
    "command_to",
    "environment_of",
    "kill_policy_of",
    "kill_policy_to",
]

MAX_GRACE_PERIOD = 86400.0
Variable = v1.Environment.Variable


def command_of(command: v1.CommandInfo, user: str, path: str) -> CommandInfo:
    """A command of a framework whose user is `user`. RefusedError for what is not here."""
    if command.user not in (None, "", user):
        raise RefusedError(
            f"{path}.user is {shown(command.user)}: tasks run as their agent's user here, and can only name the"
            f" framework's, {shown(user)}"
        )
    shell = command.shell is None or command.shell
    return CommandInfo(
        value=command.value or "",
        # Mesos overlooks arguments that a shell cannot take.
        arguments=() if shell else command.arguments,
        shell=shell,
        environment=environment_of(command.environment, f"{path}.environment"),
        uris=tuple(_uri(each) for each in command.uris),
    )


def command_to(command: CommandInfo) -> v1.CommandInfo:
    """A command as Mesos has it, which knows neither a working directory nor checksums of URIs."""
    variables = tuple(
        Variable(name=name, type=Variable.Type.VALUE, value=value)
        for name, value in command.environment.items()
    )
    return v1.CommandInfo(
        value=command.value,
        arguments=command.arguments,
        shell=command.shell,
        environment=v1.Environment(variables=variables) if variables else None,
        uris=tuple(
            v1.CommandInfo.URI(
                value=each.value,
                executable=each.executable,
                extract=each.extract,
                cache=each.cache,
                output_file=each.output_file or None,
            )
            for each in command.uris
        ),
    )


def environment_of(environment: v1.Environment | None, path: str) -> dict[str, str]:
    """The variables; of two with one name the last holds. RefusedError for secrets."""
    found: dict[str, str] = {}
    for place, variable in enumerate(environment.variables if environment is not None else ()):
        where = f"{path}.variables[{place}]"
        if variable.type is Variable.Type.SECRET or variable.secret is not None:
            raise RefusedError(f"{where}: {shown(variable.name)} is a secret, and there are none here")
        if variable.value is None:
            raise RefusedError(f"{where}.value of {shown(variable.name)} is missing")
        found[variable.name] = variable.value
    return found


def kill_policy_of(policy: v1.KillPolicy | None, path: str) -> KillPolicy:
    """How a task is ended. RefusedError if the grace period is negative, or more than a day."""
    if policy is None or policy.grace_period is None:
        return KillPolicy()
    return KillPolicy(duration_of(policy.grace_period, f"{path}.grace_period", MAX_GRACE_PERIOD))


def kill_policy_to(policy: KillPolicy) -> v1.KillPolicy:
    """The same in Mesos's words."""
    return v1.KillPolicy(grace_period=duration_to(policy.grace_period))


def check_container(container: v1.ContainerInfo | None, path: str, *, terminal: bool = False) -> None:
    """Refuse every container but the one that tasks run in anyhow: without image, volumes, network of its own.

    With a `terminal`, if it can have one.
    """
    if container is None:
        return
    if container.type is v1.ContainerInfo.Type.DOCKER or container.docker is not None:
        raise RefusedError(f"{path}.docker: there are no Docker containers here")
    if container.mesos is not None:
        refuse(container.mesos.image, f"{path}.mesos.image", "there are no container images here")
    refuse(container.volumes, f"{path}.volumes", "there are no volumes here")
    refuse(container.hostname or None, f"{path}.hostname", "containers have their machine's name here")
    for place, network in enumerate(container.network_infos):
        where = f"{path}.network_infos[{place}]"
        for name in ("name", "groups", "ip_addresses", "port_mappings", "labels"):
            refuse(getattr(network, name), f"{where}.{name}", "containers have their machine's network here")
    refuse(container.linux_info, f"{path}.linux_info", "is not possible here")
    refuse(container.rlimit_info, f"{path}.rlimit_info", "limits of processes cannot be set here")
    if not terminal:
        refuse(container.tty_info, f"{path}.tty_info", "tasks have no terminal here")


def _uri(uri: v1.CommandInfo.URI) -> URI:
    return URI(
        uri.value,
        executable=bool(uri.executable),
        extract=uri.extract is None or uri.extract,
        cache=bool(uri.cache),
        output_file=uri.output_file or "",
    )
