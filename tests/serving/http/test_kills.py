"""The service is killed while it answers: what it acknowledged is in the log, once, and nothing else is wrong."""

import itertools
import signal
import threading

import httpx
import pytest
from running_service import PATIENCE, Process, question

from serving.prediction_log.log import PredictionLog
from serving.prediction_log.read import read_alarms, read_predictions

pytestmark = pytest.mark.slow
KILLS = {"sqlite": 20, "postgresql": 5}
CLIENTS = 4
ANSWERS = 12
"""Answers after which the service is killed, while others are under way."""


class Askers:
    """Clients that ask until their service is gone; what was acknowledged is kept."""

    def __init__(self, bodies):
        self.bodies = bodies
        self.numbers = itertools.count()
        self.acknowledged = []

    def ask_until_killed(self, running):
        enough = threading.Event()
        goal = len(self.acknowledged) + ANSWERS
        threads = [threading.Thread(target=self._ask, args=(running.address, goal, enough)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        assert enough.wait(PATIENCE)
        running.stop(signal.SIGKILL)
        for thread in threads:
            thread.join()

    def _ask(self, address, goal, enough):
        with httpx.Client(base_url=address, timeout=PATIENCE) as client:
            while True:
                body = self.bodies[next(self.numbers) // 2 % len(self.bodies)]  # each bar is asked about twice, at once
                try:
                    answered = client.post("/predict", json=body)
                except httpx.TransportError:
                    return
                assert answered.status_code == 200, answered.text
                self.acknowledged += answered.json()["symbols"].values()
                if len(self.acknowledged) >= goal:
                    enough.set()


def test_no_acknowledged_answer_is_lost_or_doubled(rule_bundle, rule_config, log_url):
    market = rule_config.data.load()
    market = market.since(market.times[-400])
    askers = Askers(
        [question(market.until(time).since(market.times[row])) for row, time in enumerate(market.times[60:])]
    )
    kills = KILLS[log_url.partition(":")[0]]
    for _ in range(kills):
        askers.ask_until_killed(Process(rule_bundle.folder, "--db", log_url))
    log = PredictionLog.open(log_url)
    rows = read_predictions(log, rule_bundle.contents.digest).rows
    assert read_alarms(log, rule_bundle.contents.digest).empty
    log.close()
    stored = {(row.symbol, row.as_of.isoformat()): row for row in rows.itertuples()}
    assert len(stored) == len(rows)
    assert len(askers.acknowledged) >= kills * ANSWERS
    for answer in askers.acknowledged:
        row = stored[answer["symbol"], answer["as_of"]]
        assert (row.prediction, row.side, row.size) == (answer["prediction"], answer["side"], answer["size"])
