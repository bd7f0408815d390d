"""The one shape of a benchmark's result."""

from __future__ import annotations

import json
import sys

import pytest

from benchmarks.report import main, quantile, row


def test_a_ratio_meets_its_target_or_not() -> None:
    assert row("a", 30, "1/s", reference="bare", reference_value=100, at_least=0.3).met is True
    assert row("a", 29, "1/s", reference="bare", reference_value=100, at_least=0.3).met is False
    assert row("a", 210, "ns", reference="floor", reference_value=100, at_most=2.2).ratio == 2.1
    assert row("a", 3, "ms", at_most=2).met is False
    assert row("a", 3, "ms").met is None


def test_quantiles_are_values_that_were_measured() -> None:
    assert quantile([3, 1, 2], 0.5) == 2
    assert quantile(list(range(100)), 0.99) == 99
    assert quantile([5], 0.99) == 5


def test_the_last_line_is_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["x", "--json", "--quick"])
    main("x", "about x", lambda quick: [row("a", 1.0 if quick else 2.0, "s")])
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {
        "benchmark": "x",
        "results": [
            {
                "name": "a",
                "value": 1.0,
                "unit": "s",
                "reference": None,
                "ratio": None,
                "target": None,
                "met": None,
            }
        ],
    }


def test_for_people_it_is_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["x"])
    main("x", "about x", lambda _quick: [row("launches", 7.0, "1/s")])
    assert "launches" in capsys.readouterr().out
