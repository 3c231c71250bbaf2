"""Requests that are refused, and what is said of them: status, one line, place, remedy."""

import json
import re
import socket
import time

import httpx
import pytest
from fake_model import FakeModel, body, loader, rows
from running_service import PATIENCE, serving

from serving.http.settings import Limits
from serving.http.tokens import Tokens

JSON = {"Content-Type": "application/json"}
BARS = rows([100.0, 101.0])
CLIENT, ADMIN = "c" * 20, "a" * 20


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def sqlite(tmp_path):
    return f"sqlite:///{tmp_path / 'log.sqlite'}"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    models = {"one": FakeModel(), "two": FakeModel("two", ("A", "B"))}
    with serving("one", sqlite(folder), load=loader(models), limits=Limits(body=20_000)) as service:
        yield service


@pytest.fixture(scope="module")
def client(running):
    return running.client


def is_problem(answered, status):
    assert answered.status_code == status, answered.text
    assert answered.headers["content-type"] == "application/problem+json"
    document = answered.json()
    assert (document["status"], "\n" in document["detail"]) == (status, False)
    assert document["instance"].endswith(answered.headers["x-request-id"])
    return document


def test_an_answer_has_all_that_was_promised(client):
    answered = client.post("/predict", json=body([100.0, 102.0], account=500.0))
    assert answered.status_code == 200
    assert answered.json() == {
        "symbol": "A",
        "as_of": "2024-01-03T21:00:00+00:00",
        "prediction": 102.0 / 100.0 - 1,
        "confidence": 0.5,
        "interval": None,
        "side": 1,
        "weight": 1.0,
        "position_value": 1.0,
        "size": 1.0,
        "close": 102.0,
        "entry": None,
        "stop": None,
        "target": None,
        "reason": "signal",
        "state": None,
        "account": 500.0,
        "model": {"id": "fake-1.0".ljust(64, "0"), "trained_until": "1970-01-01T00:00:00+00:00"},
        "warnings": [],
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"symbol": "A"}, "bars: field required; add it"),
        ({"bars": BARS}, "symbol: field required; add it"),
        ({}, "bars: field required; add it; symbol: field required"),
        ([1], r"the body is no object \(given \[1\]\); send {symbol, bars} or {symbols}"),
        ({**body(), "acount": 5}, r"acount: extra inputs are not permitted \(given 5\); leave it out"),
        (body(account=0), r"account: input should be greater than 0 \(given 0\)"),
        (body(account="10000"), r"account: input should be a valid number \(given \"10000\"\); write a number"),
        (body(account=True), "account: input should be a valid number"),
        ({"symbol": "A", "bars": []}, "bars: list should have at least 1 item"),
        ({"symbol": "A", "bars": [{**BARS[0], "close": "1"}]}, r"bars\[0\].close: input should be a valid number"),
        ({"symbol": "A", "bars": [{**BARS[0], "time": 5}]}, r"bars\[0\].time: input should be a valid string"),
        ({"symbol": "A", "bars": [{"time": "2024-01-02"}]}, r"bars\[0\].open: field required"),
        ({"symbol": "A", "bars": BARS[:1]}, "A: has 1 bars, but the model needs at least 2"),
        ({"symbol": "A", "bars": BARS[::-1]}, "the date is earlier than the one before it"),
        ({"symbol": "A", "bars": [BARS[0], BARS[0]]}, "duplicate date"),
        (body(symbol="B"), r"symbol: the model knows no such symbol \(given \"B\"\); ask for A"),
        ({"symbols": {"B": {"bars": BARS}}}, r"symbols: \"A\" is missing"),
        ({"symbols": {"A": {"bars": [{**BARS[0], "low": -1.0}]}}}, r"symbols.A.bars\[0\]"),
        ({"symbols": {}}, "symbols: dictionary should have at least 1 item"),
        ({"symbols": {str(n): {"bars": BARS[:1]} for n in range(150)}}, "is missing"),
        (body(holding={"side": 2}), "holding.side: input should be -1, 0 or 1"),
        (body(holding={"side": 1, "held": -1}), "holding.held: input should be greater than or equal to 0"),
        (body(news=[{"time": "2024-01-02", "text": "x", "symbol": "Z"}]), r"news\[0\].symbol: the request has no such"),
        (body(news=[{"time": "02.01.2024", "text": "x"}]), r"news\[0\].time"),
        (body(news=[{"time": "9999-12-31", "text": "x"}]), r"news\[0\].time"),
        (body(news=[{"time": "2024-01-02T10:00", "text": "x"}]), "has a time of day but no zone"),
        (body(**{"\u2028\x00{x}": 1}), "extra inputs are not permitted"),
    ],
)
def test_contents_that_are_refused(client, content, message):
    document = is_problem(client.post("/predict", json=content), 422)
    assert re.search(message, document["detail"]), document["detail"]
    assert all(set(error) == {"where", "problem", "given", "remedy"} for error in document["errors"])


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b'{"symbol": "A", "symbol": "A", "bars": []}', 400),
        (b'{"symbol": "A", "account": 1e400, "bars": [' + json.dumps(BARS[0]).encode() + b"]}", 422),
        (json.dumps(body()).encode("utf-16"), 400),
        (b"[" * 10_000, 400),
        (b'{"symbol": "A", "bars": NaN}', 400),
    ],
)
def test_bodies_that_are_no_strict_json(client, content, status):
    is_problem(client.post("/predict", content=content, headers=JSON), status)


