"""Faults around the service: clear answers, and the service goes on when they are over."""

import json
import shutil
import time

import pytest
from fake_model import FakeModel, body, loader
from running_service import question, service_process, serving

from serving.prediction_log.log import PredictionLog
from serving.prediction_log.read import read_predictions


def detail(answered, status):
    assert answered.status_code == status, answered.text
    return answered.json()["detail"]


def test_a_database_that_is_gone_and_comes_back(postgres):
    url = postgres.new_database()
    model = FakeModel()
    with serving("one", url, load=loader({"one": model})) as running:
        assert running.client.post("/predict", json=body([1.0, 2.0])).status_code == 200
        postgres.stop()
        try:
            refused = running.client.post("/predict", json=body([1.0, 2.0, 3.0]))
            text = detail(refused, 503)
            assert "the answer cannot be stored: prediction log postgresql://" in text
            assert "is the database running, and reachable from here?" in text
            assert refused.headers["retry-after"] == "2"
            assert "the log cannot be written" in detail(running.client.get("/ready"), 503)
            assert running.client.get("/health").status_code == 200
        finally:
            postgres.start()
        assert running.client.post("/predict", json=body([1.0, 2.0, 3.0])).status_code == 200
        assert running.client.get("/ready").status_code == 200
        assert len(read_predictions(running.log, model.record.id).rows) == 2


@pytest.mark.slow
def test_a_full_disk_of_a_process(rule_bundle, rule_config, tmp_path):
    """The limit of a file's size stands for the end of the disk: writes beyond it fail."""
    program = ["-c", FULL.format(limit=130_000)]
    market = rule_config.data.load()
    market = market.since(market.times[-100])
    log = tmp_path / "log.sqlite"
    questions = [question(market.until(time), account=cash) for cash in (1.0, 2.0) for time in market.times[-70:]]
    with service_process(rule_bundle.folder, "--db", f"sqlite:///{log}", program=program) as running:
        with running.client() as client:
            answers = [client.post("/predict", json=asked) for asked in questions]
            codes = [answered.status_code for answered in answers]
            assert set(codes) == {200, 503}
            text = detail(answers[codes.index(503)], 503)
            assert "the answer cannot be stored" in text
            assert "free space" in text or "free some space" in text
            assert client.get("/health").status_code == 200
        assert running.stop() == 0
    with service_process(rule_bundle.folder, "--db", f"sqlite:///{log}") as again, again.client() as client:
        assert client.get("/ready").status_code == 200
        assert client.post("/predict", json=question(market)).status_code == 200
    acknowledged = {
        row["as_of"] for done in answers if done.status_code == 200 for row in done.json()["symbols"].values()
    }
    opened = PredictionLog.open(f"sqlite:///{log}")
    stored = read_predictions(opened, rule_bundle.contents.digest).rows["as_of"]
    opened.close()
    assert {time.isoformat() for time in stored} == acknowledged | {market.times[-1].isoformat()}


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
from engine.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_bundle_that_is_deleted_while_it_is_served(rule_bundle, rule_config, tmp_path):
    import signal

    folder = tmp_path / "bundle"
    shutil.copytree(rule_bundle.folder, folder)
    market = rule_config.data.load()
    with service_process(folder) as running, running.client() as client:
        first = client.post("/predict", json=question(market))
        shutil.rmtree(folder)
        assert client.post("/predict", json=question(market)).json() == first.json()
        running.process.send_signal(signal.SIGHUP)
        while 'outcome="refused"} 1.0' not in client.get("/metrics").text:
            assert running.process.poll() is None
        assert client.get("/ready").status_code == 200
        shutil.copytree(rule_bundle.folder, folder)
        running.process.send_signal(signal.SIGHUP)
        while 'outcome="done"} 1.0' not in client.get("/metrics").text:
            assert running.process.poll() is None
        assert client.post("/predict", json=question(market)).json() == first.json()
        assert running.stop() == 0
        [refused] = [record for record in running.records() if record["event"] == "bundle refused"]
        assert "there is no such folder" in refused["reason"]


def test_two_services_on_one_file(tmp_path):
    url = f"sqlite:///{tmp_path / 'log.sqlite'}"
    models = loader({"one": FakeModel()})
    with serving("one", url, load=models) as first, serving("one", url, load=models) as second:
        for bars in range(2, 30):
            for running in (first, second):
                assert (
                    running.client.post("/predict", json=body([1.0 + n for n in range(bars)])).json()["warnings"] == []
                )
        assert len(read_predictions(first.log, FakeModel().record.id).rows) == 28


def test_a_clock_that_is_set_back(tmp_path, monkeypatch):
    model = FakeModel()
    with serving("one", f"sqlite:///{tmp_path / 'log.sqlite'}", load=loader({"one": model}), keep_days=1) as running:
        bars = body([1.0, 2.0])
        assert running.client.post("/predict", json=bars).status_code == 200
        past = time.time_ns() - 20 * 365 * 86_400 * 10**9
        monkeypatch.setattr("serving.service.time.time_ns", lambda: past)
        monkeypatch.setattr("marketdata.validation.pd.Timestamp.now", now_of(past), raising=False)
        assert "lies in the future" in detail(running.client.post("/predict", json=body([1.0, 2.0, 3.0])), 422)
        old = running.client.post("/predict", json={"symbol": "A", "bars": old_bars()})
        assert old.status_code == 200
        running.service.remove_old()
        monkeypatch.undo()
        assert running.client.post("/predict", json=bars).status_code == 200
        assert len(read_predictions(running.log, model.record.id).rows) == 2


def now_of(past):

    return classmethod(lambda cls, zone=None: cls(past, tz=zone))


def old_bars():
    from fake_model import rows

    return rows([1.0, 2.0], first="2001-01-02")


@pytest.mark.slow
def test_the_log_has_no_bodies_headers_or_tokens(rule_bundle, rule_config, tmp_path):
    market = rule_config.data.load()
    tokens = tmp_path / "tokens"
    tokens.write_text("clienttoken-0123456789\nadmintoken-0123456789\n")
    words = ("--db", f"sqlite:///{tmp_path / 'log.sqlite'}", "--token-file", tokens)
    with service_process(rule_bundle.folder, *words) as running, running.client() as client:
        headers = {"Authorization": "Bearer clienttoken-0123456789", "X-Request-Id": "mine"}
        assert client.post("/predict", json=question(market, account=123456.75), headers=headers).status_code == 200
        assert client.post("/predict", content=b"{secretbody", headers=headers).status_code == 415
        assert running.stop() == 0
        text = "".join(running.errors)
        for secret in ("123456.75", "clienttoken", "admintoken", "secretbody"):
            assert secret not in text
        [line] = [r for r in running.records() if r.get("request") == "mine" and r["status"] == 200]
        assert {"time", "level", "event", "method", "path", "seconds", "client"} <= set(line)
        assert json.loads(running.errors[-1])["event"] == "stopped"
