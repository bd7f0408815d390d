"""The paper's figure of data locality, small: what makes tasks more local does."""

from __future__ import annotations

import functools

import pytest

from examples.locality import Result, Setup, main, measure

SMALL = Setup(nodes=16, frameworks=8, blocks=80, stagger=0.5)


@functools.cache
def result(delay: float | None) -> Result:
    return measure(SMALL, delay)


def test_the_order_is_the_papers() -> None:
    static, none, one, five = (result(delay).local for delay in (None, 0.0, 1.0, 5.0))
    assert static < none < one <= five
    # Two nodes of 16 have a replica of a third of the blocks: 1 - (14/16)^3.
    assert static == pytest.approx(0.33, abs=0.04)
    assert one > 0.9


def test_jobs_are_the_shorter_for_it() -> None:
    assert result(5.0).job_seconds < result(0.0).job_seconds < result(None).job_seconds


def test_nothing_but_the_seed_matters() -> None:
    assert measure(SMALL, 1.0) == result(1.0)


def test_a_setting_that_cannot_be_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for option, text in (
        ("--local=0", "local is 0.0"),
        ("--spread=1", "spread is 1.0"),
        ("--delays=-1", "node_wait"),
    ):
        monkeypatch.setattr("sys.argv", ["locality", option])
        with pytest.raises(SystemExit):
            main()
        assert text in capsys.readouterr().err
