"""Verdicts of whole runs where the truth is known: yes on a planted edge, no on noise, whatever the symbols' names."""

from dataclasses import replace
from pathlib import Path
from runpy import run_path

import pytest
from scipy.stats import binom

from engine.config.run_config import RunConfig
from engine.pipeline import compute

pytestmark = pytest.mark.early
exam = run_path(str(Path(__file__).parents[3] / "benchmarks" / "verdicts.py"))
CASE = exam["Case"]("", 1, 0.15)


SINGLE = [case for case in exam["cases"]() if not case.trials and case.years <= 10 and case.dies == 1]
NOISE = [case for case in SINGLE if case.edge == 0]
LASTING = [case for case in SINGLE if case.edge >= 0.10 and case.years >= 5 and case.symbols == 3]
"""The lines whose answer is stated: never on noise, and nearly always where a large edge lasts."""
OTHER_SEEDS = 50_000
"""Not the exam's own markets."""


@pytest.fixture(scope="module")
def tenth(tmp_path_factory):
    """A tenth of each of these lines, without the longest records: 56 runs, which take a minute or two."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BACKTRADER_ML_DATA", str(tmp_path_factory.mktemp("data")))
        return {case: exam["survey"](case, case.markets // 10, first=OTHER_SEEDS) for case in (*NOISE, *LASTING)}


@pytest.mark.slow
def test_noise_is_evidence_no_more_often_than_stated(tenth):
    noise = [verdict for case in NOISE for verdict in tenth[case]]
    claims = [headline for is_evidence, headline, _ in noise if is_evidence or headline.startswith("skill")]
    assert len(noise) == 44
    assert len(claims) <= binom.isf(0.001, len(noise), 0.05), claims


@pytest.mark.slow
def test_a_large_edge_over_five_years_or_more_is_evidence(tenth):
    assert len(LASTING) == 6
    assert [case.name for case in LASTING if not all(verdict[0] for verdict in tenth[case])] == []


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
