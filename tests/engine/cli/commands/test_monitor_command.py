"""The whole way of a served model: walk-forward, bundle, predictions, monitor, challenger, promotion."""

import json
import shutil
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pandas as pd
import pytest
from daily_walk import walk
from served_history import serve_history

from engine.api import run
from engine.bundle.lifecycle import retrain
from engine.bundle.lifecycle.promote import promote
from engine.bundle.read import load_bundle
from engine.bundle.train import train
from engine.cli.commands import monitor_command
from engine.cli.main import main
from engine.sweep.load_config import load_mapping
from serving.monitor import calibration, webhook
from serving.monitor.challenger import compare

BARS = 900
CUT = 800


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A bundle with its walk-forward, its market, and the folder that holds all."""
    folder = tmp_path_factory.mktemp("monitored")
    walk(seed=3, count=BARS).rename_axis("Date").to_csv(folder / "A.csv")
    config = load_mapping(
        {
            "name": "watched",
            "data": {
                "source": {"kind": "csv", "files": {"A": str(folder / "A.csv")}},
                "session_close": "16:00 America/New_York",
            },
            "features": [
                {"kind": "rsi", "window": 14},
                {"kind": "lagged_return"},
                {"kind": "volatility", "window": 10},
            ],
            "label": {"kind": "forward_return", "horizon": 1},
            "model": {"kind": "ridge"},
            "confidence": {"kind": "conformal"},
            "walk_forward": {"train": 200, "test": 60},
            "strategy": {"kind": "threshold", "entry": 0.0001},
            "measures": {"intervals": {"reps": 0}, "exam": {"methods": []}, "var_methods": ["gaussian"]},
            "report": {"tearsheet": False},
            "workers": 1,
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BACKTRADER_ML_DATA", str(folder / "ledger"))
        run(config, out=folder / "runs")
    market = config.data.load()
    cut = market.times[CUT]
    [run_folder] = (folder / "runs").glob("watched-*")
    bundle = train(config, folder / "bundle", cut=cut.isoformat(), run=run_folder)
    return bundle, market, folder


@pytest.fixture
def served(parts, tmp_path, monkeypatch):
    """The address of a log in which the bundle was asked at 90 closes after its cut; few streams are quick."""
    monkeypatch.setattr(calibration, "STREAMS", 20)
    monkeypatch.setenv("BACKTRADER_ML_DATA", str(tmp_path / "ledger"))
    bundle, market, _ = parts
    url = f"sqlite:///{tmp_path / 'log.sqlite'}"
    serve_history(bundle, market, url, market.times[CUT + 1 : CUT + 91])
    return url


def monitor(parts, url, *words):
    return main(["monitor", str(parts[2] / "bundle"), "--db", url, *words])


def last_json(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_the_reference_ends_before_the_cut(parts):
    bundle, market, _ = parts
    assert bundle.reference.sessions[-1] <= market.times[CUT].tz_localize(None)
    assert len(bundle.reference) > 500
    assert np.isfinite(bundle.reference.outcome[:-1]).all()


def test_the_reference_has_the_coverage_of_its_run(parts):
    bundle, _, folder = parts
    [metrics] = (folder / "runs").glob("watched-*/metrics.json")
    covered = json.loads(metrics.read_text())["forecasts"]["coverage"]["covered"]
    assert np.nanmean(bundle.reference.covered) == pytest.approx(covered, abs=1 / 500)


def test_scores_are_those_of_the_log_and_the_prices(parts, served, capsys):
    monitor(parts, served, "--json", f"data.source.files.A={parts[2] / 'A.csv'}")
    content = last_json(capsys)
    bundle, market, _ = parts
    bars = market.bars["A"]
    rows = range(CUT + 1, CUT + 91)
    predictions = np.array([bundle.decide(market.until(market.times[row])).rows[0].prediction for row in rows])
    outcome = np.array([bars.close[row + 1] / bars.close[row] - 1 for row in rows])
    scores = {score["name"]: score["overall"] for score in content["scores"]}
    assert scores["mse"] == pytest.approx(np.mean((outcome - predictions) ** 2))
    assert scores["mae"] == pytest.approx(np.mean(np.abs(outcome - predictions)))
    assert scores["mape"] == pytest.approx(np.mean(np.abs(outcome - predictions) / (1 + outcome)))
    assert scores["hit_rate"] == pytest.approx(np.mean(np.sign(outcome) == np.sign(predictions)))
    assert scores["ic"] == pytest.approx(pd.Series(outcome).corr(pd.Series(predictions), method="spearman"))
    assert scores["r2"] == pytest.approx(
        1 - np.sum((outcome - predictions) ** 2) / np.sum((outcome - outcome.mean()) ** 2)
    )
    assert content["sessions"] == 90
    assert content["verdict"] in ("ok", "watch", "retrain")
    assert content["checks"] == 2 * (5 * (len(bundle.contents.features) + 1) + 8)


def test_a_missing_session_and_a_corrected_bar_are_facts(parts, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(calibration, "STREAMS", 10)
    bundle, market, folder = parts
    url = f"sqlite:///{tmp_path / 'log.sqlite'}"
    times = market.times[CUT + 1 : CUT + 31]
    serve_history(bundle, market, url, times.delete(10))
    table = pd.read_csv(folder / "A.csv")
    column = next(name for name in table if name.lower() == "close")
    row = CUT + 1 + 5
    table.loc[row, column] = table.loc[row, [name for name in table if name.lower() in ("high", "low")]].mean()
    table.to_csv(tmp_path / "A.csv", index=False)
    monitor(parts, url, "--json", f"data.source.files.A={tmp_path / 'A.csv'}", f"data.end={times[-1]:%F}")
    content = last_json(capsys)
    facts = " / ".join(content["facts"])
    assert f"1 session without a prediction: {times[10]:%F} A" in facts
    assert f"1 bar with another close now than the one decided on: {times[5]:%F} A" in facts
    assert content["verdict"] != "ok"


def test_another_answer_than_the_first_one_is_a_fact(parts, served, capsys):
    bundle, market, _ = parts
    bars = market.bars["A"]
    close = bars.close.copy()
    close[CUT + 3] *= 1.01
    other = replace(market, bars={"A": replace(bars, close=close, high=np.maximum(bars.high, close))})
    serve_history(bundle, other, served, market.times[CUT + 3 : CUT + 4])
    monitor(parts, served, "--json")
    day = f"{market.times[CUT + 3]:%F}"
    assert f"1 bar with another answer than the first one: {day} A" in last_json(capsys)["facts"]


def test_an_outcome_that_is_not_known_yet_waits(parts, served, capsys):
    end = parts[1].times[CUT + 90]
    monitor(parts, served, "--json", f"data.end={end:%F}")
    assert last_json(capsys)["waiting_for_outcome"] == 1


def test_a_planted_fault_ends_with_exit_code_1_and_its_session(parts, tmp_path, monkeypatch, capsys):
    """The prices that the service is given are a hundred times too high in their range from some bar on."""
    monkeypatch.setattr(calibration, "STREAMS", 20)
    bundle, market, _ = parts
    url = f"sqlite:///{tmp_path / 'log.sqlite'}"
    times = market.times[CUT + 1 : CUT + 61]
    serve_history(bundle, market, url, times[:30])
    scale = np.where(np.arange(len(market.times)) > CUT + 30, 3.0, 1.0)
    bars = market.bars["A"]
    returns = np.append(0.0, bars.close[1:] / bars.close[:-1] - 1) * scale
    close = bars.close[0] * np.cumprod(1 + returns)
    wild = replace(bars, open=close, high=close * 1.001, low=close * 0.999, close=close)
    serve_history(bundle, replace(market, bars={"A": wild}), url, times[30:])
    assert monitor(parts, url, "--json", f"data.end={times[-1]:%F}") == 1
    content = last_json(capsys)
    assert content["verdict"] == "retrain"
    first = min(alert["first_evidence"] for alert in content["alerts"] if "spread" in alert["check"])
    position = times.strftime("%F").tolist().index(first)
    assert abs(position - 30) <= 12


def test_page_gauges_and_log_are_written(parts, served, tmp_path, capsys):
    words = ["--page", tmp_path / "m.html", "--gauges", tmp_path / "m.prom", "--log", tmp_path / "m.jsonl"]
    for _ in range(2):
        monitor(parts, served, *map(str, words))
    assert "Monitor of watched" in (tmp_path / "m.html").read_text()
    gauges = (tmp_path / "m.prom").read_text()
    assert 'btml_monitor_sessions{model="watched"} 90.0' in gauges
    lines = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    assert len(lines) == 2
    assert {**lines[0], "at": ""} == {**lines[1], "at": ""}
    out = capsys.readouterr().out
    assert "one false alarm of all" in out


@pytest.mark.slow
def test_two_monitors_at_once_append_whole_lines(parts, served, tmp_path):
    threads = [
        threading.Thread(target=monitor, args=(parts, served, "--json", "--log", str(tmp_path / "m.jsonl")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert len([json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]) == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--webhook", "ftp://x"], "must begin with http"),
        (["--webhook", "http://"], "is no address"),
        (["--promote"], "add --retrain DIR"),
        (["--pause", "nan"], "not a finite number"),
        (["--every", "99999999"], "not in the range"),
        (["data.end=1980-01-01"], ""),
    ],
)
def test_bad_input_is_one_line(parts, served, capsys, words, message):
    assert monitor(parts, served, *words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--page", "--log", "--gauges", "--retrain"])
@pytest.mark.parametrize("place", ["file/m", "."])
def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    parts, served, tmp_path, monkeypatch, capsys, option, place
):
    monkeypatch.setattr(monitor_command, "_reference", None)
    (tmp_path / "file").write_text("")
    assert monitor(parts, served, option, str(tmp_path / place)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert str(tmp_path) in captured.err


def test_two_options_do_not_name_one_file(parts, served, tmp_path, capsys):
    assert monitor(parts, served, "--page", str(tmp_path / "m"), "--log", str(tmp_path / "m")) == 2
    assert "--page names this file already" in capsys.readouterr().err


def test_without_a_log_or_a_walk_forward_it_says_what_to_do(parts, tmp_path, capsys):
    assert monitor(parts, f"sqlite:///{tmp_path / 'none.sqlite'}") == 2
    assert "serve the bundle first" in capsys.readouterr().err
    assert not (tmp_path / "none.sqlite").exists()
    config = load_mapping(parts[0].contents.config)
    train(config, tmp_path / "bare", cut=parts[0].contents.cut)
    assert main(["monitor", str(tmp_path / "bare")]) == 2
    assert "train it again with --run RUN" in capsys.readouterr().err


def test_data_without_any_logged_bar_are_refused(parts, served, tmp_path, capsys):
    table = pd.read_csv(parts[2] / "A.csv").iloc[:300]
    table.to_csv(tmp_path / "old.csv", index=False)
    assert monitor(parts, served, str(tmp_path / "old.csv")) == 2
    assert "no logged bar of watched is in the data" in capsys.readouterr().err


def test_a_file_of_the_same_prices_joins_every_bar(parts, served, capsys):
    monitor(parts, served, "--json", str(parts[2] / "A.csv"))
    content = last_json(capsys)
    assert content["waiting_for_outcome"] == 0
    assert not any("do not have" in fact for fact in content["facts"])


def test_a_reader_leaves_another_database_alone(parts, tmp_path, capsys):
    import sqlite3

    path = tmp_path / "other.sqlite"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE mine (x)")
    database.close()
    before = path.read_bytes()
    assert monitor(parts, f"sqlite:///{path}") == 2
    assert "is no prediction log" in capsys.readouterr().err
    assert path.read_bytes() == before


# --- the webhook


@pytest.fixture
def listener():
    """A server on loopback that answers with the statuses it is told, and remembers what it was sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.bodies, server.statuses = [], []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("statuses", "arrives", "posts"), [([], True, 1), ([500, 503], True, 3), ([404], False, 1)])
