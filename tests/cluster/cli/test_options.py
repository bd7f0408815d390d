"""Options: the command line, the environment and the TOML file; errors name the option and the value."""

from __future__ import annotations

from pathlib import Path

import pytest
import rich_click as click
from click.testing import CliRunner, Result

from cluster.cli import main
from cluster.cli.options import RATE, RATE_LIMIT, quotas
from cluster.master.options import RateLimit
from cluster.registry import Quota
from cluster.resources import Resources


def ostrom(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, list(arguments), env={"COLUMNS": "400", **(env or {})})


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (["agent", "--resources", "cpus:x"], ["--resources", "cpus: 'x'"]),
        (["agent", "--resources", "cpus:-1"], ["--resources", "-1"]),
        (["agent", "--resources", "ports:[9-3]"], ["--resources", "ports"]),
        (["agent", "--attributes", "rack"], ["--attributes", "rack"]),
        (["agent", "--master", "nonsense"], ["--master", "nonsense"]),
        (["agent", "--port", "70000"], ["--port", "70000"]),
        (["master", "--weight", "eng=0"], ["--weight", "eng=0"]),
        (["master", "--weight", "a b=1"], ["--weight", "a b"]),
        (["master", "--guarantee", "prod"], ["--guarantee", "prod", "ROLE=RESOURCES"]),
        (["master", "--limit", "prod=cpus:x"], ["--limit", "cpus: 'x'"]),
        (["master", "--priority", "prod=high"], ["--priority", "prod=high"]),
        (["master", "--offer-timeout", "0"], ["--offer-timeout", "0"]),
        (
            ["master", "--agent-removal-rate-limit", "1"],
            ["--agent-removal-rate-limit", "'1' is not NUMBER/DURATION"],
        ),
        (["master", "--agent-removal-rate-limit", "0/1secs"], ["'0/1secs'"]),
        (["master", "--agent-removal-rate-limit", "1/10fortnights"], ["units are ms, secs, mins"]),
        (["master", "--agent-removal-rate-limit", "1/0mins"], ["'1/0mins'"]),
        (["master", "--rate-limit", "5"], ["--rate-limit", "PRINCIPAL=QPS"]),
        (["master", "--rate-limit", "p=0"], ["--rate-limit", "p=0", "qps is 0"]),
        (["master", "--rate-limit", "p=x"], ["p=x"]),
        (["master", "--rate-limit", "p=1:-1"], ["p=1:-1", "capacity is -1"]),
        (["master", "--agent-reregister-timeout", "0"], ["--agent-reregister-timeout"]),
        (["local", "--limit", "prod"], ["--limit", "ROLE=RESOURCES"]),
        (["local", "--agents", "-1"], ["--agents", "-1"]),
        (["run", "--instances", "0", "--", "true"], ["--instances", "0"]),
        (["run", "--role", "../x", "--", "true"], ["--role", "../x"]),
        (["run", "--env", "novalue", "--", "true"], ["--env", "novalue"]),
        (["run"], ["COMMAND"]),
        (["nonsense"], ["nonsense"]),
    ],
)
def test_bad_input_is_named(arguments: list[str], texts: list[str]) -> None:
    result = ostrom(*arguments)
    assert result.exit_code == 2
    for text in texts:
        assert text in result.output


def test_an_option_is_an_environment_variable() -> None:
    result = ostrom("agent", env={"OSTROM_RESOURCES": "cpus:y"})
    assert result.exit_code == 2
    assert "cpus: 'y'" in result.output


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[agent]\nresources = "cpus:z"\n', "cpus: 'z'"),
        ('[agent]\nwork_dir = "/tmp"\nresources = "cpus:z"\n', "cpus: 'z'"),
        ("[agent]\nnonsense = 1\n", "[agent] has no option 'nonsense'"),
        ("[nonsense]\n", "[nonsense] is no command"),
        ("port = 5\n", "[port] is no command"),
        ("[agent\n", "ostrom.toml"),
    ],
)
def test_the_file_has_a_table_for_each_command(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "ostrom.toml"
    path.write_text(text)
    result = ostrom("--config", str(path), "agent")
    assert result.exit_code == 2
    assert told in result.output


def test_an_option_that_may_be_given_again_is_a_list(tmp_path: Path) -> None:
    path = tmp_path / "ostrom.toml"
    path.write_text('[master]\nweight = ["eng=2", "ops=x"]\n')
    result = ostrom("--config", str(path), "master")
    assert result.exit_code == 2
    assert "'ops=x' is not ROLE=NUMBER" in result.output


def test_the_command_line_wins_over_environment_and_file(tmp_path: Path) -> None:
    path = tmp_path / "ostrom.toml"
    path.write_text('[agents]\nmaster = "file:1"\n')
    assert "file:1" in ostrom("--config", str(path), "agents").output
    environment = {"OSTROM_MASTER": "127.0.0.1:2"}
    assert "127.0.0.1:2" in ostrom("--config", str(path), "agents", env=environment).output
    given = ostrom("--config", str(path), "agents", "--master", "127.0.0.1:3", env=environment)
    assert "127.0.0.1:3" in given.output


def test_ostrom_toml_in_the_working_directory_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ostrom.toml").write_text('[agents]\nmaster = "127.0.0.1:4"\n')
    monkeypatch.chdir(tmp_path)
    assert "no master at 127.0.0.1:4" in ostrom("agents").output


@pytest.mark.parametrize("command", ["agents", "frameworks", "tasks", "offers", "state"])
def test_no_master_there_is_one_line(command: str) -> None:
    result = ostrom(command, "--master", "127.0.0.1:1")
    assert result.exit_code == 1
    assert "no master at 127.0.0.1:1" in result.output


@pytest.mark.parametrize(
    ("text", "rate"),
    [("1/10mins", (1, 600)), ("20 / 1hrs", (20, 3600)), ("3/500ms", (3, 0.5)), ("1/1.5days", (1, 129600))],
)
def test_rates(text: str, rate: tuple[int, float]) -> None:
    assert RATE.convert(text, None, None) == rate


def test_rate_limits() -> None:
    assert RATE_LIMIT.convert("a=b=1.5:10", None, None) == ("a=b", RateLimit(1.5, 10))
    assert RATE_LIMIT.convert("p=2", None, None) == ("p", RateLimit(2.0, None))


def test_quotas_of_roles_and_slips_in_them(caplog: pytest.LogCaptureFixture) -> None:
    parse = Resources.parse
    found = quotas(
        [("eng", parse("cpus:1"))], [("eng", parse("cpu:2")), ("ops", parse("tapes:1"))], [("x", 3)]
    )
    assert found == {
        "eng": Quota(parse("cpus:1"), parse("cpu:2")),
        "ops": Quota(limit=parse("tapes:1")),
        "x": Quota(priority=3),
    }
    assert caplog.messages == ["--limit eng=cpu:2: is cpus meant, not cpu?"]


def test_help_names_every_command() -> None:
    output = ostrom("--help").output
    for command in main.commands:
        assert f" {command} " in output
        assert ostrom(command, "--help").exit_code == 0
    shown = {name for group in click.rich_click.COMMAND_GROUPS["ostrom"] for name in group["commands"]}
    assert shown == set(main.commands)
