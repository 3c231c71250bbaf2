"""Many requests at once: a bounded number is answered, the others get 503, and none is dropped by a stop or a swap."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from fake_model import FakeModel, body, loader
from running_service import PATIENCE, serving

from core.errors import StoreError
from serving.http.settings import Limits
from serving.http.tokens import Tokens
from serving.prediction_log.read import read_predictions

ADMIN = {"Authorization": f"Bearer {'a' * 20}"}
TOKENS = Tokens("a" * 20, "a" * 20)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'log.sqlite'}"


def test_beyond_the_limit_a_request_is_refused_at_once(url):
    model = FakeModel()
    model.gate.clear()
    limits = Limits(at_once=3, threads=1)
    with serving("one", url, load=loader({"one": model}), limits=limits) as running, ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(running.client.post, "/predict", json=body()) for _ in range(3)]
        assert model.begun.acquire(timeout=PATIENCE)
        while running.application._gate._count < 3:  # the others are on their way
            assert not any(request.done() for request in waiting)
        refused = running.client.post("/predict", json=body())
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert "3 requests are being answered, which is the limit" in refused.json()["detail"]
        assert running.client.get("/health").status_code == 200
        model.gate.set()
        assert [request.result().status_code for request in waiting] == [200] * 3


def test_a_decision_that_takes_too_long_is_a_503(url):
    model = FakeModel()
    model.gate.clear()
    with serving("one", url, load=loader({"one": model}), limits=Limits(answer_seconds=0.2)) as running:
        refused = running.client.post("/predict", json=body())
        assert (refused.status_code, "longer than 0.2 seconds" in refused.text) == (503, True)
        model.gate.set()


def takes_connections(address):
    try:
        return httpx.get(f"{address}/health", timeout=PATIENCE).status_code == 200
    except httpx.TransportError:
        return False


def test_a_stop_answers_what_was_begun(url):
    model = FakeModel()
    model.gate.clear()
    with serving("one", url, load=loader({"one": model})) as running, ThreadPoolExecutor(1) as pool:
        begun = pool.submit(running.client.post, "/predict", json=body())
        assert model.begun.acquire(timeout=PATIENCE)
        running.server.should_exit = True
        while takes_connections(running.address):
            assert not begun.done()
        assert not begun.done()
        model.gate.set()
        assert begun.result().status_code == 200


def test_a_swap_drops_no_answer_and_mixes_none(url):
    models = {"one": FakeModel("one", factor=1.0), "two": FakeModel("two", factor=2.0)}
    with serving("one", url, load=loader(models), tokens=TOKENS) as running:
        stop = threading.Event()
        answers = []

        def ask(number):
            with httpx.Client(base_url=running.address, timeout=PATIENCE, headers=ADMIN) as client:
                while not stop.is_set():
                    answers.append(client.post("/predict", json=body([100.0] * number + [100.0 + number])))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(1, 5)]
        for thread in threads:
            thread.start()
        for name in ("two", "one") * 200:  # until enough was answered meanwhile
            swapped = running.client.post("/model", json={"bundle": name}, headers=ADMIN)
            assert (swapped.status_code, swapped.json()["name"]) == (200, name)
            if len(answers) > 40:
                break
        stop.set()
        for thread in threads:
            thread.join()
        assert len(answers) > 10
        for answered in answers:
            assert answered.status_code == 200
            content = answered.json()
            factor = 1.0 if content["model"]["id"].startswith("one") else 2.0
            assert content["prediction"] == (content["close"] / 100 - 1) * factor
            assert (content["size"], content["warnings"]) == (factor, [])
        assert len(read_predictions(running.log, models["one"].record.id).rows) <= 4


def test_a_refused_bundle_leaves_the_old_one_serving(url):
    def load(folder):
        if str(folder) == "one":
            return FakeModel()
        raise StoreError(f"{folder}: its self-test answers another prediction than it must; train again")

    with serving("one", url, load=load, tokens=TOKENS) as running:
        refused = running.client.post("/model", json={"bundle": "broken"}, headers=ADMIN)
        assert refused.status_code == 422
        assert "broken: its self-test answers another" in refused.json()["detail"]
        assert "the bundle before it goes on serving" in refused.json()["detail"]
        assert running.client.post("/predict", json=body(), headers=ADMIN).status_code == 200
        metrics = running.client.get("/metrics", headers=ADMIN).text
        assert 'btml_model_swaps_total{outcome="refused"} 1.0' in metrics