def test_other_paths_methods_and_types(client):
    assert "there is no such path" in is_problem(client.get("/predictions"), 404)["detail"]
    refused = client.get("/predict")
    assert "does not take this method" in is_problem(refused, 405)["detail"]
    assert refused.headers["allow"] == "POST"
    declared = {"Content-Type": "application/x-www-form-urlencoded"}
    document = is_problem(client.post("/predict", content=json.dumps(body()), headers=declared), 415)
    assert "send the header `Content-Type: application/json`" in document["detail"]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(client):
    is_problem(client.post("/predict", content=b" " * 3_000_000, headers=JSON), 413)
    document = is_problem(client.post("/predict", content=b" " * 20_001, headers=JSON), 413)
    assert "the body has 20,001 bytes, at most 20,000 are read; send fewer bars" in document["detail"]
    chunks = iter([b" " * 15_000] * 2)  # without a length
    is_problem(client.post("/predict", content=chunks, headers=JSON), 413)


def test_a_name_of_another_machine_is_refused(client):
    document = is_problem(client.get("/model", headers={"Host": "evil.example"}), 421)
    assert "names of this machine only" in document["detail"]
    for name in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
        assert client.get("/health", headers={"Host": name}).status_code == 200


def test_the_id_of_a_request_is_the_clients_if_it_is_plain(client):
    assert client.get("/health", headers={"X-Request-Id": "order-7"}).headers["x-request-id"] == "order-7"
    assert len(client.get("/health", headers={"X-Request-Id": "two words"}).headers["x-request-id"]) == 32


def test_a_bar_that_was_answered_before(client):
    first = client.post("/predict", json=body([50.0, 60.0])).json()
    assert client.post("/predict", json=body([50.0, 60.0])).json() == first
    second = client.post("/predict", json=body([55.0, 60.0])).json()
    assert second["prediction"] != first["prediction"]
    [warning] = second["warnings"]
    assert "this bar was answered before, and differently: prediction" in warning
    assert "bars, news, account, holding or state differ from the first question" in warning
    metrics = client.get("/metrics").text
    assert 'btml_differing_answers_total{kind="prediction"}' in metrics
    assert 'btml_requests_total{path="/predict",status="200"}' in metrics
    assert "btml_request_seconds_bucket" in metrics


def test_the_bundle_cannot_be_changed_without_tokens(client):
    assert "start the service with --token-file" in is_problem(client.post("/model", json={}), 403)["detail"]


def test_health_readiness_and_model(client):
    assert client.get("/health").json() == {"status": "alive"}
    assert client.get("/ready").json()["status"] == "ready"
    assert client.get("/model").json()["name"] == "fake"


def test_a_failure_is_a_problem_without_its_traceback(running, client, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(running.service.served.model, "decide", fail, raising=True)
    document = is_problem(client.post("/predict", json=body([1.0, 2.0])), 500)
    assert "secret" not in json.dumps(document)
    assert "look for the request" in document["detail"]


def test_tokens(tmp_path):
    models = {"one": FakeModel()}
    with serving("one", sqlite(tmp_path), load=loader(models), tokens=Tokens(CLIENT, ADMIN)) as running:
        client = running.client
        for path in ("/health", "/ready", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200
        for headers in ({}, bearer("x" * 20), {"Authorization": CLIENT}, {"Authorization": f"Basic {CLIENT}"}):
            refused = client.post("/predict", json=body(), headers=headers)
            is_problem(refused, 401)
            assert refused.headers["www-authenticate"] == "Bearer"
            is_problem(client.get("/metrics", headers=headers), 401)
            is_problem(client.get("/model", headers=headers), 401)
        for token in (CLIENT, ADMIN):
            assert client.post("/predict", json=body(), headers=bearer(token)).status_code == 200
        is_problem(client.post("/model", json={}, headers=bearer(CLIENT)), 403)
        assert client.post("/model", json={}, headers=bearer(ADMIN)).status_code == 200


def test_a_slow_client_is_cut(tmp_path):
    limits = Limits(read_seconds=0.3)
    with serving("one", sqlite(tmp_path), load=loader({"one": FakeModel()}), limits=limits) as running:
        host, port = running.address.removeprefix("http://").split(":")
        for head in (b"", b"POST /pre", b"POST /predict HTTP/1.1\r\nHost: localhost\r\n"):
            with socket.create_connection((host, int(port)), timeout=PATIENCE) as slow:
                slow.sendall(head)
                assert slow.recv(100) == b""  # closed by the service
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as slow:
            slow.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
            slow.sendall(b"Content-Length: 100\r\n\r\n{")
            assert slow.recv(100).startswith(b"HTTP/1.1 408")
        with httpx.Client(base_url=running.address) as patient:  # a pause between whole requests is allowed
            patient.get("/health")
            time.sleep(0.5)
            assert patient.get("/health").status_code == 200
