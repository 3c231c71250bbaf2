"""No request makes the service fail: requests made of the OpenAPI schema, and bodies made to break it."""

import json
import random
import warnings

import pytest
from fake_model import FakeModel, body, loader, rows
from hypothesis import HealthCheck, given, settings
from running_service import question, serving

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
HEADERS = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('fuzz') / 'log.sqlite'}"
    with serving("one", url, load=loader({"one": FakeModel(has_state=True)})) as running:
        yield running


@pytest.mark.slow
def test_requests_made_of_the_schema(fake):
    """Without schemathesis' plug-in of pytest, which knows the insides of another version."""
    schema = schemathesis.openapi.from_url(f"{fake.address}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert {operation.label for operation in operations} >= {"POST /predict", "POST /model", "GET /ready"}
    for operation in operations:

        @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy() | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
        def ask(case):
            case.call_and_validate(checks=CHECKS)

        ask()


VALUES = ["1e400", "-1e400", "NaN", "Infinity", "null", "true", '"x"', "[]", "{}", "1e308", "5e-324", "-0.0", "0"]
VALUES += ["9" * 400, '"\\ud800"', '"\\u0000"', "1" * 5000, '"{}"', '"' + "A" * 5000 + '"', "[" * 900 + "]" * 900]
KEYS = ["symbol", "symbols", "bars", "holding", "state", "news", "account", "time", "close", "volume", "__class__", ""]


def broken(generator, text):
    """A body with one to three accidents."""
    for _ in range(generator.randint(1, 3)):
        place = generator.randrange(len(text) + 1)
        match generator.randrange(6):
            case 0:
                text = text[:place] + text[place + generator.randint(1, 20) :]
            case 1:
                text = text[:place] + generator.choice(VALUES) + text[place:]
            case 2:
                key = generator.choice(KEYS)
                text = text.replace("{", f'{{"{key}": {generator.choice(VALUES)}, ', 1)
            case 3:
                number = generator.choice(["100.0", "101.0", '"2024-01-02"', "1}", '"A"'])
                text = text.replace(number, generator.choice(VALUES), generator.randint(1, 3))
            case 4:
                text = text[:place] + chr(generator.randrange(1, 0x3000)) + text[place:]
            case _:
                text = text[place:] + text[:place]
    return text.encode(generator.choice(["utf-8"] * 5 + ["utf-16", "latin-1"]), "replace")


def test_bodies_made_to_break_it(fake):
    generator = random.Random(7)  # noqa: S311 - no secret
    whole = json.dumps({**body(), "holding": {"side": 1}, "state": {"count": 1.0}, "account": 5.0})
    several = json.dumps(
        {"symbols": {"A": {"bars": rows([100.0, 101.0])}}, "news": [{"time": "2024-01-02", "text": "x"}]}
    )
    statuses = set()
    for _ in range(1500):
        content = broken(generator, generator.choice([whole, several]))
        answered = fake.client.post("/predict", content=content, headers=HEADERS)
        statuses.add(answered.status_code)
        assert answered.status_code in (200, 400, 413, 422), (answered.text, content)
        assert answered.status_code == 200 or "\n" not in answered.json()["detail"]
    assert statuses == {200, 400, 422}


def test_ten_thousand_symbols(fake):
    content = json.dumps({"symbols": {f"S{number}": {"bars": rows([1.0])} for number in range(10_000)}}).encode()
    answered = fake.client.post("/predict", content=content, headers=HEADERS)
    assert answered.status_code == 413
    few = {"symbols": {f"S{number}": {"bars": []} for number in range(10_000)}}
    answered = fake.client.post("/predict", json=few)
    assert answered.status_code == 422
    assert "symbols: has 10,000 symbols, at most 500 are read" in answered.json()["detail"]


ODD = [1e-300, 1e300, 1e308, 1e-5, 123456789.123]


def test_absurd_prices_of_a_bundle_are_answered_or_refused(ensemble_bundle, ensemble_config, tmp_path):
    """Prices of any size in the bars of a real bundle: a refusal, or an answer without NaN; never a failure."""
    market = ensemble_config.data.load()
    market = market.since(market.times[-120])
    generator = random.Random(3)  # noqa: S311 - no secret
    with serving(ensemble_bundle.folder, f"sqlite:///{tmp_path / 'log.sqlite'}") as running:
        for _ in range(40):
            asked = question(market)
            for part in asked["symbols"].values():
                start = generator.randrange(len(part["bars"]))
                for row in part["bars"][start : start + generator.choice([1, 5, 200])]:
                    row.update(dict.fromkeys(("open", "high", "low", "close"), generator.choice(ODD)))
                    row["volume"] = generator.choice([0.0, 1e308, row["volume"]])
            answered = running.client.post("/predict", json=asked)
            assert answered.status_code in (200, 422), answered.text
            assert "NaN" not in answered.text