def test_a_webhook_is_told_once(listener, monkeypatch, statuses, arrives, posts):
    monkeypatch.setattr(webhook, "FIRST_PAUSE", 0.01)
    listener.statuses = list(statuses)
    assert webhook.post(f"http://127.0.0.1:{listener.server_port}/x", {"verdict": "retrain"}) is arrives
    assert len(listener.bodies) == posts
    assert json.loads(listener.bodies[-1]) == {"verdict": "retrain"}


def test_a_webhook_that_is_down_is_a_warning(monkeypatch, caplog):
    monkeypatch.setattr(webhook, "FIRST_PAUSE", 0.01)
    assert webhook.post("http://127.0.0.1:9/x", {}) is False
    assert "was not told" in caplog.text


# --- the challenger


def test_a_challenger_is_trained_then_compared_and_kept_out(parts, served, tmp_path, capsys):
    words = ["--retrain", str(tmp_path / "challenger"), f"data.end={parts[1].times[CUT + 40]:%F}"]
    monitor(parts, served, *words)
    assert "trained on what was known" in capsys.readouterr().out
    challenger = load_bundle(tmp_path / "challenger")
    assert challenger.cut == parts[1].times[CUT + 40]
    assert len(challenger.reference) == len(parts[0].reference)
    before = (parts[2] / "bundle" / "bundle.json").read_bytes()
    monitor(parts, served, "--retrain", str(tmp_path / "challenger"), "--promote")
    assert "keep the champion: 58 sessions" in capsys.readouterr().out
    assert (parts[2] / "bundle" / "bundle.json").read_bytes() == before
    ledger = (tmp_path / "ledger").rglob("*.jsonl")
    assert any("watched" in path.read_text() for path in ledger)


