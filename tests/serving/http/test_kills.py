"""The service is killed while it answers: what it acknowledged is in the log, once, and nothing else is wrong."""

import signal
import threading

import httpx
import pytest
from running_service import PATIENCE, Process, question

from serving.prediction_log.log import PredictionLog
from serving.prediction_log.read import read_alarms, read_predictions

pytestmark = pytest.mark.slow
KILLS = 20
CLIENTS = 4
ANSWERS = 12
"""Answers after which the service is killed, while others are under way."""


def test_no_acknowledged_answer_is_lost_or_doubled(rule_bundle, rule_config, log_url):
    market = rule_config.data.load()
    market = market.since(market.times[-400])
    bodies = [question(market.until(time).since(market.times[number])) for number, time in enumerate(market.times[60:])]
    numbers = iter(range(10**9))
    acknowledged = []
    for kill in range(KILLS):
        running = Process(rule_bundle.folder, "--db", log_url)
        enough = threading.Event()
        before = len(acknowledged)

        def ask(address=running.address, enough=enough, before=before):
            with httpx.Client(base_url=address, timeout=PATIENCE) as client:
                while True:
                    body = bodies[next(numbers) // 2 % len(bodies)]  # each bar is asked about twice, at once
                    try:
                        answered = client.post("/predict", json=body)
                    except httpx.TransportError:
                        return
                    assert answered.status_code == 200, answered.text
                    acknowledged.append(answered.json()["symbols"])
                    if len(acknowledged) >= before + ANSWERS:
                        enough.set()

        threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        assert enough.wait(PATIENCE), kill
        running.stop(signal.SIGKILL)
        for thread in threads:
            thread.join()
    log = PredictionLog.open(log_url)
    rows = read_predictions(log, rule_bundle.contents.digest).rows
    assert read_alarms(log, rule_bundle.contents.digest).empty
    log.close()
    stored = {(row.symbol, row.as_of.isoformat()): row for row in rows.itertuples()}
    assert len(stored) == len(rows)
    assert len(acknowledged) >= KILLS * ANSWERS
    for answer in (one for several in acknowledged for one in several.values()):
        row = stored[answer["symbol"], answer["as_of"]]
        assert (row.prediction, row.side, row.size) == (answer["prediction"], answer["side"], answer["size"])
