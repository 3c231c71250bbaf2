"""What was tried before on the same data counts, and nothing else does."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sweep.storage.trial_registry import PriorTrials, TrialRegistry, pooled_variance
from engine.sweep.trials.plan import plan_sweep
from engine.sweep.trials.ranking import TrialRanking

SPACE = {"risk.base": [0.01, 0.02, 0.03], "model.slow": [8, 12]}


def tried(config, name, sharpes=None, status="done"):
    """Write down a sweep of a config as if it had been run; its plan."""
    made = plan_sweep(config)
    board = TrialRanking.empty(made.spec, made.count)
    board.sharpe[:] = np.arange(made.count) if sharpes is None else sharpes
    board.status[:] = status
    TrialRegistry(made, name).write(board, None, 252.0)
    return made


def test_a_setting_counts_once_however_often_it_is_tried(config_of):
    first = config_of({"space": SPACE})
    made = tried(first, "one")
    assert TrialRegistry(made, "one").earlier() == PriorTrials(0, 0, 0.0, 0.0)
    # The same space with another objective: all of its points were tried before, and will be counted as its own.
    again = config_of({"space": SPACE, "objective": {"measure": "calmar"}})
    assert TrialRegistry(plan_sweep(again), "two").earlier().trials == 0
    tried(again, "two")
    other = config_of({"space": {**SPACE, "risk.base": [0.02, 0.5]}})
    found = TrialRegistry(plan_sweep(other), "three").earlier()
    assert found.trials == 4  # 0.01 and 0.03, each with two models; those of 0.02 are tried again
    kept = np.array([0.0, 1.0, 4.0, 5.0]) / np.sqrt(252.0)
    assert found.sharpes == 4
    np.testing.assert_allclose([found.mean, found.squares], [kept.mean(), ((kept - kept.mean()) ** 2).sum()])


def test_the_order_in_which_keys_are_written_does_not_matter(config_of):
    made = tried(config_of({"space": SPACE}), "one")
    turned = plan_sweep(config_of({"space": dict(reversed(SPACE.items()))}))
    assert TrialRegistry(turned, "two").earlier().trials == 0
    own, other = (TrialRegistry(each, "x").keys(each.points.columns(np.arange(6))) for each in (made, turned))
    assert sorted(own.tolist()) == sorted(other.tolist())
    assert len(set(own.tolist())) == 6


def test_another_config_is_another_setting(config_of):
    tried(config_of({"space": SPACE}), "one")
    other = config_of({"space": SPACE}, broker={"commission": 0.005})
    assert TrialRegistry(plan_sweep(other), "two").earlier().trials == 6
    named = config_of({"space": SPACE}, name="renamed", report={"tearsheet": True}, workers=2)
    assert TrialRegistry(plan_sweep(named), "two").earlier().trials == 0


def test_other_symbols_and_other_spans_do_not_count(config_of, prices):
    tried(config_of({"space": SPACE}), "one")

    def data(symbol="X", **span):
        return {"source": {"kind": "csv", "files": {symbol: str(prices)}}, **span}

    assert TrialRegistry(plan_sweep(config_of({"space": SPACE}, data=data("Z"))), "two").earlier().trials == 0
    early = config_of({"space": SPACE}, data=data(end="2015-06-01"))
    tried(early, "early")
    late = plan_sweep(config_of({"space": SPACE}, data=data(start="2015-06-02")))
    assert TrialRegistry(late, "late").earlier().trials == 6  # of the first sweep alone, whose span overlaps
    assert TrialRegistry(plan_sweep(early), "other").earlier().trials == 6


def test_ruined_and_failed_trials_were_tried_and_contradictions_were_not(config_of):
    status = ["done", "ruined", "failed", "invalid", "", "done"]
    tried(config_of({"space": SPACE}), "one", [1.0, np.nan, np.nan, np.nan, np.nan, 2.0], status)
    found = TrialRegistry(plan_sweep(config_of({"space": SPACE}, seed=9)), "two").earlier()
    assert (found.trials, found.sharpes) == (4, 2)


def test_a_damaged_book_is_no_end(config_of, own_ledger, caplog):
    tried(config_of({"space": SPACE}), "one")
    tried(config_of({"space": SPACE}, seed=3), "three")
    (own_ledger / "one.bin").write_bytes((own_ledger / "one.bin").read_bytes()[:-5])
    (own_ledger / "bad.json").write_text("{")
    (own_ledger / "lost.json").write_text(json.dumps({"symbols": ["X"], "first": "2000-01-03", "last": "2020-01-03"}))
    (own_ledger / "half.json").write_text(json.dumps({"symbols": ["X"]}))
    (own_ledger / "list.json").write_text("[]")
    book = TrialRegistry(plan_sweep(config_of({"space": SPACE}, seed=9)), "two")
    assert book.earlier().trials == 5 + 6
    assert "bad.json: cannot be read" in caplog.text


def test_a_ledger_that_cannot_be_written_is_a_warning(config_of, own_ledger, caplog):
    own_ledger.parent.mkdir(parents=True)
    own_ledger.write_text("no folder")
    tried(config_of({"space": SPACE}), "one")
    assert "cannot be written down" in caplog.text


ratios = st.lists(st.one_of(st.just(float("nan")), st.floats(-3, 3)), max_size=12)


@given(own=ratios, earlier=ratios)
def test_variances_are_pooled_as_if_all_were_one(own, earlier):
    own, earlier = (np.array(values, dtype=float) for values in (own, earlier))
    known = earlier[np.isfinite(earlier)]
    mean = known.mean() if len(known) else 0.0
    about = PriorTrials(len(earlier), len(known), float(mean), float(((known - mean) ** 2).sum()))
    both = np.concatenate([own[np.isfinite(own)], known])
    expected = both.var(ddof=1) if len(both) > 1 else 0.0
    assert pooled_variance(own, about) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_it_is_frozen_in_the_journal(config_of):
    from engine.sweep.run import _earlier

    entries = [{"format": 1}]
    journal = SimpleNamespace(entries=entries, append=entries.append)
    book = TrialRegistry(plan_sweep(config_of({"space": SPACE}, seed=9)), "two")
    tried(config_of({"space": SPACE}), "one")
    before = _earlier(book, journal)
    assert before.trials == 6
    tried(config_of({"space": SPACE}, seed=4), "three")
    assert book.earlier().trials == 12
    assert _earlier(book, journal) == before
    assert json.loads(json.dumps(journal.entries[-1])) == {"earlier": journal.entries[-1]["earlier"]}


def test_points_that_were_asked_for_are_written_down_too(config_of):
    made = plan_sweep(config_of({"space": SPACE, "method": "tpe", "trials": 3}))
    board = TrialRanking.empty(made.spec, 3)
    board.status[:] = "done"
    points = [{"risk.base": base, "model.slow": 8} for base in (0.01, 0.02, 0.02)]
    TrialRegistry(made, "one").write(board, points.__getitem__, 252.0)
    grid = plan_sweep(config_of({"space": {"risk.base": [0.5], "model.slow": [8]}}))
    assert TrialRegistry(grid, "two").earlier().trials == 2
    assert TrialRegistry(plan_sweep(config_of({"space": SPACE})), "two").earlier().trials == 0
    assert pd.isna(board.sharpe).all()
