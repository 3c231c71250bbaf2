"""Settings tried on the same data are counted, each once, whichever way they were tried."""

import json
import threading

import numpy as np
import pandas as pd
import pytest

from engine.ledger.ledger import AUDIT, RUN, SWEEP, Ledger, ledger_folder, run_key, use_folder
from engine.ledger.record_run import FinishedRun, record_run
from engine.ledger.settings import ENTRY
from engine.ledger.tried_data import TriedSpan
from risk.measures._track import expected_maximum
from risk.overfitting import probabilistic_sharpe


def day(text):
    return pd.Timestamp(text)


@pytest.fixture
def span(market_of):
    return TriedSpan.of(market_of(), day("2015-02-02"), day("2015-12-31"))


def run_of(market, setting, seed=0, days=200, mean=0.0):
    sessions = pd.bdate_range("2015-02-02", periods=days)
    excess = np.random.default_rng([7, seed]).normal(mean, 0.01, days)
    return FinishedRun(setting, f"name {setting}", market, sessions, excess)


def test_equal_ids_count_once(span):
    for kind, setting, sharpe in (
        (RUN, "a", 0.1),
        (AUDIT, "a", None),
        (RUN, "b", 0.2),
        (AUDIT, "c", None),
        (RUN, "a", 0.1),
    ):
        Ledger().record(kind, setting, "n", span, sharpe=sharpe)
    entries = Ledger().settings(span)
    assert sorted(entries["key"].tolist()) == sorted(run_key(setting) for setting in "abc")
    values = dict(zip(entries["key"].tolist(), entries["sharpe"].tolist(), strict=True))
    assert (values[run_key("a")], values[run_key("b")]) == (0.1, 0.2)
    assert np.isnan(values[run_key("c")])


def test_data_are_written_once_and_trials_of_sweeps_count(span):
    ledger = Ledger()
    entries = np.array([(1, 0.1), (2, 0.2), (3, np.nan)], dtype=ENTRY)
    ledger.record(SWEEP, "s", "sweep", span)
    ledger.record(SWEEP, "s", "sweep", span, trials=3, file=ledger.write_trials("s", entries))
    ledger.record(RUN, "a", "run", span, sharpe=0.5)
    assert [line["kind"] for line in Ledger().chain.lines] == ["data", "sweep", "sweep", "run"]
    assert len(Ledger().settings(span)) == 4
    assert len(Ledger().settings(span, but_sweep="s")) == 1
    assert Ledger().faults() == []


def test_the_trials_of_a_sweep_cannot_be_removed_or_changed_unnoticed(span):
    ledger = Ledger()
    entries = np.array([(1, 0.1), (2, 0.2)], dtype=ENTRY)
    ledger.record(SWEEP, "s", "sweep", span, trials=2, file=ledger.write_trials("s", entries))
    ledger.write_trials("s", entries[:1])
    assert "the trials of sweep (s.bin) are missing or changed" in Ledger().faults()[0]
    (ledger.trials_folder / "s.bin").unlink()
    assert Ledger().faults()
    ledger.record(SWEEP, "s", "sweep", span)  # it is run again: until it ends its file may change
    assert Ledger().faults() == []


def test_spans_that_do_not_overlap_do_not_count(market_of):
    market = market_of()
    Ledger().record(RUN, "a", "n", TriedSpan.of(market, day("2015-02-02"), day("2015-06-30")), sharpe=0.1)
    assert len(Ledger().settings(TriedSpan.of(market, day("2015-07-01"), day("2015-12-31")))) == 0
    assert len(Ledger().settings(TriedSpan.of(market, day("2015-06-15"), day("2015-12-31")))) == 1


def test_a_run_is_told_its_place_among_all_settings(market_of):
    market = market_of()
    first = record_run(run_of(market, "a"))
    assert (first.count, first.is_new) == (1, True)
    assert first.sentences == ("This is the 1st setting tried on these data.",)
    runs = [run_of(market_of("renamed", scale=3.0), f"id {seed}", seed) for seed in range(1, 14)]
    last = [record_run(run) for run in runs][-1]
    assert (last.count, last.is_new) == (14, True)
    assert last.sentences[0] == "This is the 14th setting tried on these data."
    assert record_run(run_of(market_of(seed=99), "other data")).count == 1
    again = record_run(run_of(market, "a"))
    assert (again.count, again.is_new) == (14, False)
    assert again.sentences[0] == "14 settings were tried on these data, this one included."


def test_the_deflated_sharpe_ratio_is_over_all_settings(market_of):
    """By hand: probability of a ratio above the expected maximum of n, from the variance of the n ratios (ddof 1)."""
    runs = [run_of(market_of(), f"id {seed}", seed, mean=0.001) for seed in range(6)]
    tried = [record_run(run) for run in runs][-1]
    ratios = [run.excess.mean() / run.excess.std(ddof=1) for run in runs]
    variance = np.var(ratios, ddof=1)
    expected = probabilistic_sharpe(runs[-1].excess, expected_maximum(6, variance)).value
    assert tried.variance == pytest.approx(variance)
    assert tried.deflated.value == pytest.approx(expected)
    assert f"{expected:.4f}" in tried.sentences[1]
    assert "is needed" in tried.sentences[1]


def test_an_account_that_never_moved_is_counted_and_has_no_ratio(market_of):
    still = FinishedRun("still", "n", market_of(), pd.bdate_range("2015-02-02", periods=50), np.zeros(50))
    record_run(run_of(market_of(), "a"))
    tried = record_run(still)
    assert tried.count == 2
    assert "cannot be corrected for their number" in tried.sentences[1]
    assert Ledger().chain.lines[-1]["sharpe"] is None


def test_a_damaged_ledger_is_told_and_counts_what_is_left(market_of, folder):
    for seed in range(3):
        record_run(run_of(market_of(), f"id {seed}", seed))
    path = folder / "ledger.jsonl"
    rows = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*rows[:2], *rows[3:]]))
    tried = record_run(run_of(market_of(), "last"))
    assert tried.count == 3
    assert "The ledger is damaged (" in tried.sentences[-1]
    assert Ledger().faults()


def test_a_ledger_that_cannot_be_written_is_a_warning(market_of, folder, caplog):
    folder.write_text("no folder")
    tried = record_run(run_of(market_of(), "a"))
    assert tried.count == 1
    assert "the ledger cannot be written" in caplog.text or "the ledger cannot be read" in caplog.text


def test_lines_of_another_version_are_skipped(span, folder):
    Ledger().record(RUN, "a", "n", span, sharpe=0.1)
    Ledger().record("later kind", "b", "n", span)
    assert len(Ledger().settings(span)) == 1
    line = json.loads((folder / "ledger.jsonl").read_text().splitlines()[-1])
    assert line["kind"] == "later kind"


def test_writers_at_the_same_time_lose_nothing(span):
    def write(writer):
        for number in range(5):
            Ledger().record(RUN, f"{writer}-{number}", "n", span, sharpe=0.1)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Ledger().settings(span)) == 20
    assert Ledger().faults() == []
    assert [line["kind"] for line in Ledger().chain.lines].count("data") == 1


def test_another_folder_can_be_given(tmp_path, folder):
    assert ledger_folder() == folder
    with use_folder(tmp_path / "ci"):
        assert ledger_folder() == tmp_path / "ci"
        with use_folder(None):
            assert ledger_folder() == tmp_path / "ci"
    assert ledger_folder() == folder
