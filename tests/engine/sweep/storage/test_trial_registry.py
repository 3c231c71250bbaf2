"""Only trials of other sweeps on the same data count as prior trials."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ledger.ledger import Ledger
from engine.ledger.settings import PriorTrials, pooled_variance
from engine.sweep.storage import trial_registry
from engine.sweep.storage.trial_registry import TrialRegistry, warn_of_seen_holdout
from engine.sweep.trials.plan import plan_sweep
from engine.sweep.trials.ranking import TrialRanking

SPACE = {"risk.base": [0.01, 0.02, 0.03], "model.slow": [8, 12]}


def register(config, name, sharpes=None, status="done"):
    """Register the trials of a sweep of a config without running them; returns its plan."""
    sweep_plan = plan_sweep(config)
    ranking = TrialRanking.empty(sweep_plan.spec, sweep_plan.count)
    ranking.sharpe[:] = np.arange(sweep_plan.count) if sharpes is None else sharpes
    ranking.status[:] = status
    TrialRegistry(sweep_plan, name).finish(ranking, None, 252.0)
    return sweep_plan


def test_a_setting_counts_once_however_often_it_is_tried(config_of):
    first = config_of({"space": SPACE})
    sweep_plan = register(first, "one")
    assert TrialRegistry(sweep_plan, "one").prior_trials() == PriorTrials(0, 0, 0.0, 0.0)
    # The same space with another objective: all of its points were tried before, and will be counted as its own.
    again = config_of({"space": SPACE, "objective": {"measure": "calmar"}})
    assert TrialRegistry(plan_sweep(again), "two").prior_trials().trials == 0
    register(again, "two")
    other = config_of({"space": {**SPACE, "risk.base": [0.02, 0.5]}})
    prior = TrialRegistry(plan_sweep(other), "three").prior_trials()
    assert prior.trials == 4  # 0.01 and 0.03, each with two models; those of 0.02 are tried again
    ratios = np.array([0.0, 1.0, 4.0, 5.0]) / np.sqrt(252.0)
    assert prior.sharpes == 4
    np.testing.assert_allclose([prior.mean, prior.squares], [ratios.mean(), ((ratios - ratios.mean()) ** 2).sum()])


def test_a_sweep_that_is_run_again_with_another_rule_counts_anew(config_of, monkeypatch):
    config = config_of({"space": SPACE})
    register(config, "one")
    for code, prior in (("aaaaaaaaaaaa", 6), ("bbbbbbbbbbbb", 12)):
        monkeypatch.setattr(trial_registry, "own_code", lambda _, code=code: code)
        assert TrialRegistry(plan_sweep(config), "one").prior_trials().trials == prior
        register(config, "one")
        assert TrialRegistry(plan_sweep(config), "one").prior_trials().trials == prior  # its own do not count
    assert Ledger().faults() == []


def test_the_order_in_which_keys_are_written_does_not_matter(config_of):
    sweep_plan = register(config_of({"space": SPACE}), "one")
    turned = plan_sweep(config_of({"space": dict(reversed(SPACE.items()))}))
    assert TrialRegistry(turned, "two").prior_trials().trials == 0
    keys, other_keys = (
        TrialRegistry(item, "x").keys(item.points.columns(np.arange(6))) for item in (sweep_plan, turned)
    )
    assert sorted(keys.tolist()) == sorted(other_keys.tolist())
    assert len(set(keys.tolist())) == 6


def test_another_config_is_another_setting(config_of):
    register(config_of({"space": SPACE}), "one")
    other = config_of({"space": SPACE}, broker={"commission": 0.005})
    assert TrialRegistry(plan_sweep(other), "two").prior_trials().trials == 6
    named = config_of({"space": SPACE}, name="renamed", report={"tearsheet": True}, workers=2)
    assert TrialRegistry(plan_sweep(named), "two").prior_trials().trials == 0


def data_of(path, symbol="X", **span):
    return {"source": {"kind": "csv", "files": {symbol: str(path)}}, **span}


def test_other_spans_do_not_count(config_of, prices):
    register(config_of({"space": SPACE}), "one")
    early = config_of({"space": SPACE}, data=data_of(prices, end="2015-06-01"))
    register(early, "early")
    late = plan_sweep(config_of({"space": SPACE}, data=data_of(prices, start="2015-06-02")))
    assert TrialRegistry(late, "late").prior_trials().trials == 6  # of the first sweep alone, whose span overlaps
    assert TrialRegistry(plan_sweep(early), "other").prior_trials().trials == 6


def test_data_are_known_by_their_content_and_not_by_their_names(config_of, prices, walk, tmp_path):
    """Renamed, rescaled and longer files of the same prices count; other prices of the same name do not."""
    register(config_of({"space": SPACE}, broker={"commission": 0.003}), "one")
    renamed = config_of({"space": SPACE}, data=data_of(prices, "Z"))
    assert TrialRegistry(plan_sweep(renamed), "two").prior_trials().trials == 6
    frame = walk.iloc[:260] * 1.0
    frame[["Open", "High", "Low", "Close"]] = (frame[["Open", "High", "Low", "Close"]] * 0.7312).round(4)
    frame.to_csv(tmp_path / "again.csv")
    again = config_of({"space": SPACE}, data=data_of(tmp_path / "again.csv", "Q"))
    assert TrialRegistry(plan_sweep(again), "two").prior_trials().trials == 6
    changed = walk.iloc[::-1].set_index(walk.index).iloc[:200]
    changed.to_csv(tmp_path / "changed.csv")
    other = config_of({"space": SPACE}, data=data_of(tmp_path / "changed.csv"))
    assert TrialRegistry(plan_sweep(other), "two").prior_trials().trials == 0


def test_ruined_and_failed_trials_were_tried_and_contradictions_were_not(config_of):
    status = ["done", "ruined", "failed", "invalid", "", "done"]
    register(config_of({"space": SPACE}), "one", [1.0, np.nan, np.nan, np.nan, np.nan, 2.0], status)
    prior = TrialRegistry(plan_sweep(config_of({"space": SPACE}, seed=9)), "two").prior_trials()
    assert (prior.trials, prior.sharpes) == (4, 2)


HELD_OUT = {"space": SPACE, "holdout": "2015-07-31"}


def uses_of_holdout(config, name, caplog):
    """The prior trials of a sweep with a holdout, and the warning."""
    sweep_plan = plan_sweep(config)
    prior = TrialRegistry(sweep_plan, name).prior_trials(config)
    warn_of_seen_holdout(sweep_plan, prior)
    return prior, caplog.text


def test_a_warning_names_the_sweep_whose_trials_have_seen_the_holdout(config_of, caplog):
    register(config_of({"space": SPACE}), "one")
    prior, warning = uses_of_holdout(config_of(HELD_OUT, name="other"), "two", caplog)
    assert (prior.openings, prior.views) == (0, 1)
    assert "the bars after 2015-07-31 were seen before: used by 1 other run (tiny)" in warning


def test_a_warning_names_the_sweeps_that_have_opened_the_holdout(config_of, caplog):
    config = config_of(HELD_OUT)
    for name in ("one", "two", "two"):
        sweep_plan = register(config, name)
        TrialRegistry(sweep_plan, name).record_opening(config.data.load())
    prior, warning = uses_of_holdout(config, "three", caplog)
    assert (prior.openings, prior.views) == (2, 0)
    assert "seen before: opened by 2 earlier sweeps (tiny): they are no holdout any more" in warning


def test_no_warning_for_bars_that_no_sweep_has_seen(config_of, prices, caplog):
    register(config_of({"space": SPACE}, data=data_of(prices, end="2015-06-30")), "one")
    register(config_of(HELD_OUT), "two")  # its trials ended before the holdout, and it was never opened
    prior, warning = uses_of_holdout(config_of(HELD_OUT), "three", caplog)
    assert (prior.holdout_uses, warning) == ("", "")


def test_the_repetition_of_a_sweep_records_nothing(config_of, registry_files):
    config = config_of(HELD_OUT)
    sweep_plan = plan_sweep(config)
    registry = TrialRegistry(sweep_plan, "one", is_recording=False)
    registry.begin()
    registry.record_opening(config.data.load())
    with registry.updated(TrialRanking.empty(sweep_plan.spec, 6), None, 252.0, print) as callback:
        assert callback is print
    assert not registry_files.parent.exists()


def as_older_version(registry_files, name, **changes):
    """The records of a sweep as an earlier version wrote them: symbols, span and name beside its trials."""
    for path in registry_files.parent.glob("ledger.*"):
        path.unlink()
    values = {"symbols": ["X"], "first": "2015-01-14", "last": "2015-10-06", "name": "old", **changes}
    (registry_files / f"{name}.json").write_text(json.dumps(values))


def test_records_of_an_earlier_version_are_read_with_a_note(config_of, prices, registry_files, caplog):
    register(config_of({"space": SPACE}, broker={"commission": 0.003}), "one")
    as_older_version(registry_files, "one", holdout="2015-07-31")
    config = config_of(HELD_OUT)
    prior, warning = uses_of_holdout(config, "two", caplog)
    assert (prior.trials, prior.openings) == (6, 1)
    assert "1 of the sweeps counted was recorded by an earlier version, and matched by the symbols' names" in warning
    renamed = config_of({"space": SPACE}, data=data_of(prices, "Z"))
    assert TrialRegistry(plan_sweep(renamed), "two").prior_trials().trials == 0


def test_a_damaged_file_does_not_stop_a_sweep(config_of, registry_files, caplog):
    register(config_of({"space": SPACE}), "one")
    register(config_of({"space": SPACE}, seed=3), "three")
    (registry_files / "one.bin").write_bytes((registry_files / "one.bin").read_bytes()[:-5])
    (registry_files / "bad.json").write_text("{")
    (registry_files / "lost.json").write_text(
        json.dumps({"symbols": ["X"], "first": "2000-01-03", "last": "2020-01-03"})
    )
    (registry_files / "half.json").write_text(json.dumps({"symbols": ["X"]}))
    (registry_files / "list.json").write_text("[]")
    registry = TrialRegistry(plan_sweep(config_of({"space": SPACE}, seed=9)), "two")
    assert registry.prior_trials().trials == 5 + 6
    assert "bad.json: cannot be read" in caplog.text


def test_a_registry_that_cannot_be_written_is_a_warning(config_of, registry_files, caplog):
    registry_files.parent.mkdir(parents=True)
    registry_files.write_text("no folder")
    register(config_of({"space": SPACE}), "one")
    assert "cannot be written down" in caplog.text


ratios = st.lists(st.one_of(st.just(float("nan")), st.floats(-3, 3)), max_size=12)


@given(swept=ratios, earlier=ratios)
def test_variances_are_pooled_as_if_all_were_one(swept, earlier):
    swept, earlier = (np.array(values, dtype=float) for values in (swept, earlier))
    finite = earlier[np.isfinite(earlier)]
    mean = finite.mean() if len(finite) else 0.0
    prior = PriorTrials(len(earlier), len(finite), float(mean), float(((finite - mean) ** 2).sum()))
    both = np.concatenate([swept[np.isfinite(swept)], finite])
    expected = both.var(ddof=1) if len(both) > 1 else 0.0
    assert pooled_variance(swept, prior) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_prior_trials_are_fixed_in_the_journal(config_of):
    from engine.sweep.session import prior_trials

    entries = [{"format": 1}]
    journal = SimpleNamespace(entries=entries, append=entries.append)
    registry = TrialRegistry(plan_sweep(config_of({"space": SPACE}, seed=9)), "two")
    register(config_of({"space": SPACE}), "one")
    before = prior_trials(registry, journal)
    assert before.trials == 6
    register(config_of({"space": SPACE}, seed=4), "three")
    assert registry.prior_trials().trials == 12
    assert prior_trials(registry, journal) == before
    assert json.loads(json.dumps(journal.entries[-1])) == {"earlier": journal.entries[-1]["earlier"]}


def test_points_that_were_asked_for_are_written_down_too(config_of):
    sweep_plan = plan_sweep(config_of({"space": SPACE, "method": "tpe", "trials": 3}))
    ranking = TrialRanking.empty(sweep_plan.spec, 3)
    ranking.status[:] = "done"
    points = [{"risk.base": base, "model.slow": 8} for base in (0.01, 0.02, 0.02)]
    TrialRegistry(sweep_plan, "one").finish(ranking, points.__getitem__, 252.0)
    grid = plan_sweep(config_of({"space": {"risk.base": [0.5], "model.slow": [8]}}))
    assert TrialRegistry(grid, "two").prior_trials().trials == 2
    assert TrialRegistry(plan_sweep(config_of({"space": SPACE})), "two").prior_trials().trials == 0
    assert pd.isna(ranking.sharpe).all()
