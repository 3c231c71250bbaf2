"""Verdicts of whole runs where the truth is known: yes on a planted edge, no on noise, whatever the symbols' names."""

from dataclasses import replace
from pathlib import Path
from runpy import run_path

import pytest

from engine.config.run_config import RunConfig
from engine.pipeline import compute

exam = run_path(str(Path(__file__).parents[3] / "benchmarks" / "verdicts.py"))
CASE = exam["Case"]("", 1, 0.15)


@pytest.mark.slow
def test_a_planted_edge_is_evidence_and_noise_is_not(tmp_path, monkeypatch):
    monkeypatch.setenv("BACKTRADER_ML_DATA", str(tmp_path))
    yes = [exam["says_yes"](seed, CASE)[0] for seed in (1, 2)]
    assert yes == [True, True]
    noise = replace(CASE, edge=0.0)
    assert sum(exam["says_yes"](seed, noise)[0] for seed in (1, 2, 3)) <= 1


@pytest.mark.slow
def test_neither_names_nor_the_order_of_files_change_a_verdict(tmp_path):
    config = exam["config_of"](tmp_path, 1, replace(CASE, years=4))
    plain = compute(config).verdict
    values = config.dump()
    files = values["data"]["source"]["files"]
    for names in (["A", "B", "C"], ["Z", "Y", "X"]):
        renamed = dict(sorted(zip(names, files.values(), strict=True)))
        values["data"]["source"]["files"] = renamed
        verdict = compute(RunConfig.parse(values)).verdict
        assert verdict.headline == plain.headline
        assert verdict.test.t == pytest.approx(plain.test.t, rel=1e-6)
        assert verdict.cash.t == pytest.approx(plain.cash.t, rel=1e-6)