def test_a_promotion_swaps_and_leaves_the_reason_in_both(parts, tmp_path):
    config = load_mapping(parts[0].contents.config)
    _, market, _ = parts
    champion = train(config, tmp_path / "live", cut=market.times[CUT].isoformat())
    challenger = train(config, tmp_path / "next", cut=market.times[CUT + 50].isoformat())
    replaced = promote(tmp_path / "live", tmp_path / "next", "e-value 120")
    now, old = load_bundle(tmp_path / "live"), load_bundle(replaced)
    assert now.cut == challenger.cut
    assert old.cut == champion.cut
    assert "e-value 120" in now.contents.promotion
    assert "e-value 120" in old.contents.promotion
    assert now.decide(market).rows[0].prediction == challenger.decide(market).rows[0].prediction


@pytest.mark.slow
def test_a_watch_goes_on_with_the_bundle_that_took_the_place(parts, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(calibration, "STREAMS", 10)
    monkeypatch.setenv("BACKTRADER_ML_DATA", str(tmp_path / "ledger"))
    bundle, market, folder = parts
    shutil.copytree(folder / "bundle", tmp_path / "live")
    url = f"sqlite:///{tmp_path / 'log.sqlite'}"
    serve_history(bundle, market, url, market.times[CUT + 1 : CUT + 11])
    data = market.times[CUT + 12]
    words = ["monitor", str(tmp_path / "live"), "--db", url, "--json", f"data.end={data:%F}"]
    main([*words, "--retrain", str(tmp_path / "next")])

    def rounds(once, _seconds):
        promote(tmp_path / "live", tmp_path / "next", "e-value 120")
        now = load_bundle(tmp_path / "live")
        serve_history(now, market, url, market.times[CUT + 11 : CUT + 13])
        once()

    monkeypatch.setattr(monitor_command, "_again", rounds)
    assert main([*words, "--watch"]) == 0
    ids = [json.loads(line)["model"]["id"] for line in capsys.readouterr().out.splitlines() if "model" in line]
    assert ids[-2] == bundle.contents.digest
    assert ids[-1] == load_bundle(tmp_path / "live").contents.digest != ids[-2]


def test_sessions_of_the_comparison_are_those_that_neither_saw(parts, tmp_path, monkeypatch):
    config = load_mapping(parts[0].contents.config)
    bundle, market, _ = parts
    later = train(config, tmp_path / "later", cut=market.times[CUT + 30].isoformat())
    seen = []
    monkeypatch.setattr(
        retrain, "_predictions", lambda _bundle, _market, times: seen.append(times) or np.zeros((len(times), 1))
    )
    assert retrain.compare_bundles(bundle, later, market) == compare(np.zeros(BARS - CUT - 31 - 1))
    assert all((times > later.cut).all() for times in seen)
