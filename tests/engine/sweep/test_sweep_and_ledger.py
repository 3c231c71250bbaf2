"""Sweeps and single runs count each other's settings, and a holdout that was opened is known to later sweeps."""

import pytest

from engine.ledger.ledger import Ledger
from engine.pipeline import Options, run_and_save
from engine.run_folder.run_folder import read_json
from engine.sweep.run import sweep_and_save

HOLDOUT = "2015-07-31"
SPACE = {"risk.base": [0.01, 0.02], "model.slow": [8, 12]}


def swept(config, folder):
    return sweep_and_save(config, Options(out=folder, cache=False, quiet=True))


@pytest.mark.slow
def test_a_second_sweep_that_opens_the_same_holdout_is_told(config_of, tmp_path, caplog):
    first = swept(config_of({"space": SPACE, "holdout": HOLDOUT}), tmp_path)
    assert first.numbers["holdout_uses"] == ""
    assert "seen before" not in caplog.text
    wider = {"space": {**SPACE, "risk.base": [0.01, 0.03]}, "holdout": HOLDOUT}
    second = swept(config_of(wider, name="second"), tmp_path)
    assert "the bars after 2015-07-31 were seen before: opened by 1 earlier sweep (tiny)" in caplog.text
    assert "The holdout was seen before: opened by 1 earlier sweep" in second.numbers["verdict"]["sentence"]
    assert "seen before" in (second.saved.folder / "sweep.html").read_text(encoding="utf-8")
    third = swept(config_of({**wider, "objective": {"measure": "total_return"}}, name="third"), tmp_path)
    assert third.numbers["holdout_uses"] == "seen before: opened by 2 earlier sweeps (second, tiny)"
    kinds = [line["kind"] for line in Ledger().chain.lines]
    assert kinds.count("holdout") == 3
    assert Ledger().faults() == []
    earlier = read_json(third.saved.folder / "manifest.json")["earlier_trials"]
    assert (earlier["trials"], earlier["openings"], earlier["views"]) == (2, 2, 0)  # 0.02 of the first sweep


@pytest.mark.slow
def test_a_run_over_the_bars_of_a_holdout_has_seen_them(config_of, tmp_path, caplog):
    config = config_of({"space": SPACE, "holdout": HOLDOUT})
    run_and_save(config.model_copy(update={"sweep": None}), Options(out=tmp_path, cache=False, quiet=True))
    result = swept(config, tmp_path)
    assert result.numbers["holdout_uses"] == "seen before: used by 1 other run (tiny)"
    earlier = read_json(result.saved.folder / "manifest.json")["earlier_trials"]
    assert earlier["trials"] == 1  # the run's first months are those of the trials


@pytest.mark.slow
def test_runs_count_the_trials_of_sweeps_and_sweeps_the_runs(config_of, tmp_path, capsys):
    config = config_of({"space": SPACE})
    result = swept(config, tmp_path)
    single = config.model_copy(update={"sweep": None, "name": "single"})
    run = run_and_save(single, Options(out=tmp_path, cache=False))
    sentence = "This is the 5th setting tried on these data."
    assert sentence in " ".join(capsys.readouterr().out.split())
    assert sentence in (run.saved.folder / "report.html").read_text(encoding="utf-8")
    tried = read_json(run.saved.folder / "manifest.json")["tried"]
    assert tried["settings"] == 5
    assert 0 < tried["deflated_sharpe"]["value"] < 1
    assert "tried" not in run.metrics  # equal runs have equal numbers, whatever was tried before
    other = swept(config_of({"space": {"risk.cap": [0.04, 0.03]}}), tmp_path)
    assert other.numbers["luck"]["trials"] == {"scored": 2, "earlier": 5, "all": 7}
    assert result.numbers["luck"]["trials"]["earlier"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("words", [[], ["--ledger"]])
def test_the_ledger_is_shown_and_verified_in_any_folder(words, config_of, tmp_path, prices):
    from click.testing import CliRunner

    from engine.cli.main import app

    folder = tmp_path / ("ci" if words else "data")
    words = [*words, *([str(folder)] if words else [])]
    config = tmp_path / "one.yaml"
    config.write_text(
        f"data: {{source: {{kind: csv, files: {{X: {prices}}}}}}}\nmodel: {{kind: sma_cross, fast: 3, slow: 8}}\n"
        "strategy: {kind: threshold}\nmeasures: {intervals: {reps: 0}, var_methods: [gaussian]}\n"
        "report: {tearsheet: false}\nworkers: 1\n"
    )

    def called(*arguments):
        done = CliRunner().invoke(app, [*map(str, arguments), *words], standalone_mode=False)
        assert done.exception is None, done.output
        return done.return_value, done.output

    called("run", config, "--quiet", "--out", tmp_path / "runs")
    called("run", config, "risk.base=0.01", "--quiet", "--out", tmp_path / "runs")
    code, text = called("ledger", "show")
    assert [line.split()[2] for line in text.splitlines()[1:3]] == ["run", "run"]
    assert (code, "3 lines, none removed or changed" in text) == (0, True)
    assert called("ledger", "verify")[0] == 0
    path = folder / "ledger.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
    code, text = called("ledger", "verify")
    assert (code, "the last 1 of 3 lines were removed" in text) == (1, True)


@pytest.mark.slow
def test_an_audit_counts_and_the_same_config_counts_once(config_of, tmp_path):
    from engine.audit.command import audit_and_save

    config = config_of({"space": SPACE}).model_copy(update={"sweep": None})
    audit_and_save(config, full=False, out=tmp_path, quiet=True)
    run = run_and_save(config, Options(out=tmp_path, cache=False, quiet=True))
    tried = read_json(run.saved.folder / "manifest.json")["tried"]
    assert (tried["settings"], tried["is_new"]) == (1, False)
